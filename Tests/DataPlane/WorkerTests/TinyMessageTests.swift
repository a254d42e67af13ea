import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Many tiny messages hold little memory and no end of nothing: neither nodes nor buffers are used up by them.
@Suite struct TinyMessageTests {
    /// A relay visitor over WebSocket, with its stream open.
    private func relayVisitor(_ bench: Bench) throws -> ScriptedVisitor {
        let visitor = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.webSocketPort)
        visitor.write(
            "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        var request = RelayRequest(.connect)
        request.tunnel = RelayTunnel(high: Bench.tunnel.high, low: Bench.tunnel.low, capabilities: [], weight: 0)
        var room = [UInt8](repeating: 0, count: 200)
        let count = try #require(room.withUnsafeMutableBytes { request.write(into: $0) })
        visitor.peer.write([0x82, 0x80 | UInt8(count), 0, 0, 0, 0] + room.prefix(count))
        bench.run(50)
        try #require(bench.connector.streams.count == 1)
        return visitor
    }

    @Test func oneByteMessagesOfARelayVisitor() throws {
        let bench = try Bench(isDirect: true)
        bench.connector.grantsWindows = false
        let visitor = try relayVisitor(bench)
        // More than the window, so that they wait here.
        let message: [UInt8] = [0x82, 0x81, 0, 0, 0, 0, 7]
        visitor.peer.write((0..<300_000).flatMap { _ in message })
        bench.run(500)
        #expect(bench.node.benches[0].worker.ledger.buffersInUse < 150)
        visitor.peer.reset()
        bench.connector.peer.reset()
        bench.run(100)
        bench.expectQuiet(connectors: 0)
    }

    /// The other way: each message to the visitor has a header of its own, and a payload of ten bytes.
    @Test func tinyMessagesToARelayVisitor() throws {
        let bench = try Bench(isDirect: true)
        let visitor = try relayVisitor(bench)
        visitor.peer.pauseReading()
        let stream = try bench.stream()
        let payload = [UInt8](repeating: 7, count: 10)
        for _ in 0..<40 {
            for _ in 0..<1_000 { bench.connector.sendWithoutWindow(stream, payload) }
            bench.run(5)
            #expect(bench.node.benches[0].worker.ledger.buffersInUse < 100)
        }
        visitor.peer.resumeReading()
        bench.run(500)
        let messages = Array(repeatElement([0x82, 10] + payload, count: 40_000).joined())
        #expect(visitor.received.suffix(messages.count) == messages[...])
        visitor.peer.reset()
        bench.connector.peer.reset()
        bench.run(100)
        bench.expectQuiet(connectors: 0)
    }
}
