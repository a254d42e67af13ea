import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A node that stands still with other nodes' requests inside: which of them are repeated elsewhere, when, and which
/// wait. Visitors are at node 0, and rather sent to node 1 than to those behind it.
@Suite struct PeerSilenceTests {
    private static let ok = ExchangeTests.ok
    private static let post =
        "POST / HTTP/1.1\r\nHost: \(Endpoint.label(of: ClusterBench.tunnel).string).localhost\r\n"
        + "Content-Length: 3\r\n\r\nabc"

    private func cluster(
        nodes: Int = 3, limits: [Limit: UInt64] = [:], isDirect: Bool = false
    ) throws -> (bench: ClusterBench, connectors: [ScriptedConnector]) {
        let bench = try ClusterBench(
            workers: Array(repeating: 1, count: nodes), limits: limits, isDirect: isDirect)
        let connectors = try (1..<nodes).map { try bench.connector(at: $0) }
        bench.controls[0].tunnels[ClusterBench.tunnel] = (1..<nodes).map {
            ScriptedControl.candidate($0, standing: $0 == 1 ? .preferred : .suspect)
        }
        return (bench, connectors)
    }

    private func freeze(_ bench: ClusterBench, _ node: Int = 1, _ isFrozen: Bool = true) {
        for worker in bench.nodes[node].benches { worker.isFrozen = isFrozen }
    }

    /// Everybody goes; nothing is left of anybody.
    private func expectNothingLeft(_ bench: ClusterBench, _ connectors: [ScriptedConnector]) {
        bench.run(1_000)
        for connector in connectors {
            #expect(connector.violations == [])
            connector.peer.close()
        }
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// A request that was accepted there before it stood still: safe ones are elsewhere within half a second, others
    /// wait for its end, because it may go on and act on them.
    @Test(arguments: [true, false])
    func aRequestInside(isSafe: Bool) throws {
        let (bench, connectors) = try cluster()
        let visitor = bench.visitor(at: 0)
        visitor.write(isSafe ? bench.get() : Self.post)
        bench.run(50)
        try #require(connectors[0].streams.count == 1 && connectors[1].streams.isEmpty)
        freeze(bench)
        // The last word came up to 314 ms ago.
        bench.run(80)
        #expect(connectors[1].streams.isEmpty)
        bench.run(400)
        if isSafe {
            try #require(connectors[1].streams.count == 1)
            connectors[1].send(connectors[1].streams[0], Self.ok)
            bench.run(20)
            #expect(visitor.text == Self.ok && bench.nodes[0].count(.requestsRetried) == 1)
            #expect(bench.nodes[0].count(.keepAliveTimeout) == 0)
        } else {
            bench.run(2_000)
            #expect(visitor.status == nil)
            bench.run(800)
            #expect(visitor.status == 503 && connectors[1].streams.isEmpty)
        }
        // It goes on, and hears that nobody waits any more.
        freeze(bench, 1, false)
        bench.run(1_000)
        let isOver = connectors[0].streams.allSatisfy { $0.isFinished || $0.resetReason != nil }
        #expect(isOver && bench.nodes[0].count(.requestsRetried) == (isSafe ? 1 : 0))
        visitor.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// On a stream that was parked nothing is asked before the request is sent: it is inside a node that stood still
    /// already, and leaves it as the others do.
    @Test func aRequestOnAParkedStream() throws {
        let (bench, connectors) = try cluster()
        let visitors = (0..<20).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get("/first")) }
        bench.run(50)
        for stream in connectors[0].streams { connectors[0].send(stream, Self.ok) }
        bench.run(50)
        freeze(bench)
        for visitor in visitors {
            visitor.forget()
            visitor.write(bench.get("/second"))
        }
        bench.run(480)
        try #require(connectors[1].streams.count == 20)
        for stream in connectors[1].streams {
            #expect(stream.text.contains("GET /second "))
            connectors[1].send(stream, Self.ok)
        }
        bench.run(20)
        #expect(visitors.allSatisfy { $0.text == Self.ok } && bench.nodes[0].count(.requestsRetried) == 20)
        freeze(bench, 1, false)
        for visitor in visitors { visitor.peer.close() }
        expectNothingLeft(bench, connectors)
    }

    /// What may not be repeated is not sent on a parked stream: nobody knows what it leads to. Asked first, a node that
    /// stands still costs it a moment; where there is no other way there is nothing to ask for.
    @Test(arguments: [3, 2])
    func aPostAsksFirst(nodes: Int) throws {
        let (bench, connectors) = try cluster(nodes: nodes)
        let visitor = bench.visitor(at: 0)
        for round in 0..<3 {
            visitor.forget()
            visitor.write(round == 0 ? bench.get() : Self.post)
            bench.run(50)
            connectors[0].send(try #require(connectors[0].streams.last), Self.ok)
            bench.run(50)
            #expect(visitor.text == Self.ok)
        }
        #expect(connectors[0].streams.count == (nodes == 2 ? 1 : 3))
        // Each takes the place of the one before.
        #expect(connectors[0].streams.count { !$0.isFinished } == 1)
        visitor.forget()
        freeze(bench)
        visitor.write(Self.post)
        bench.run(330)
        if nodes == 3 {
            try #require(connectors[1].streams.count == 1)
            connectors[1].send(connectors[1].streams[0], Self.ok)
            bench.run(20)
            #expect(visitor.text == Self.ok && bench.nodes[0].count(.requestsRetried) == 0)
        }
        freeze(bench, 1, false)
        bench.run(50)
        if nodes == 2 {
            connectors[0].send(connectors[0].streams[0], Self.ok)
            bench.run(50)
            #expect(visitor.text == Self.ok && connectors[0].streams.count == 1)
        }
        visitor.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// Where there is no other way everything waits, on the streams that there are: the node may only be slow.
    @Test func withoutAnotherWayItIsWaitedFor() throws {
        let (bench, connectors) = try cluster(nodes: 2)
        let kept = bench.visitor(at: 0), waiting = bench.visitor(at: 0)
        kept.write(bench.get())
        bench.run(50)
        connectors[0].send(connectors[0].streams[0], Self.ok)
        bench.run(50)
        waiting.write(bench.get())
        bench.run(50)
        freeze(bench)
        bench.run(1_000)
        // Its parked stream is as good as any.
        kept.forget()
        kept.write(bench.get("/slow"))
        bench.run(1_000)
        #expect(kept.status == nil && waiting.status == nil && bench.nodes[0].count(.forwardTimeout) == 0)
        freeze(bench, 1, false)
        bench.run(50)
        try #require(connectors[0].streams.count == 2)
        #expect(connectors[0].streams[0].text.contains("GET /slow "))
        for stream in connectors[0].streams { connectors[0].send(stream, Self.ok) }
        bench.run(50)
        #expect(kept.text == Self.ok && waiting.text == Self.ok && bench.nodes[0].count(.requestsRetried) == 0)
        kept.peer.close()
        waiting.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// A connector of the visitor's own node is another way.
    @Test func anOwnConnectorIsAnotherWay() throws {
        let (bench, connectors) = try cluster(nodes: 2)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        let own = try bench.connector(at: 0)
        freeze(bench)
        bench.run(480)
        own.send(try #require(own.streams.first), Self.ok)
        bench.run(20)
        #expect(visitor.text == Self.ok)
        freeze(bench, 1, false)
        visitor.peer.close()
        expectNothingLeft(bench, connectors + [own])
    }

    /// Part of an answer has come, a head that is not complete or some of a body: the rest is waited for.
    @Test(arguments: ["HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"])
    func anAnswerThatHasBegun(begun: String) throws {
        let (bench, connectors) = try cluster()
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        connectors[0].send(connectors[0].streams[0], begun)
        bench.run(50)
        freeze(bench)
        bench.run(2_000)
        #expect(connectors[1].streams.isEmpty)
        freeze(bench, 1, false)
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        connectors[0].send(connectors[0].streams[0], String(whole.dropFirst(begun.count)))
        bench.run(50)
        #expect(visitor.text == whole)
        visitor.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// A request that makes nodes stand still does not visit them all.
    @Test func onceOnly() throws {
        let (bench, connectors) = try cluster(nodes: 4)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        freeze(bench)
        bench.run(480)
        let second = try #require(connectors[1...].firstIndex { $0.streams.count == 1 })
        freeze(bench, second + 1)
        bench.run(3_200)
        #expect(connectors.reduce(0) { $0 + $1.streams.count } == 2)
        #expect(visitor.status == 503 && bench.nodes[0].count(.requestsRetried) == 1)
        freeze(bench, 1, false)
        freeze(bench, second + 1, false)
        visitor.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// Repetitions are paid for; who finds nothing left goes on waiting, and is told when the node is given up.
    @Test func noMoreThanIsPaidFor() throws {
        let (bench, connectors) = try cluster(limits: [.repetitionsPercent: 0, .repetitionsSavedMax: 3])
        let visitors = (0..<5).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(50)
        try #require(connectors[0].streams.count == 5)
        freeze(bench)
        bench.run(480)
        #expect(connectors[1].streams.count == 3 && visitors.allSatisfy { $0.status == nil })
        for stream in connectors[1].streams { connectors[1].send(stream, Self.ok) }
        bench.run(3_000)
        #expect(visitors.count { $0.status == 200 } == 3)
        let told = visitors.filter { $0.status == 503 }
        #expect(told.count == 2 && told.allSatisfy { $0.text.contains(Reason.repetitionsSpent.label) })
        #expect(bench.nodes[0].count(.repetitionsSpent) == 2)
        freeze(bench, 1, false)
        for visitor in visitors { visitor.peer.close() }
        expectNothingLeft(bench, connectors)
    }

    @Test func aTLSVisitorBeginsAnew() throws {
        let (bench, connectors) = try cluster()
        let visitor = bench.visitor(at: 0)
        let hello = Hello.bytes(bench.host)
        visitor.peer.write(hello)
        bench.run(50)
        try #require(connectors[0].streams.count == 1)
        freeze(bench)
        bench.run(480)
        let stream = try #require(connectors[1].streams.first)
        #expect(stream.received == hello)
        connectors[1].send(stream, "server hello")
        bench.run(20)
        #expect(visitor.text == "server hello")
        freeze(bench, 1, false)
        visitor.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// A relay visitor's bytes are repeated as long as none came back; a conversation that has begun is waited for.
    @Test(arguments: [true, false])
    func aRelayVisitor(hasBegun: Bool) throws {
        let (bench, connectors) = try cluster(isDirect: true)
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host), early: "early ")
        bench.run(50)
        visitor.write("later")
        bench.run(50)
        try #require(connectors[0].streams.first?.text == "early later")
        if hasBegun { connectors[0].send(connectors[0].streams[0], "back") }
        bench.run(50)
        freeze(bench)
        bench.run(480)
        if hasBegun {
            #expect(connectors[1].streams.isEmpty)
        } else {
            let stream = try #require(connectors[1].streams.first)
            #expect(stream.text == "early later")
            connectors[1].send(stream, "back")
        }
        bench.run(50)
        #expect(visitor.text == "back" && !visitor.isEnded)
        freeze(bench, 1, false)
        bench.run(100)
        visitor.peer.reset()
        expectNothingLeft(bench, connectors)
    }

    /// A worker that stood still itself does not take its own absence for the others': it first hears what came.
    @Test func ownAbsenceIsNobodysSilence() throws {
        let (bench, connectors) = try cluster()
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        freeze(bench, 0)
        bench.run(1_500)
        // A turn before what waits in the sockets is seen, as after a stop in the middle of waiting.
        let worker = bench.nodes[0].benches[0]
        worker.worker.begin(bench.world.now)
        worker.worker.end()
        worker.port.submit(&worker.worker.operations)
        freeze(bench, 0, false)
        bench.run(500)
        #expect(connectors[1].streams.isEmpty && bench.nodes[0].count(.requestsRetried) == 0)
        connectors[0].send(connectors[0].streams[0], Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        // Of a node that stands still it finds out all the same.
        let late = bench.visitor(at: 0)
        late.write(bench.get())
        bench.run(50)
        freeze(bench, 0)
        freeze(bench, 1)
        bench.run(1_500)
        freeze(bench, 0, false)
        bench.run(300)
        #expect(connectors[1].streams.count == 1)
        freeze(bench, 1, false)
        visitor.peer.close()
        late.peer.close()
        expectNothingLeft(bench, connectors)
    }

    /// A peer that is busy with bulk in one direction is heard in the other: nothing is suspect, nothing is repeated.
    @Test(arguments: [true, false])
    func bulkIsNoSilence(isUpload: Bool) throws {
        let (bench, connectors) = try cluster()
        bench.world.kernel.setDelay(microseconds: 40_000, bench.nodes[0].host, bench.nodes[1].host)
        let bulk = bench.visitor(at: 0), waiting = bench.visitor(at: 0)
        let body = Content.bytes(7, 6_000_000)
        bulk.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: \(isUpload ? body.count : 0)\r\n\r\n")
        if isUpload { bulk.peer.write(body) }
        waiting.write(bench.get("/waits"))
        bench.run(400)
        try #require(connectors[0].streams.count == 2 && connectors[1].streams.isEmpty)
        let isFirst = connectors[0].streams[0].text.contains("POST")
        let stream = connectors[0].streams[isFirst ? 0 : 1], other = connectors[0].streams[isFirst ? 1 : 0]
        if !isUpload {
            connectors[0].send(stream, "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            connectors[0].send(stream, body)
        }
        bench.run(4_000)
        #expect((isUpload ? stream.received : bulk.received).count > body.count)
        connectors[0].send(other, Self.ok)
        bench.run(300)
        #expect(waiting.text == Self.ok)
        #expect(connectors[1].streams.isEmpty && bench.nodes.allSatisfy { $0.count(.requestsRetried) == 0 })
        bulk.peer.close()
        waiting.peer.close()
        expectNothingLeft(bench, connectors)
    }
}
