import CLinux
import Operations
import Primitives
import Testing

@Suite struct SendConformance {
    /// A send that does not fit is short, the next one waits until the peer reads, and every byte arrives.
    @Test(arguments: Subject.allCases)
    func shortThenWaiting(subject: Subject) throws {
        let rig = try Rig(subject, bufferCount: 64)
        let (left, right) = rig.loop.pair()
        let bytes = pattern(2 << 20)
        let address = rig.place(bytes: bytes)
        let first = rig.result(of: rig.emit(.send, on: left, address: address, length: UInt32(bytes.count)))
        #expect(first > 0)
        #expect(first < bytes.count)
        var sent = Int(first)
        let send = rig.emit(.send, on: left, address: address + UInt(sent), length: UInt32(bytes.count - sent))
        #expect(rig.ready(of: send).isEmpty)
        let receive = rig.emit(.receive, on: right)
        let received = rig.receive(receive, on: right, count: sent)
        #expect(received == Array(bytes[..<received.count]))
        let more = rig.result(of: send)
        #expect(more > 0)
        sent += Int(more)
        let rest = rig.receive(receive, on: right, count: sent - received.count)
        #expect(received + rest == Array(bytes[..<sent]))
        rig.close(left, right)
    }

    /// A send that waits, for the tests below.
    private func stuck(_ rig: Rig, on descriptor: Int32) -> Token {
        let address = rig.place(bytes: [UInt8](repeating: 7, count: 8 << 20))
        while true {
            let send = rig.emit(.send, on: descriptor, address: address, length: 8 << 20)
            guard let done = rig.ready(of: send).first else { return send }
            guard done.result > 0 else {
                Issue.record("a send failed: \(done.result)")
                return send
            }
        }
    }

    @Test(arguments: Subject.allCases)
    func cancelled(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let send = stuck(rig, on: left)
        #expect(rig.result(of: rig.cancel(send)) == 0)
        #expect(rig.result(of: send) == -ECANCELED)
        rig.close(left, right)
    }

    @Test(arguments: Subject.allCases)
    func closingEndsWhatWaits(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let send = stuck(rig, on: left)
        rig.close(left)
        #expect([-ECANCELED, -EBADF].contains(rig.result(of: send)))
        rig.close(right)
    }

    @Test(arguments: Subject.allCases)
    func peerGoneWhileWaiting(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let send = stuck(rig, on: client)
        rig.close(server)
        #expect([-ECONNRESET, -EPIPE].contains(rig.result(of: send)))
        #expect([-ECONNRESET, -EPIPE].contains(rig.result(of: rig.send([1], on: client))))
        rig.close(client)
    }

    @Test(arguments: Subject.allCases)
    func sendingAfterTheEndFails(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        #expect(rig.result(of: rig.emit(.shutdown, on: left, length: 1)) == 0)
        #expect(rig.result(of: rig.send([1], on: left)) == -EPIPE)
        rig.close(left, right)
    }

    @Test(arguments: Subject.allCases)
    func sixtyFourRanges(subject: Subject) throws {
        let rig = try Rig(subject)
        let (client, server) = rig.connection()
        let bytes = pattern(64 * 33)
        let address = rig.place(bytes: bytes)
        let vector = rig.place(SendVector())
        for index in 0..<64 {
            vector.pointee.ranges[index] = SendRange(address: address + UInt(index * 33), count: 33)
        }
        vector.pointee.count = 64
        vector.pointee.bytes = UInt32(bytes.count)
        let send = rig.emit(.sendVector, on: client, address: UInt(bitPattern: vector))
        #expect(rig.result(of: send) == Int32(bytes.count))
        let receive = rig.emit(.receive, on: server)
        #expect(rig.receive(receive, on: server, count: bytes.count) == bytes)
        rig.close(client, server)
    }

    @Test(arguments: Subject.allCases)
    func aShortVector(subject: Subject) throws {
        let rig = try Rig(subject)
        let (left, right) = rig.loop.pair()
        let bytes = pattern(4 << 20)
        let address = rig.place(bytes: bytes)
        let vector = rig.place(SendVector())
        for index in 0..<4 {
            vector.pointee.ranges[index] = SendRange(address: address + UInt(index << 20), count: 1 << 20)
        }
        vector.pointee.count = 4
        vector.pointee.bytes = UInt32(bytes.count)
        let sent = rig.result(of: rig.emit(.sendVector, on: left, address: UInt(bitPattern: vector)))
        #expect(sent > 0)
        #expect(sent < bytes.count)
        let receive = rig.emit(.receive, on: right)
        #expect(rig.receive(receive, on: right, count: Int(sent)) == Array(bytes[..<Int(sent)]))
        // A vector that waits can be cancelled like any send.
        _ = stuck(rig, on: left)
        let waiting = rig.emit(.sendVector, on: left, address: UInt(bitPattern: vector))
        #expect(rig.ready(of: waiting).isEmpty)
        #expect(rig.result(of: rig.cancel(waiting)) == 0)
        #expect(rig.result(of: waiting) == -ECANCELED)
        rig.close(left, right)
    }
}
