import Model
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import PlaneLink
@testable import Worker

/// Relay visitors: where a CONNECT leads (protocol tunnel-server §7), that connectors for UDP are kept apart, and what
/// becomes of a visit whose connector fails.
@Suite struct RelayVisitTests {
    typealias Wish = ScriptedRelayVisitor.Wish

    static let entrypointID = TunnelID(high: 0xE0, low: 0xE1)
    static let stranger = TunnelID(high: 5, low: 6)

    static func access(relays: Bool = false) -> NodeAccess {
        NodeAccess(
            key: CredentialKey(high: 1, low: 2),
            services: (0..<2).map {
                PlaneAccess(
                    service: ServiceIndex($0), credentials: nil, entrypointID: entrypointID, relaysAtEntrypoints: relays
                )
            }, tables: [:])
    }

    /// A bench with a private host of its tunnel, and a host of a tunnel that nobody binds.
    private func bench(isDirect: Bool = false, relays: Bool = false, workers: Int = 1) throws -> Bench {
        let bench = try Bench(workers: workers, isDirect: isDirect, access: Self.access(relays: relays))
        for worker in bench.node.benches {
            for (host, route) in [
                ("private.example", Route(tunnel: Bench.tunnel, isPrivate: true)),
                ("offline.example", Route(tunnel: Self.stranger, isPrivate: false)),
            ] {
                worker.worker.apply(
                    RouteChange(ingress: IngressIndex(0), host: InlineText(host)!, route: route))
            }
        }
        return bench
    }

    private func visit(
        _ bench: Bench, _ wish: Wish, port: UInt16 = NodeProcess.relayPort, early: String = ""
    )
        -> ScriptedRelayVisitor
    {
        ScriptedRelayVisitor(bench.world, bench.node, bench.outside, port: port, wish, early: early)
    }

    private func wish(_ bench: Bench, isUDP: Bool = false) -> Wish {
        var wish = Wish(tunnel: Bench.tunnel, host: bench.host)
        wish.isUDP = isUDP
        return wish
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var tunnel: TunnelID?
        /// `%` stands for the tunnel's own host.
        var host: String
        var isDirect = false
        var command = RelayCommand.connect
        var status: UInt8
        var reason: Reason?
        var testDescription: String { "\(host) \(isDirect ? "direct " : "")\(status)" }
    }

    static let own = Bench.tunnel
    static let cases = [
        Case(tunnel: own, host: "%", status: 0),
        Case(tunnel: own, host: "private.example", status: 0),
        Case(tunnel: own, host: "offline.example", status: 6, reason: .noRoute),
        Case(tunnel: own, host: "nobody.example", status: 6, reason: .noRoute),
        Case(tunnel: own, host: "", status: 6, reason: .noRoute),
        Case(tunnel: stranger, host: "%", status: 6, reason: .noRoute),
        Case(tunnel: stranger, host: "offline.example", status: 5, reason: .tunnelOffline),
        Case(tunnel: own, host: "", isDirect: true, status: 0),
        Case(tunnel: own, host: "nobody.example", isDirect: true, status: 0),
        Case(tunnel: stranger, host: "%", isDirect: true, status: 5, reason: .tunnelOffline),
        Case(tunnel: entrypointID, host: "%", status: 0),
        Case(tunnel: entrypointID, host: "%", isDirect: true, status: 0),
        Case(tunnel: entrypointID, host: "nobody.example", status: 7, reason: .noRoute),
        Case(tunnel: entrypointID, host: "", status: 7, reason: .noRoute),
        Case(tunnel: entrypointID, host: "private.example", status: 6, reason: .privateRoute),
        Case(tunnel: entrypointID, host: "offline.example", status: 5, reason: .tunnelOffline),
        Case(tunnel: nil, host: "%", status: 1, reason: .noTunnel),
        Case(tunnel: .zero, host: "%", status: 1, reason: .noTunnel),
        Case(tunnel: own, host: "%", command: .other(3), status: 1, reason: .unknownCommand),
    ]

    @Test(arguments: cases, [NodeProcess.relayPort, NodeProcess.entrypointPort])
    func everyRowOfTheDecision(_ row: Case, port: UInt16) throws {
        let bench = try bench(isDirect: row.isDirect, relays: true)
        var wish = Wish(tunnel: row.tunnel, host: row.host.replacing("%", with: bench.host))
        wish.command = row.command
        let visitor = visit(bench, wish, port: port)
        bench.run(50)
        #expect(visitor.status == row.status)
        if let reason = row.reason { #expect(bench.node.count(reason) == 1) }
        if row.status == 0 {
            let stream = try bench.stream()
            #expect(stream.header?.source?.socketAddress == SocketAddress(ipv4: 0xC0A8_0109, port: 40_000))
            #expect(stream.header?.destination?.hostText.string == wish.host)
            visitor.write("ping")
            bench.run()
            #expect(stream.text == "ping")
            bench.connector.send(stream, "pong")
            bench.run()
            #expect(visitor.text == "pong")
            visitor.peer.close()
        }
        bench.run(8_000)
        #expect(visitor.isEnded || row.status == 0)
        bench.expectQuiet()
    }

    @Test func anEntrypointRefusesRelayRequestsUnlessItIsTold() throws {
        let bench = try bench()
        let visitor = visit(bench, wish(bench), port: NodeProcess.entrypointPort)
        bench.run(50)
        #expect(visitor.status == 3)
        #expect(bench.node.count(.relayAtEntrypoint) == 1)
        #expect(bench.connector.streams.isEmpty)
    }

    @Test func nothingIsBoundAtAnEntrypoint() throws {
        let bench = try bench(relays: true)
        var wish = wish(bench)
        wish.command = .bind
        let visitor = visit(bench, wish, port: NodeProcess.entrypointPort)
        bench.run(50)
        #expect(visitor.status == 3)
        bench.run(5_000)
        bench.expectQuiet()
    }

    /// A request that comes in pieces and with payload behind it, at an entrypoint, on whichever worker.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func aRelayVisitorOfAnEntrypointMovesWithItsBytes(seed: UInt64) throws {
        let bench = try Bench(workers: 3, access: Self.access(relays: true), seed: seed)
        let visitors = (0..<6).map { number in
            visit(bench, wish(bench), port: NodeProcess.entrypointPort, early: "early \(number)")
        }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.status == 0 })
        #expect(Set(bench.connector.streams.map(\.text)) == Set((0..<6).map { "early \($0)" }))
        for visitor in visitors { visitor.peer.close() }
        bench.run(8_000)
        bench.expectQuiet()
    }

    // MARK: UDP

    @Test func aTunnelWithUDPConnectorsOnlyIsOfflineForOthers() throws {
        let bench = try Bench(isUDP: true)
        let page = bench.visitor()
        page.write(bench.get())
        let plain = visit(bench, wish(bench))
        let datagrams = visit(bench, wish(bench, isUDP: true))
        bench.run(50)
        #expect(page.status == 503)
        #expect(page.text.contains(Reason.tunnelOffline.label))
        #expect(plain.status == 5)
        #expect(bench.node.count(.tunnelOffline) == 2)
        #expect(datagrams.status == 0)
        #expect(bench.connector.streams.count == 1)
        // Lengths and datagrams pass as they are, in both directions.
        let stream = try bench.stream()
        let bytes: [UInt8] = [0, 3, 1, 2, 3, 0, 0, 0, 1, 9]
        datagrams.peer.write(bytes)
        bench.connector.send(stream, Array(bytes.reversed()))
        bench.run()
        #expect(stream.received == bytes)
        #expect(datagrams.payload == bytes.reversed())
    }

    @Test func visitorsGetTheKindTheyAskFor() throws {
        let bench = try Bench()
        let other = try bench.secondConnector(isUDP: true)
        for _ in 0..<10 {
            let plain = visit(bench, wish(bench))
            let datagrams = visit(bench, wish(bench, isUDP: true))
            bench.run()
            #expect(plain.status == 0)
            #expect(datagrams.status == 0)
        }
        #expect(bench.connector.streams.count == 10)
        #expect(other.streams.count == 10)
        #expect(try bench.stream().header?.destination?.hostText.string == bench.host)
    }
}
