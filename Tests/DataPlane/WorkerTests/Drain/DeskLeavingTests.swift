import Model
import PlaneLink
import Primitives
import Testing
import Wire

@testable import Worker

/// A data plane is asked to end: whether others take over is for the control plane to say, and never waited for long.
@Suite struct DeskLeavingTests {
    private static let now = Tick(nanoseconds: 1_000_000_000)

    private func desk(_ capabilities: PlaneCapabilities? = [.leaving]) -> PlaneDesk {
        let desk = PlaneDesk(
            hello: DataHello(
                version: .current, capabilities: [], dataPlaneName: "data-0", processEpoch: 1, workers: 1, processID: 1,
                countersLayout: 1),
            path: "/nowhere", workerCount: 1, countersDescriptor: -1)
        if let capabilities {
            desk.connected()
            hear(
                desk,
                .hello(
                    ControlHello(version: .current, capabilities: capabilities, nodeName: "node", nodeEpoch: 1)))
        }
        return desk
    }

    private func hear(_ desk: PlaneDesk, _ message: ControlToData, descriptor: Int32? = nil) {
        var bytes: [UInt8] = []
        message.encode(to: &bytes)
        bytes.withUnsafeBytes { desk.received($0, descriptors: descriptor.map { [$0] } ?? []) }
    }

    private func said(_ desk: PlaneDesk) throws -> [DataToControl] {
        var reader = PlaneFrameReader()
        while let batch = desk.takeOutgoing() { reader.receive(batch.bytes) }
        var messages: [DataToControl] = []
        while case .frame(let frame) = reader.next() {
            if let message = try DataToControl.decode(frame) { messages.append(message) }
        }
        return messages
    }

    private func ends(_ desk: PlaneDesk) -> Bool {
        desk.effects.contains { if case .end = $0 { true } else { false } }
    }

    private func drains(_ desk: PlaneDesk) -> Bool {
        desk.effects.contains { if case .drain = $0 { true } else { false } }
    }

    @Test func itAsksAndIsToldToDrain() throws {
        let desk = desk()
        desk.leaveNode(Self.now)
        #expect(try said(desk).last == .leaving)
        #expect(!ends(desk) && !drains(desk))
        hear(desk, .drain)
        #expect(drains(desk) && !ends(desk))
        // Whatever becomes of the control plane.
        desk.advance(Self.now.advanced(milliseconds: 10_000))
        hear(desk, .dismissed)
        desk.disconnected(Self.now)
        #expect(!ends(desk))
    }

    @Test func itAsksAndIsDismissed() {
        let desk = desk()
        desk.leaveNode(Self.now)
        hear(desk, .dismissed)
        #expect(ends(desk))
    }

    @Test func nobodyAnswers() {
        let desk = desk()
        desk.leaveNode(Self.now)
        #expect(desk.nextDeadline <= Self.now.advanced(milliseconds: PlaneDesk.leavePatienceMilliseconds))
        desk.advance(Self.now.advanced(milliseconds: PlaneDesk.leavePatienceMilliseconds - 1))
        #expect(!ends(desk))
        desk.advance(Self.now.advanced(milliseconds: PlaneDesk.leavePatienceMilliseconds))
        #expect(ends(desk))
    }

    @Test func theControlPlaneDiesInstead() {
        let desk = desk()
        desk.leaveNode(Self.now)
        desk.disconnected(Self.now)
        #expect(ends(desk))
    }

    @Test(arguments: [nil, [.access, .cluster]] as [PlaneCapabilities?])
    func thereIsNobodyToAsk(_ capabilities: PlaneCapabilities?) throws {
        let desk = desk(capabilities)
        desk.leaveNode(Self.now)
        #expect(ends(desk))
        #expect(try !said(desk).contains(.leaving))
    }

    /// A control plane that was restarted meanwhile hears of it before it opens sockets for us, and opens none.
    @Test func aNewControlPlaneIsToldAndItsSocketsAreNotTaken() throws {
        let desk = desk()
        hear(desk, .drain)
        desk.disconnected(Self.now)
        _ = try said(desk)
        desk.effects = []
        desk.connected()
        #expect(try said(desk).dropFirst().first == .leaving)
        let listener = PlaneListener(
            id: ListenerID(1), role: .tunnel(ServiceIndex(0)), worker: WorkerIndex(0), address: "127.0.0.1:1")
        hear(desk, .listener(listener), descriptor: 77)
        var closed: [Int32] = []
        for effect in desk.effects {
            if case .closeDescriptor(let descriptor) = effect { closed.append(descriptor) }
            if case .openListener = effect { Issue.record("it accepts again") }
        }
        #expect(closed == [77])
    }
}
