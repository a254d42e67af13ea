import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// What a stock node forwards to us (protocol tunnel-server §9): served by the connectors of this node, and never
/// forwarded again.
@Suite struct ForwardedVisitorTests {
    private static let ok = ExchangeTests.ok
    private static let field = "Gost-Forwarded-Node: 1ceaddbc-f61b-4af1-ad43-ca257c36b989\r\n"

    private func end(_ bench: ClusterBench, _ connector: ScriptedConnector) {
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    // MARK: The captured conversations

    /// One side of a recording in one piece.
    private func recorded(_ name: String, _ side: String) throws -> [[UInt8]] {
        try VectorReplayTests.records(name).filter { $0.dir == side && !$0.hex.isEmpty }
            .map { VectorReplayTests.bytes($0.hex) }
    }

    /// c: the request arrives as the stock node wrote it, and its fields for other nodes reach the service.
    @Test func aRequestIsAnsweredAsByTheReference() throws {
        let bench = try ClusterBench(workers: [2, 1])
        let connector = try bench.connector(at: 0)
        bench.tellOfStockNode()
        let route = RouteChange(
            ingress: IngressIndex(0), host: InlineText("b7de88a94729b931.gost.local")!,
            route: Route(tunnel: ClusterBench.tunnel, isPrivate: false))
        for worker in bench.nodes[0].benches { worker.worker.apply(route) }
        let node = bench.forwarded()
        node.peer.write(try #require(recorded("c-internode-http.conn1", "c2s").first))
        bench.run(50)
        let stream = try #require(connector.streams.first)
        #expect(stream.text.contains("GET /hello.txt HTTP/1.1\r\n"))
        for field in ["Gost-Forwarded-Node: 1ceaddbc-f61b-4af1-ad43-ca257c36b989", "Gost-Sid: dc1clllqmd2r0so9es30"] {
            #expect(stream.text.contains("\r\n\(field)\r\n"))
        }
        #expect(stream.header?.source?.socketAddress?.hostText == "10.0.0.77")
        connector.send(stream, try #require(recorded("c-internode-http.conn1", "s2c").first))
        bench.run(50)
        #expect(node.status == 200 && node.text.hasSuffix("\r\n\r\nhello from the real gost client file handler\n"))
        #expect(node.isEnded, "as the request asked")
        node.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    /// c2: byte for byte, at an entrypoint that serves relay visitors to nobody else.
    @Test func aRelayVisitorIsAnsweredAsByTheReference() throws {
        let bench = try ClusterBench(workers: [2, 1])
        let connector = try bench.connector(at: 0)
        bench.tellOfStockNode()
        let asked = try recorded("c2-internode-connect.conn1", "c2s")
        let answered = try recorded("c2-internode-connect.conn1", "s2c")
        let node = bench.forwarded()
        node.peer.write(asked[0])
        bench.run(50)
        #expect(node.received == answered[0])
        node.peer.write(asked[1])
        bench.run(50)
        let stream = try #require(connector.streams.first)
        #expect(stream.received == asked[1])
        #expect(stream.header?.source?.socketAddress?.text == "127.0.0.1:39040", "whom the other node named")
        #expect(stream.header?.destination?.hostText.string == "b7de88a94729b931.gost.local")
        connector.send(stream, answered[1])
        bench.run(50)
        #expect(node.received == answered[0] + answered[1])
        node.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    // MARK: One hop

    /// The tunnel is at another node of ours by now: who came through a node is not sent on; everybody else is.
    @Test func aRequestIsNotForwardedTwice() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        bench.tellOfStockNode()
        let node = bench.forwarded()
        func ask(_ path: String, _ fields: String, of visitor: ScriptedVisitor) -> Int? {
            visitor.forget()
            visitor.write(bench.get(path, fields))
            bench.run(50)
            if let stream = connector.streams.first(where: { $0.text.contains("GET \(path) ") }) {
                connector.send(stream, Self.ok)
                bench.run(50)
            }
            return visitor.status
        }
        // One who lives beside the stock node, and one that it forwarded, even behind each other on one connection.
        #expect(ask("/own", "", of: node) == 200)
        #expect(ask("/forwarded", Self.field, of: node) == 503)
        #expect(node.text.contains(Reason.loopDetected.label))
        #expect(ask("/again", Self.field, of: node) == 503)
        #expect(ask("/back", "", of: node) == 200)
        #expect(bench.nodes[0].count(.loopDetected) == 2)
        // The field alone makes nobody a node's visitor.
        let visitor = bench.visitor(at: 0)
        #expect(ask("/other", Self.field, of: visitor) == 200)
        node.peer.close()
        visitor.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    @Test func aHelloIsNotForwardedTwice() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        bench.tellOfStockNode()
        let hello = Hello.bytes(bench.host)
        let visitor = bench.visitor(at: 0)
        visitor.peer.write(hello)
        bench.run(50)
        #expect(connector.streams.first?.received == hello)
        let node = bench.forwarded()
        node.peer.write(hello)
        bench.run(50)
        #expect(connector.streams.count == 1)
        #expect(node.received.first == 0x15 && node.received.last == TLSAlert.internalError.rawValue)
        #expect(bench.nodes[0].count(.loopDetected) == 1)
        // With a connector here it is served.
        let near = try bench.connector(at: 0)
        let second = bench.forwarded()
        second.peer.write(hello)
        bench.run(50)
        #expect(near.streams.first?.received == hello)
        for peer in [visitor.peer, node.peer, second.peer, near.peer] { peer.close() }
        bench.run(100)
        end(bench, connector)
    }

    @Test func aRelayVisitorIsNotForwardedTwice() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        bench.tellOfStockNode()
        let visit = ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host)
        let node = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.stockHost, port: NodeProcess.entrypointPort, visit)
        bench.run(50)
        #expect(node.status == RelayStatus.serviceUnavailable.rawValue)
        #expect(connector.streams.isEmpty && bench.nodes[0].count(.loopDetected) == 1)
        node.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    /// Data planes of one node are one node to others: whichever of them the kernel gives a connection to, the tunnel is
    /// served.
    @Test func dataPlanesOfThisNodeServeEachOthers() throws {
        let bench = try ClusterBench(workers: [2, 2], areSiblings: true)
        #expect(bench.isMeshed())
        let connector = try bench.connector(at: 1)
        bench.tellOfStockNode()
        let node = bench.forwarded()
        node.write(bench.get("/", Self.field))
        let secure = bench.forwarded()
        secure.peer.write(Hello.bytes(bench.host))
        let relayed = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.stockHost, port: NodeProcess.entrypointPort,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host))
        bench.run(100)
        #expect(connector.streams.count == 3 && relayed.status == 0)
        let stream = try #require(connector.streams.first { $0.text.contains("GET / ") })
        connector.send(stream, Self.ok)
        bench.run(50)
        #expect(node.text == Self.ok)
        for peer in [node.peer, secure.peer, relayed.peer] { peer.close() }
        bench.run(100)
        end(bench, connector)
    }

    // MARK: Who is a node

    struct Asked: Sendable, CustomTestStringConvertible {
        var isNode = true
        var tunnel: TunnelID? = ClusterBench.tunnel
        var host = "%"
        var command = RelayCommand.connect
        var isUDP = false
        var status: UInt8
        var testDescription: String { "\(isNode ? "node" : "visitor") \(command) \(host) \(status)" }
    }

    static let asked = [
        Asked(status: 0),
        // Its own ingress has judged the host.
        Asked(host: "elsewhere.example", status: 0),
        Asked(host: "", status: 0),
        Asked(isUDP: true, status: 5),
        Asked(tunnel: TunnelID(high: 5, low: 5), status: 5),
        Asked(tunnel: .zero, status: 1),
        Asked(tunnel: nil, status: 1),
        Asked(command: .bind, status: 3),
        Asked(command: .other(3), status: 1),
        Asked(isNode: false, status: 3),
        Asked(isNode: false, command: .bind, status: 3),
    ]

    /// At an entrypoint without `entrypoint.relay`, of a service that asks for a login.
    @Test(arguments: asked)
    func relayRequestsAreTheNodesOnly(_ asked: Asked) throws {
        let access = NodeAccess(
            key: CredentialKey(high: 1, low: 2),
            services: (0..<2).map {
                PlaneAccess(
                    service: ServiceIndex($0), credentials: $0 == 0 ? 1 : nil, entrypointID: .zero,
                    relaysAtEntrypoints: false)
            }, tables: [:])
        let bench = try ClusterBench(workers: [1], access: access)
        let connector = try bench.connector(at: 0)
        bench.tellOfStockNode()
        var wish = ScriptedRelayVisitor.Wish(
            tunnel: asked.tunnel, host: asked.host.replacing("%", with: bench.host))
        wish.command = asked.command
        wish.isUDP = asked.isUDP
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], asked.isNode ? bench.stockHost : bench.outside,
            port: NodeProcess.entrypointPort, wish)
        bench.run(1_500)
        #expect(visitor.status == asked.status)
        #expect(connector.streams.count == (asked.status == 0 ? 1 : 0))
        visitor.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    /// A node that is registered no more is a visitor like others, and one that is back is a node again.
    @Test func onlyWhoIsRegisteredIsANode() throws {
        let bench = try ClusterBench(workers: [2])
        let connector = try bench.connector(at: 0)
        func status() -> UInt8? {
            let visit = ScriptedRelayVisitor(
                bench.world, bench.nodes[0], bench.stockHost, port: NodeProcess.entrypointPort,
                ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host))
            bench.run(50)
            visit.peer.close()
            bench.run(50)
            return visit.status
        }
        #expect(status() == 3)
        bench.tellOfStockNode()
        #expect(status() == 0)
        // Without a control plane by what it said last.
        bench.controls[0].hangUp()
        bench.run(5)
        #expect(status() == 0)
        bench.run(2_000)
        bench.tellOfStockNode(isAlive: false)
        #expect(status() == 3)
        bench.tellOfStockNode()
        #expect(status() == 0)
        end(bench, connector)
    }

    /// A PROXY header is the word of whoever writes it.
    @Test func nobodyBecomesANodeByAProxyHeader() throws {
        let bench = try ClusterBench(workers: [1], trust: Self.proxied)
        let connector = try bench.connector(at: 0)
        bench.tellOfStockNode()
        let request = ScriptedConnector.bytes {
            var request = RelayRequest(.connect)
            request.destination = RelayAddress(name: InlineText(bench.host)!, port: 0)
            request.tunnel = RelayTunnel(
                high: ClusterBench.tunnel.high, low: ClusterBench.tunnel.low, capabilities: [], weight: 0)
            return request.write(into: $0)
        }
        let liar = bench.visitor(at: 0), node = bench.forwarded()
        liar.peer.write(Array("PROXY TCP4 10.0.0.77 10.0.0.1 5000 80\r\n".utf8) + request)
        node.peer.write(request)
        bench.run(50)
        #expect(liar.received == [1, 3, 0, 0])
        #expect(node.received == [1, 0, 0, 0])
        liar.peer.close()
        node.peer.close()
        bench.run(100)
        end(bench, connector)
    }

    private static let proxied = PlaneTrust(
        services: [
            PlaneTrust.Service(
                service: ServiceIndex(0), takesProxyHeader: false, entrypointsTakeProxyHeader: true,
                namesClientByField: false)
        ])

    /// A node speaks for many visitors, who all come from its address.
    @Test func aNodesVisitorsAreNotCountedAsOne() throws {
        let bench = try ClusterBench(workers: [2], limits: [.visitorsPerSourceMax: 2])
        let connector = try bench.connector(at: 0)
        bench.tellOfStockNode()
        let visitors = (0..<12).map { _ in bench.forwarded() }
        for visitor in visitors { visitor.write(bench.get("/", Self.field)) }
        bench.run(100)
        for stream in connector.streams { connector.send(stream, Self.ok) }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.text == Self.ok })
        for visitor in visitors { visitor.peer.close() }
        bench.run(100)
        end(bench, connector)
    }
}
