import CLinux
import ControlCore
import Glibc
import Model
import PlaneLink
import Primitives
import Testing

@testable import ControlShell

/// A connection's queue: bounded, in order, each descriptor with its message, whatever the socket takes at a time.
struct PlanePeerTests {
    private func pair() -> (Int32, Int32) {
        var both: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &both)
        return (both[0], both[1])
    }

    /// Some 60 KB that carry nothing.
    private let bulk = ControlToData.refused(String(repeating: "x", count: 60_000))

    @Test func aDataPlaneThatDoesNotReadFillsItsQueueAndNoMore() {
        let (near, far) = pair()
        defer { close(far) }
        let peer = PlanePeer(id: LinkID(1), descriptor: near)
        var count = 0
        while count < 1_000, peer.queue(bulk) {
            #expect(peer.flush() == nil)
            count += 1
        }
        #expect(count > 270)
        #expect(count < 320)
        #expect(peer.queuedBytes <= PlanePeer.queueBytesMax + PlaneFrame.bodyBytesMax)
    }

    @Test func everyMessageArrivesInOrderWithItsDescriptor() throws {
        let (near, far) = pair()
        let peer = PlanePeer(id: LinkID(1), descriptor: near)
        let reading = PlanePeer(id: LinkID(2), descriptor: far)
        var files: [Int32] = []
        for number in 0..<40 {
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            close(ends[1])
            files.append(ends[0])
            let listener = PlaneListener(
                id: ListenerID(UInt32(number)), role: .tunnel(ServiceIndex(0)), worker: WorkerIndex(0), address: ":1")
            #expect(peer.queue(.ping))
            #expect(peer.queue(.listener(listener), sharing: ends[0]))
            #expect(peer.queue(bulk))
        }
        var seen: [UInt32] = []
        var isFault = false
        for _ in 0..<10_000 where seen.count < 40 {
            _ = peer.flush()
            let result = reading.receive { frame in
                guard frame.carriesDescriptor else { return true }
                guard case .listener(let listener) = try? ControlToData.decode(frame),
                    let descriptor = reading.takeArrived()
                else {
                    isFault = true
                    return false
                }
                var theirs = culvert_file_mark(), ours = culvert_file_mark()
                let isThere =
                    culvert_mark_file("/proc/self/fd/\(descriptor)", &theirs) == 0
                    && culvert_mark_file("/proc/self/fd/\(files[Int(listener.id.rawValue)])", &ours) == 0
                if !isThere || theirs.inode != ours.inode { isFault = true }
                close(descriptor)
                seen.append(listener.id.rawValue)
                return true
            }
            if case .end = result { isFault = true }
        }
        #expect(!isFault)
        #expect(seen == Array(0..<40))
        for file in files { close(file) }
    }

    @Test func theEndOfTheOtherSideIsToldOnce() {
        let (near, far) = pair()
        let peer = PlanePeer(id: LinkID(1), descriptor: near)
        guard case .nothing = peer.receive({ _ in true }) else {
            Issue.record("an end before the end")
            return
        }
        close(far)
        guard case .end(.closedByPeer) = peer.receive({ _ in true }) else {
            Issue.record("the end was not seen")
            return
        }
        #expect(peer.queue(.ping))
        #expect(peer.flush() == EPIPE)
    }
}
