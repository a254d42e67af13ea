import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors whose tunnel is at a stock node (protocol tunnel-server §9): what reaches its entrypoint, what comes back, what
/// is bounded, and that nobody goes round.
@Suite struct StockForwardTests {
    private static let ok = ExchangeTests.ok
    private static let id = NodeID(high: 0xC0DE, low: 0).text

    // MARK: What passes

    @Test(arguments: [1, 3])
    func aRequestIsAnsweredByAStockNode(_ workers: Int) throws {
        let bench = try ClusterBench(workers: [workers])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        for round in 0..<3 {
            visitor.forget()
            visitor.write(bench.get("/\(round)", "Connection: keep-alive\r\n"))
            bench.run(50)
            // A connection for each request, as between stock nodes.
            try #require(node.conversations.count == round + 1)
            let asked = node.conversations[round]
            #expect(asked.text.hasPrefix("GET /\(round) HTTP/1.1\r\nHost: \(bench.host)\r\n"))
            #expect(asked.field("X-Forwarded-For") == "10.0.0.9")
            #expect(asked.text.hasSuffix("\r\nConnection: close\r\n\r\n"))
            #expect(asked.field("Connection") == "close")
            #expect(asked.field("Gost-Forwarded-Node") == Self.id)
            #expect(asked.field("Culvert-Forwarded-Node") == Self.id)
            #expect(asked.field("Gost-Sid")?.count == 20)
            asked.write(Self.ok)
            bench.run(50)
            #expect(visitor.text == Self.ok && !visitor.isEnded)
            #expect(asked.peer.isEnded && !asked.peer.isReset)
            asked.peer.close()
        }
        #expect(Set(node.conversations.map { $0.field("Gost-Sid") }).count == 3)
        #expect(bench.nodes[0].count(.stockForwardsOpened) == 3 && bench.nodes[0].count(.forwardsOpened) == 3)
        #expect(bench.nodes[0].count(.requestsRetried) == 0)
        bench.end(visitor.peer)
    }

    /// Of any size, each way; an answer that ends with its connection, and one that is cut.
    @Test func largeBodiesPassWhole() throws {
        let bench = try ClusterBench(workers: [2])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        let body = Content.bytes(3, 700_000), answer = Content.bytes(4, 900_000)
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: \(body.count)\r\n\r\n")
        visitor.peer.write(body)
        bench.run(500)
        let asked = try #require(node.conversations.first)
        #expect(Array(asked.received.suffix(body.count)) == body)
        asked.write("HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\n\r\n")
        asked.peer.write(answer)
        bench.run(500)
        #expect(Array(visitor.received.suffix(answer.count)) == answer && !visitor.isEnded)
        visitor.forget()
        visitor.write(bench.get("/until-close"))
        bench.run(50)
        node.conversations[1].write("HTTP/1.1 200 OK\r\n\r\nall of it")
        node.conversations[1].peer.close()
        bench.run(50)
        #expect(visitor.text.hasSuffix("\r\n\r\nall of it") && visitor.peer.isEnded && !visitor.peer.isReset)
        let second = bench.visitor(at: 0)
        second.write(bench.get("/cut"))
        bench.run(50)
        node.conversations[2].write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all")
        node.conversations[2].peer.reset()
        bench.run(50)
        #expect(second.text.hasSuffix("not all") && second.peer.isReset)
        bench.end(visitor.peer)
    }

    /// Another protocol: the wish for it stays, and from the 101 on bytes pass unread.
    @Test func anUpgradePasses() throws {
        let bench = try ClusterBench(workers: [1])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get("/", "Connection: Upgrade\r\nUpgrade: chat\r\n"))
        bench.run(50)
        let asked = try #require(node.conversations.first)
        #expect(asked.field("Connection") == "Upgrade" && asked.field("Upgrade") == "chat")
        asked.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\nhello")
        bench.run(50)
        #expect(visitor.text.hasSuffix("\r\n\r\nhello"))
        visitor.write("and to you")
        bench.run(50)
        #expect(asked.text.hasSuffix("\r\n\r\nand to you"))
        asked.peer.close()
        bench.run(50)
        #expect(visitor.isEnded)
        bench.end(visitor.peer)
    }

    @Test func aHelloPassesAsItCame() throws {
        let bench = try ClusterBench(workers: [2])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        let hello = Hello.bytes(bench.host, padding: 300, recordBytesMax: 20)
        visitor.peer.write(hello + [1, 2, 3])
        bench.run(50)
        let asked = try #require(node.conversations.first)
        #expect(asked.received == hello + [1, 2, 3])
        asked.peer.write([4, 5])
        visitor.peer.write([6])
        bench.run(50)
        #expect(visitor.received == [4, 5] && asked.received == hello + [1, 2, 3, 6])
        // A stock node would take a half-close for an end: it is kept until the answer has been silent.
        visitor.peer.endWriting()
        bench.run(3_000)
        #expect(!asked.isOver)
        asked.peer.write([7])
        bench.run(50)
        #expect(visitor.received == [4, 5, 7])
        bench.run(6_000)
        #expect(asked.peer.isEnded && !asked.peer.isReset && visitor.isEnded)
        bench.end()
    }

    /// c2: byte for byte what stock nodes write, but for a login, which was for this node.
    @Test(arguments: [false, true])
    func aRelayVisitorIsForwardedAsByTheReference(_ isUDP: Bool) throws {
        let bench = try ClusterBench(workers: [1], isDirect: true)
        let node = try #require(bench.stockNode(isUDP: isUDP))
        let recorded = try VectorReplayTests.records("c2-internode-connect.conn1")
        let request = VectorReplayTests.bytes(recorded[0].hex)
        var wish = ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: "b7de88a94729b931.gost.local")
        wish.user = "someone"
        wish.password = "secret"
        wish.source = SocketAddress(ipv4: 0x7F00_0001, port: 39_040)
        wish.isUDP = isUDP
        node.greeting = "welcome"
        let visitor = ScriptedRelayVisitor(bench.world, bench.nodes[0], bench.outside, wish, early: "first words")
        bench.run(50)
        let asked = try #require(node.conversations.first)
        if isUDP {
            #expect(asked.request?.network == .udp && asked.request?.tunnel?.tunnelID == ClusterBench.tunnel)
        } else {
            #expect(Array(asked.received.prefix(request.count)) == request)
        }
        #expect(asked.request?.hasUserAuth == false)
        #expect(String(decoding: asked.payload, as: UTF8.self) == "first words")
        #expect(visitor.status == 0 && visitor.text == "welcome")
        visitor.write(" and more")
        asked.write("!")
        bench.run(50)
        #expect(String(decoding: asked.payload, as: UTF8.self) == "first words and more" && visitor.text == "welcome!")
        asked.peer.close()
        bench.run(50)
        #expect(visitor.isEnded)
        visitor.peer.close()
        bench.end()
    }

    // MARK: What is bounded

    /// A visitor that does not read holds back the stock node, not the worker's memory.
    @Test func aSlowReaderHoldsBackTheNode() throws {
        let bench = try ClusterBench(workers: [1])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        let asked = try #require(node.conversations.first)
        visitor.peer.pauseReading()
        let answer = Content.bytes(9, 6_000_000)
        asked.write("HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\n\r\n")
        asked.peer.write(answer)
        bench.run(2_000)
        let worker = bench.nodes[0].benches[0].worker.ledger
        #expect(worker.buffersInUse - worker.buffersWithShell < 64, "\(worker.buffersInUse)")
        #expect(asked.peer.unsentCount > 1_000_000)
        visitor.peer.resumeReading()
        bench.run(5_000)
        #expect(Array(visitor.received.suffix(answer.count)) == answer)
        bench.end(visitor.peer)
    }

    /// Visitors that leave at any moment leave nothing behind, and connections to the node end with them.
    @Test func whoLeavesLeavesNothing() throws {
        let bench = try ClusterBench(workers: [2])
        let node = try #require(bench.stockNode())
        for step in 0..<40 as Range<UInt8> {
            let visitor = bench.visitor(at: 0), secure = bench.visitor(at: 0)
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nab")
            secure.peer.write(Hello.bytes(bench.host, random: step))
            bench.run(UInt64(step % 4))
            visitor.peer.reset()
            secure.peer.reset()
            bench.run(20)
        }
        bench.run(500)
        let standing = node.conversations.filter { !$0.isOver }
        #expect(standing.isEmpty)
        for bench in bench.nodes[0].benches { #expect(bench.worker.peers.stockLinks == 0) }
        bench.end()
    }

    @Test func connectionsAreBounded() throws {
        let bench = try ClusterBench(workers: [1], limits: [.stockLinksPerWorkerMax: 16])
        let node = try #require(bench.stockNode())
        let visitors = (0..<20).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(100)
        #expect(node.conversations.count == 16)
        let refused = visitors.filter { $0.status == 503 && $0.text.contains(Reason.peersUnreachable.label) }
        #expect(refused.count == 4)
        for conversation in node.conversations { conversation.write(Self.ok) }
        bench.run(100)
        let served = visitors.filter { $0.text == Self.ok }
        #expect(served.count == 16)
        for visitor in visitors { visitor.peer.reset() }
        bench.run()
        bench.end()
    }

    // MARK: Loops

    /// The stock node's own connectors are gone, and it believes that they are here: what it sends back is not forwarded,
    /// whether it comes from its address or from one that nobody knows.
    @Test(arguments: [true, false])
    func whatComesBackIsRefused(_ isKnown: Bool) throws {
        let bench = try ClusterBench(workers: [3, 2])
        let node = try #require(bench.stockNode())
        node.onward = (isKnown ? bench.stockHost : bench.outside, bench.nodes[0].address(NodeProcess.entrypointPort))
        let visitor = bench.visitor(at: 0), secure = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(200)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.loopDetected.label), "\(visitor.text)")
        #expect(node.conversations.count == 1)
        #expect(node.conversations[0].field("Gost-Sid")?.count == 20)
        secure.peer.write(Hello.bytes(bench.host))
        bench.run(500)
        #expect(secure.received.first == 0x15 && secure.received.last == TLSAlert.internalError.rawValue)
        // Where its address says nothing, each worker knows what it forwarded itself.
        #expect(node.conversations.count <= (isKnown ? 2 : 1 + 3), "\(node.conversations.count)")
        #expect(bench.nodes[0].count(.loopDetected) == 2)
        bench.end(visitor.peer, secure.peer)
    }

    /// Two nodes of ours and two stock ones, each of which believes that the next one has the tunnel.
    @Test func aRingIsLeft() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let first = try #require(bench.stockNode()), second = try #require(bench.stockNode(port: 81, of: 1))
        first.onward = (bench.outside, bench.nodes[1].address(NodeProcess.entrypointPort))
        second.onward = (bench.outside, bench.nodes[0].address(NodeProcess.entrypointPort))
        let visitor = bench.visitor(at: 0), secure = bench.visitor(at: 0)
        visitor.write(bench.get())
        secure.peer.write(Hello.bytes(bench.host))
        bench.run(1_000)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.loopDetected.label))
        #expect(secure.received.first == 0x15)
        #expect(first.conversations.count + second.conversations.count <= 1 + 4)
        let looped = bench.nodes.reduce(0) { $0 + $1.count(.loopDetected) }
        #expect(looped == 2)
        bench.end(visitor.peer, secure.peer)
    }

    /// The client came back to this node while the stock one still believed to have it: there is somebody to serve what
    /// comes back.
    @Test func whatComesBackIsServedHere() throws {
        let bench = try ClusterBench(workers: [1])
        let node = try #require(bench.stockNode())
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        let asked = try #require(node.conversations.first)
        let connector = try bench.connector(at: 0)
        let back = bench.visitor(at: 0)
        back.write(asked.text.replacing("Gost-Forwarded-Node: \(Self.id)", with: "Gost-Forwarded-Node: another"))
        bench.run(50)
        let stream = try #require(connector.streams.first)
        #expect(stream.text.contains("Culvert-Forwarded-Node: \(Self.id)\r\n"))
        connector.send(stream, Self.ok)
        bench.run(50)
        #expect(back.status == 200)
        bench.end(visitor.peer, back.peer, connector.peer)
    }
}
