import Model
import Simulator
import Testing
import Wire
import World

/// Every deadline: what happens when it is reached, that it is counted, and that nothing stays behind.
@Suite struct DeadlineTests {
    @Test func aSilentVisitorEnds() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        bench.run(9_500)
        #expect(!visitor.isEnded)
        bench.run(1_000)
        #expect(visitor.isEnded)
        #expect(bench.node.count(.firstByteTimeout) == 1)
        bench.expectQuiet()
    }

    @Test func aSlowHeadIs408() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.1\r\n")
        for _ in 0..<11 {
            bench.run(1_000)
            if !visitor.isEnded { visitor.write("X: y\r\n") }
        }
        #expect(visitor.status == 408)
        #expect(bench.node.count(.headTimeout) == 1)
        bench.run(5_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    @Test func aBodyThatStallsIs408() throws {
        let bench = try Bench(limits: [.bodyIdleMilliseconds: 2_000])
        let visitor = bench.visitor()
        visitor.write("POST /up HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 100\r\n\r\n")
        for _ in 0..<4 {
            bench.run(1_500)
            visitor.write("0123456789")
        }
        bench.run(1_500)
        #expect(visitor.received.isEmpty)
        bench.run(1_000)
        #expect(visitor.status == 408)
        #expect(bench.node.count(.bodyTimeout) == 1)
        #expect(try bench.stream().isFinished)
        bench.run(5_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    @Test func aSilentOriginIs504() throws {
        let bench = try Bench(limits: [.answerHeadTimeoutMilliseconds: 2_000])
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run(1_900)
        #expect(visitor.received.isEmpty)
        bench.run(300)
        #expect(visitor.status == 504)
        #expect(try bench.stream().isFinished)
        #expect(bench.node.count(.answerTimeout) == 1)
        visitor.forget()
        visitor.write(bench.get("/again"))
        bench.run()
        bench.connector.send(try bench.stream(1), ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }

    @Test func aSilentLinkEnds() throws {
        let bench = try Bench()
        let relay = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
        let upgrade = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.webSocketPort)
        upgrade.write("GET /ws HTTP/1.1\r\n")
        bench.run(11_000)
        #expect(relay.isEnded)
        #expect(upgrade.isEnded)
        #expect(bench.node.count(.handshakeTimeout) == 2)
        bench.expectQuiet()
    }

    @Test func aSilentConnectorIsAskedAndGivenUp() throws {
        let bench = try Bench()
        bench.run(29_000)
        #expect(bench.connector.keepAlives >= 2)
        #expect(!bench.connector.peer.isEnded)
        bench.run(3_000)
        #expect(bench.connector.peer.isEnded)
        #expect(bench.node.count(.keepAliveTimeout) == 1)
        bench.expectQuiet(connectors: 0)
    }

    /// smux has no half-close: the visitor's end is held until the stream was silent for the grace.
    @Test func aHalfClosedUpgradeEndsAfterTheGrace() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(
            stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst")
        bench.run()
        #expect(visitor.text.hasSuffix("\r\n\r\nfirst"))
        visitor.write("from the visitor")
        visitor.peer.endWriting()
        bench.run(3_000)
        #expect(stream.text.hasSuffix("from the visitor"))
        #expect(!stream.isFinished)
        bench.connector.send(stream, "late")
        bench.run(4_000)
        #expect(visitor.text.hasSuffix("firstlate"))
        #expect(!stream.isFinished)
        bench.run(3_000)
        #expect(stream.isFinished)
        #expect(visitor.isEnded)
        bench.run(3_000)
        bench.expectQuiet()
    }

    /// With the extension the half-close passes at once, and the other direction lives on.
    @Test func aHalfClosePassesToOurClient() throws {
        let bench = try Bench(capabilities: [.halfClose, .reset])
        let visitor = bench.visitor()
        visitor.write(bench.get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(
            stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        bench.run()
        visitor.peer.endWriting()
        bench.run(8_000)
        #expect(stream.isHalfClosed)
        #expect(!stream.isFinished)
        bench.connector.send(stream, "still here")
        bench.run()
        #expect(visitor.text.hasSuffix("still here"))
        bench.connector.finish(stream)
        bench.run(3_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }
}
