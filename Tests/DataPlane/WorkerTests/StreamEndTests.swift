import Model
import Observe
import Simulator
import Testing
import Wire
import Worker
import World

/// The closing table of Streams/Stream.swift, and what becomes of the request: who ended what, and what is owed.
@Suite struct StreamEndTests {
    private func post(_ bench: Bench) -> String {
        "POST /p HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nabc"
    }

    /// The visitor is gone: FIN behind what it had sent.
    @Test func aVisitorThatLeavesEndsItsStream() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        visitor.peer.reset()
        bench.run()
        #expect(try bench.stream().text == bench.forwarded())
        #expect(try bench.stream().isFinished)
        bench.expectQuiet()
    }

    /// A GET whose stream ends before any answer is repeated once, on another connector if there is one.
    @Test func aGetIsRepeatedOnce() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/g"))
        bench.run()
        bench.connector.finish(try bench.stream())
        bench.run()
        #expect(visitor.received.isEmpty || visitor.status == 503)
        let second = try Bench()
        let other = try second.secondConnector()
        let asking = second.visitor()
        asking.write(second.get("/g"))
        second.run()
        let (first, spare) = second.connector.streams.isEmpty ? (other, second.connector) : (second.connector, other)
        first.finish(first.streams[0])
        second.run()
        try #require(spare.streams.count == 1)
        #expect(spare.streams[0].text == second.forwarded("/g"))
        spare.finish(spare.streams[0])
        second.run()
        #expect(asking.status == 503)
        #expect(second.node.count(.requestsRetried) == 1)
        asking.peer.close()
        second.run(3_000)
        second.expectQuiet(connectors: 2)
    }

    @Test func aPostIsNotRepeated() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = bench.visitor()
        visitor.write(post(bench))
        bench.run()
        let first = bench.connector.streams.isEmpty ? other : bench.connector
        first.finish(first.streams[0])
        bench.run()
        #expect(visitor.status == 503)
        #expect(bench.node.count(.requestsRetried) == 0)
        #expect(bench.connector.streams.count + other.streams.count == 1)
    }

    /// The connector dies with the request inside.
    @Test func aDeadConnectorsRequestGoesToAnother() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = bench.visitor()
        visitor.write(bench.get("/g"))
        bench.run()
        let (first, spare) = bench.connector.streams.isEmpty ? (other, bench.connector) : (bench.connector, other)
        first.peer.reset()
        bench.run()
        try #require(spare.streams.count == 1)
        spare.send(spare.streams[0], ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet()
    }

    /// The far side ends a parked stream as the next request is on its way: the keep-alive race.
    @Test(arguments: [true, false])
    func theKeepAliveRace(_ isPost: Bool) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/1"))
        bench.run()
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        visitor.forget()
        visitor.write(isPost ? post(bench) : bench.get("/2"))
        bench.connector.finish(try bench.stream())
        bench.run(1)
        bench.run(50)
        if isPost {
            // It had left already: only what is safe is repeated.
            #expect(visitor.status == 503)
            #expect(bench.connector.streams.count == 1)
        } else {
            bench.connector.send(try bench.stream(1), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        }
    }

    /// A parked stream that speaks answers nothing: it is ended, the visitor stays.
    @Test func aParkedStreamThatSpeaksIsEnded() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        bench.connector.send(try bench.stream(), "HTTP/1.1 408 Request Timeout\r\n\r\n")
        bench.run()
        #expect(try bench.stream().isFinished)
        #expect(visitor.text == ExchangeTests.ok)
        visitor.forget()
        visitor.write(bench.get("/2"))
        bench.run()
        bench.connector.send(try bench.stream(1), ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }

    /// A connector that sends past its window: that stream is void, others go on.
    @Test func aWindowExceededEndsThatStreamOnly() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.peer.pauseReading()
        visitor.write(bench.get("/big"))
        let other = bench.visitor()
        other.write(bench.get("/small"))
        bench.run()
        let big = try #require(bench.connector.streams.first { $0.text.contains("/big") })
        let small = try #require(bench.connector.streams.first { $0.text.contains("/small") })
        bench.connector.sendWithoutWindow(big, Array("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n".utf8))
        for _ in 0..<100 { bench.connector.sendWithoutWindow(big, [UInt8](repeating: 1, count: 60_000)) }
        bench.connector.send(small, ExchangeTests.ok)
        bench.run(100)
        #expect(other.text == ExchangeTests.ok)
        #expect(bench.node.count(.windowExceeded) == 1)
        #expect(big.isFinished)
        visitor.peer.resumeReading()
        other.peer.close()
        bench.run(5_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }

    /// A connector that never reads: the visitor is not read further, memory stays bounded.
    @Test func aConnectorThatGrantsNothingPausesTheVisitor() throws {
        let bench = try Bench()
        bench.connector.grantsWindows = false
        let visitor = bench.visitor()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 5000000\r\n\r\n")
        visitor.peer.write([UInt8](repeating: 1, count: 5_000_000))
        bench.run(200)
        #expect(bench.node.benches[0].worker.ledger.buffersInUse < 200)
        #expect(visitor.peer.unsentCount > 3_000_000)
        visitor.peer.reset()
        bench.run(100)
        bench.connector.peer.reset()
        bench.run(100)
        bench.expectQuiet(connectors: 0)
    }

    /// A connector whose session ends takes its visitors along, each with an answer.
    @Test func aSessionThatBreaksEndsItsLink() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(post(bench))
        bench.run()
        bench.connector.peer.write([9, 9, 9, 9, 9, 9, 9, 9])
        bench.run(100)
        #expect(bench.node.count(.smuxVersion) == 1)
        #expect(visitor.status == 503)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func aStreamThatAClientOpensIsClosed() throws {
        let bench = try Bench()
        bench.connector.peer.write(bench.connector.frame(.open, 77))
        bench.run()
        #expect(bench.node.count(.peerOpenedStream) == 1)
        #expect(bench.connector.violations == ["the end of stream 77, which was never opened"])
    }
}
