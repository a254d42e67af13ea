import Model
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Limits of the tunnel port: what who reaches one is told, what is counted, and that others are unharmed.
@Suite struct LimitTests {
    private func visit(_ bench: Bench) -> ScriptedRelayVisitor {
        ScriptedRelayVisitor(
            bench.world, bench.node, bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: Bench.tunnel, host: bench.host))
    }

    /// A visitor that was there before is served.
    private func expectUnharmed(_ bench: Bench, _ visitor: ScriptedRelayVisitor) throws {
        visitor.write("ping")
        bench.run()
        // Which of several came first is the kernel's choice.
        let stream = try #require(bench.connector.streams.first { $0.text.hasSuffix("ping") })
        bench.connector.send(stream, "pong")
        bench.run()
        #expect(visitor.text.hasSuffix("pong"))
    }

    @Test func streamsPerConnector() throws {
        let bench = try Bench(limits: [.streamsPerConnectorMax: 3])
        let visitors = (0..<3).map { _ in visit(bench) }
        bench.run()
        #expect(visitors.allSatisfy { $0.status == 0 })
        let relay = visit(bench)
        let page = bench.visitor()
        page.write(bench.get())
        bench.run()
        #expect(relay.status == 5)
        #expect(page.status == 503)
        #expect(page.text.contains(Reason.streamsFull.label))
        #expect(bench.node.count(.streamsFull) == 2)
        // A further connector has streams of its own.
        let second = try bench.secondConnector()
        let later = visit(bench)
        bench.run()
        #expect(later.status == 0)
        #expect(second.streams.count == 1)
        try expectUnharmed(bench, visitors[0])
    }

    @Test func linksPerWorker() throws {
        let bench = try Bench(limits: [.linksPerWorkerMax: 16])
        let visitors = (0..<15).map { _ in visit(bench) }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.status == 0 })
        let further = visit(bench)
        bench.run(100)
        #expect(further.status == RelayStatus.serviceUnavailable.rawValue)
        #expect(further.isEnded)
        #expect(bench.node.count(.linksFull) == 1)
        try expectUnharmed(bench, visitors[0])
    }

    @Test func aLongRelayRequest() throws {
        let bench = try Bench(limits: [.relayHeadBytesMax: 1_024])
        let visitor = visit(bench)
        let long = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
        long.peer.write([1, 1, 0x20, 0] + [UInt8](repeating: 0, count: 0x2000))
        bench.run(100)
        #expect(long.isEnded)
        #expect(long.received.isEmpty)
        #expect(bench.node.count(.relayFault) == 1)
        try expectUnharmed(bench, visitor)
    }

    @Test func aSlowRelayRequest() throws {
        let bench = try Bench(limits: [.handshakeTimeoutMilliseconds: 2_000])
        let visitor = visit(bench)
        let slow = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
        slow.peer.write([1, 1])
        // Nine bytes are announced; one of them comes.
        for byte in [0, 9, 0] as [UInt8] {
            bench.run(600)
            slow.peer.write([byte])
        }
        #expect(!slow.isEnded)
        bench.run(600)
        #expect(slow.isEnded)
        #expect(bench.node.count(.handshakeTimeout) == 1)
        try expectUnharmed(bench, visitor)
    }
}
