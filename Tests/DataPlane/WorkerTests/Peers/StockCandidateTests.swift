import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors whose tunnel is at a stock node: who is asked in which order, and what becomes of them when it is not there,
/// refuses or dies.
@Suite struct StockCandidateTests {
    private static let ok = ExchangeTests.ok
    private static let id = NodeID(high: 0xC0DE, low: 0).text

    /// Two stock nodes, of which the first is asked first.
    private func twoNodes(_ bench: ClusterBench) throws -> (ScriptedStockNode, ScriptedStockNode) {
        (try #require(bench.stockNode()), try #require(bench.stockNode(port: 81, standing: .suspect)))
    }

    @Test func ownNodesAreAskedFirst() throws {
        let bench = try ClusterBench(workers: [1, 1])
        let stock = try #require(bench.stockNode())
        let connector = try bench.connector(at: 1)
        bench.controls[0].tunnels[ClusterBench.tunnel]?[1].standing = .lastResort
        let visitors = (0..<10).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(100)
        #expect(connector.streams.count == 10 && stock.conversations.isEmpty)
        for visitor in visitors { visitor.peer.reset() }
        bench.run()
        // And before them who is here.
        let near = try bench.connector(at: 0)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        #expect(near.streams.count == 1)
        bench.end(visitor.peer, connector.peer, near.peer)
    }

    /// A node of ours that does not answer is passed by. The request, which had been meant for it, is marked.
    @Test func aNodeThatDoesNotAnswerIsPassedBy() throws {
        let bench = try ClusterBench(workers: [1, 1])
        let stock = try #require(bench.stockNode())
        let connector = try bench.connector(at: 1)
        bench.nodes[1].benches[0].isFrozen = true
        let visitor = bench.visitor(at: 0), secure = bench.visitor(at: 0)
        let body = Content.bytes(5, 60_000)
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: \(body.count)\r\n\r\n")
        visitor.peer.write(body)
        let hello = Hello.bytes(bench.host)
        secure.peer.write(hello)
        secure.peer.endWriting()
        bench.run(200)
        #expect(stock.conversations.isEmpty)
        bench.run(150)
        try #require(stock.conversations.count == 2)
        let asked = try #require(stock.conversations.first { $0.text.hasPrefix("POST ") })
        #expect(Array(asked.received.suffix(body.count)) == body)
        #expect(asked.field("Gost-Forwarded-Node") == Self.id && asked.field("Connection") == "close")
        let passed = try #require(stock.conversations.first { $0.received.first == 0x16 })
        #expect(passed.received == hello && !passed.isOver)
        bench.run(6_000)
        #expect(passed.peer.isEnded, "the end of the visitor's side was kept from it for a while")
        asked.write(Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        bench.nodes[1].benches[0].isFrozen = false
        bench.end(visitor.peer, secure.peer, connector.peer)
    }

    /// One where nobody listens, one that is not there at all: the next has the request, whatever it is, and comes first
    /// for a while.
    @Test(arguments: [true, false])
    func aStockNodeThatIsNotThereIsPassedBy(_ refuses: Bool) throws {
        let bench = try ClusterBench(workers: [1])
        if refuses {
            _ = bench.stockNode(port: 81, isThere: false)
        } else {
            bench.controls[0].send([.node(ScriptedControl.stockRow(81, at: "10.0.0.99:80"))])
            bench.controls[0].tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(81)]
        }
        let node = try #require(bench.stockNode(standing: .suspect))
        let visitor = bench.visitor(at: 0)
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nabc")
        bench.run(refuses ? 50 : 1_100)
        let asked = try #require(node.conversations.first)
        #expect(asked.text.hasSuffix("\r\n\r\nabc"))
        asked.write(Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        #expect(bench.nodes[0].count(.stockForwardsOpened) == 2 && bench.nodes[0].count(.forwardsRepeated) == 1)
        #expect(bench.nodes[0].count(refuses ? .dialFailed : .dialTimeout) == 1)
        let second = bench.visitor(at: 0)
        second.peer.write(Hello.bytes(bench.host))
        bench.run(50)
        #expect(node.conversations.count == 2 && bench.nodes[0].count(.stockForwardsOpened) == 3)
        // It is tried again later.
        bench.run(5_000)
        let third = bench.visitor(at: 0)
        third.write(bench.get())
        bench.run(1_100)
        #expect(node.conversations.count == 3 && bench.nodes[0].count(.stockForwardsOpened) == 5)
        bench.end(visitor.peer, second.peer, third.peer)
    }

    /// Nobody else is there: the visitor hears so, and why.
    @Test func whoIsNeverReached() throws {
        let bench = try ClusterBench(workers: [1])
        _ = bench.stockNode(isThere: false)
        let visitor = bench.visitor(at: 0), secure = bench.visitor(at: 0)
        visitor.write(bench.get())
        secure.peer.write(Hello.bytes(bench.host))
        bench.run(100)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.peersUnreachable.label))
        #expect(secure.received.first == 0x15 && secure.received.last == TLSAlert.internalError.rawValue)
        bench.controls[0].send([.node(ScriptedControl.stockRow(80, at: "10.0.0.99:80"))])
        bench.run(20)
        let late = bench.visitor(at: 0)
        late.write(bench.get())
        bench.run(1_100)
        #expect(late.status == 504 && late.text.contains(Reason.forwardTimeout.label))
        bench.end(visitor.peer, secure.peer, late.peer)
    }

    /// Its answer decides: another status, none at all, something else, an end.
    @Test(arguments: [5, nil, 255] as [UInt8?])
    func aRelayVisitorThatIsRefusedGoesElsewhere(_ status: UInt8?) throws {
        let bench = try ClusterBench(workers: [1], isDirect: true)
        let (first, second) = try twoNodes(bench)
        first.relayStatus = status == 255 ? nil : status
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: "x"), early: "words")
        bench.run(50)
        if status == 255 { first.conversations.first?.write("HTTP/1.1 400 Bad Request\r\n\r\n") }
        bench.run(1_100)
        #expect(first.conversations.count == 1 && first.conversations[0].payload.isEmpty)
        let asked = try #require(second.conversations.first)
        #expect(String(decoding: asked.payload, as: UTF8.self) == "words")
        asked.write("back")
        bench.run(50)
        #expect(visitor.text == "back")
        visitor.peer.close()
        bench.run(50)
        // Nobody takes it: it had been told that it is connected.
        second.relayStatus = 5
        let late = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: "x"))
        bench.run(2_500)
        #expect(late.isEnded && late.text.isEmpty)
        bench.end()
    }

    /// With a request inside and unanswered: GET is repeated elsewhere, once; POST is not.
    @Test(arguments: [true, false], [true, false])
    func aStockNodeThatDiesWithARequestInside(_ isSafe: Bool, _ isReset: Bool) throws {
        let bench = try ClusterBench(workers: [1])
        let (first, second) = try twoNodes(bench)
        let visitor = bench.visitor(at: 0)
        visitor.write(
            isSafe ? bench.get() : "POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nabc")
        bench.run(50)
        let asked = try #require(first.conversations.first)
        #expect(second.conversations.isEmpty)
        if isReset { asked.peer.reset() } else { asked.peer.close() }
        bench.run(50)
        #expect(second.conversations.count == (isSafe ? 1 : 0))
        if isSafe {
            second.conversations[0].write(Self.ok)
            bench.run(50)
            #expect(visitor.text == Self.ok && second.conversations[0].field("Gost-Forwarded-Node") == Self.id)
        } else {
            #expect(visitor.status == 503)
        }
        bench.end(visitor.peer)
    }

    /// A hello that was not answered is repeated; its own mark is no loop.
    @Test func aHelloIsRepeatedElsewhere() throws {
        let bench = try ClusterBench(workers: [1])
        let (first, second) = try twoNodes(bench)
        let visitor = bench.visitor(at: 0)
        let hello = Hello.bytes(bench.host)
        visitor.peer.write(hello)
        bench.run(50)
        try #require(first.conversations.count == 1)
        first.conversations[0].peer.close()
        bench.run(50)
        #expect(second.conversations.first?.received == hello && bench.nodes[0].count(.loopDetected) == 0)
        bench.end(visitor.peer)
    }
}
