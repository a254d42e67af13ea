import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A bench on which a limit is reached while somebody else, with a tunnel of his own, is in the middle of an answer:
/// whatever happens to the one who reached it, the other gets the rest.
struct LimitBench {
    static let neighbourTunnel = TunnelID(high: 0xAAAA_0000_0000_4000, low: 0x8000_0000_0000_0001)
    static let user = "user"
    static let password = "pass"
    private static let body = 64_000
    /// A tunnel client's request for the WebSocket carrier.
    static let upgrade = """
        GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
        """

    let bench: Bench
    private let neighbour: ScriptedVisitor
    private let neighbourConnector: ScriptedConnector
    private let neighbourStream: ScriptedConnector.Stream

    init(
        _ limits: [Limit: UInt64], muxVersion: UInt8 = 2, workers: Int = 1, asksForLogin: Bool = false,
        takesProxyHeader: Bool = false, capabilities: RelayCapabilities = []
    ) throws {
        bench = try Bench(
            workers: workers, limits: limits, capabilities: capabilities, muxVersion: muxVersion,
            access: asksForLogin ? try LimitBench.access() : nil,
            trust: takesProxyHeader ? LimitBench.trust : PlaneTrust(), user: asksForLogin ? LimitBench.user : nil,
            password: LimitBench.password)
        let connector = ScriptedConnector(
            bench.world, bench.node, bench.clientHost, tunnel: Self.neighbourTunnel, muxVersion: muxVersion,
            user: asksForLogin ? LimitBench.user : nil, password: LimitBench.password)
        neighbourConnector = connector
        try #require(bench.world.run(milliseconds: 200) { connector.isBound })
        neighbour = bench.visitor()
        neighbour.write(
            "GET /n HTTP/1.1\r\nHost: \(Endpoint.label(of: Self.neighbourTunnel).string).localhost\r\n\r\n")
        try #require(bench.world.run(milliseconds: 200) { connector.streams.count == 1 })
        neighbourStream = connector.streams[0]
        connector.send(neighbourStream, "HTTP/1.1 200 OK\r\nContent-Length: \(Self.body)\r\n\r\n")
        connector.send(neighbourStream, [UInt8](repeating: 7, count: Self.body / 2))
        bench.run(20)
    }

    /// Both tunnel services let only one user in.
    private static func access() throws -> NodeAccess {
        let key = CredentialKey(high: 7, low: 9)
        let user = try #require(InlineText(user))
        let password = try #require(InlineText(password))
        return NodeAccess(
            key: key,
            services: (0..<2).map {
                PlaneAccess(
                    service: ServiceIndex($0), credentials: 1, entrypointID: .zero, relaysAtEntrypoints: false)
            }, tables: [1: [CredentialDigest(user: user, password: password, key: key)]])
    }

    /// Both services take a PROXY header, of clients and of visitors.
    private static var trust: PlaneTrust {
        PlaneTrust(
            services: (0..<2).map {
                PlaneTrust.Service(
                    service: ServiceIndex($0), takesProxyHeader: true, entrypointsTakeProxyHeader: true,
                    namesClientByField: false)
            }, proxies: [])
    }

    /// Somebody with a wrong password at the tunnel port.
    func guess() -> ScriptedRelayVisitor {
        var wish = ScriptedRelayVisitor.Wish(tunnel: Bench.tunnel, host: bench.host)
        wish.user = Self.user
        wish.password = "guess"
        return ScriptedRelayVisitor(bench.world, bench.node, bench.outside, wish)
    }

    /// Somebody who asks the neighbour's service all the time.
    func startProbing() -> Probe {
        Probe(bench, host: "\(Endpoint.label(of: Self.neighbourTunnel).string).localhost", neighbourConnector)
    }

    var node: NodeProcess { bench.node }
    var connector: ScriptedConnector { bench.connector }
    var ledger: WorkerLedger { bench.node.benches[0].worker.ledger }

    func visitor() -> ScriptedVisitor { bench.visitor() }
    func stream(_ number: Int = 0) throws -> ScriptedConnector.Stream { try bench.stream(number) }

    /// Whether the node ended the stream it opened as its `number`th.
    func isFinished(_ number: Int = 0) -> Bool {
        number < connector.streams.count && connector.streams[number].isFinished
    }

    /// A link on the tunnel port for plain TCP, or for WebSocket.
    func link(_ port: UInt16 = NodeProcess.relayPort) -> ScriptedVisitor {
        ScriptedVisitor(bench.world, bench.node, bench.outside, port: port)
    }

    /// Time passes; the neighbour's connector shows that it lives.
    func run(_ milliseconds: UInt64 = 20) {
        var rest = milliseconds
        while rest > 0 {
            let step = min(rest, 100)
            bench.run(step)
            rest -= step
            if !neighbourConnector.peer.isReset, !neighbourConnector.peer.isEnded {
                neighbourConnector.peer.write(neighbourConnector.frame(.keepAlive, 0))
            }
        }
    }

    /// A connector of a tunnel that nobody else has.
    func connector(number: UInt64) -> ScriptedConnector {
        let tunnel = TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0000 | number)
        return ScriptedConnector(bench.world, bench.node, bench.clientHost, tunnel: tunnel)
    }

    /// Another connector of the bench's tunnel.
    func connectorOfTheSameTunnel() -> ScriptedConnector {
        ScriptedConnector(bench.world, bench.node, bench.clientHost, tunnel: Bench.tunnel)
    }

    /// A visitor whose request is with the connector, unanswered.
    func asking(_ path: String = "/") -> ScriptedVisitor {
        let visitor = bench.visitor()
        visitor.write(bench.get(path))
        run(20)
        return visitor
    }

    /// A visitor of an upgraded connection, with its stream.
    func upgraded() throws -> (visitor: ScriptedVisitor, stream: ScriptedConnector.Stream) {
        let before = connector.streams.count
        let visitor = bench.visitor()
        visitor.write(bench.get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        run(20)
        let stream = try stream(before)
        connector.send(
            stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        run(20)
        return (visitor, stream)
    }

    /// The neighbour gets what is left of his answer, and asks once more.
    func expectNeighbourUnharmed(_ location: SourceLocation = #_sourceLocation) {
        neighbourConnector.send(neighbourStream, [UInt8](repeating: 7, count: Self.body - Self.body / 2))
        run(100)
        #expect(
            neighbour.received.suffix(Self.body) == ArraySlice(repeating: 7, count: Self.body), sourceLocation: location
        )
        #expect(neighbour.received.count > Self.body, sourceLocation: location)
        #expect(neighbour.status == 200, sourceLocation: location)
        #expect(!neighbour.isEnded, sourceLocation: location)
        #expect(neighbourConnector.violations == [], sourceLocation: location)
    }

    /// Everybody goes: nothing stays behind. Links may still be drained and closed for a while.
    func expectNothingLeft(_ location: SourceLocation = #_sourceLocation) {
        bench.world.closeEverything()
        run(4_000)
        for bench in bench.node.benches {
            let ledger = bench.worker.ledger
            #expect(ledger.visitors == 0 && ledger.links == 0 && ledger.streams == 0, sourceLocation: location)
            #expect(ledger.sockets == 0 && ledger.connectors == 0 && ledger.tunnels == 0, sourceLocation: location)
            #expect(ledger.nodes == 0, sourceLocation: location)
            #expect(
                ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0), sourceLocation: location)
        }
        #expect(bench.world.kernel.violations == [], sourceLocation: location)
    }

    /// The same, at a client.
    func expectCountedAndLogged(_ reason: Reason, at client: WorkerBench, _ location: SourceLocation = #_sourceLocation)
    {
        #expect(client.counters.value(reason) >= 1, "\(reason.label) was not counted", sourceLocation: location)
        let isTold = client.refusals.contains { $0.reason == reason }
        #expect(isTold == reason.isLogged, sourceLocation: location)
    }

    /// Counted, and told to the log with what is known of the offender.
    func expectCountedAndLogged(_ reason: Reason, _ location: SourceLocation = #_sourceLocation) {
        #expect(node.count(reason) >= 1, "\(reason.label) was not counted", sourceLocation: location)
        let records = node.refusals(reason)
        #expect(
            records.isEmpty == !reason.isLogged, "the log was told \(records.count) times", sourceLocation: location)
    }
}
