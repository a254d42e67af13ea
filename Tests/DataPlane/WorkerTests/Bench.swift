import Model
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// One node, one scripted connector, visitors: what the worker's tests of single behaviours stand on. No faults.
struct Bench {
    static let tunnel = TunnelID(high: 0x3814_33e1_7980_11ee, low: 0xbbdb_60f2_62c1_e32d)

    let world: World
    let node: NodeProcess
    let connector: ScriptedConnector
    let outside: SimulatedHost
    let clientHost: SimulatedHost
    /// What the worker held before anybody came but the connector.
    var host: String { "\(Endpoint.label(of: Bench.tunnel).string).localhost" }

    init(
        workers: Int = 1, limits: [Limit: UInt64] = [:], capabilities: RelayCapabilities = [], muxVersion: UInt8 = 2,
        isDirect: Bool = false, bufferCount: Int = WorkerBench.bufferCountStandard, access: NodeAccess? = nil,
        trust: PlaneTrust = PlaneTrust(), user: String? = nil, password: String = "", isUDP: Bool = false,
        seed: UInt64 = 1
    ) throws {
        world = World(seed: seed)
        node = try NodeProcess(
            world, workers: workers, seed: seed, limits: limits, muxVersion: muxVersion, isDirect: isDirect,
            trust: trust, bufferCount: bufferCount, access: access)
        outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        clientHost = world.kernel.makeHost(low: 0xFFFF_0A00_0002)
        connector = ScriptedConnector(
            world, node, clientHost, tunnel: Bench.tunnel, capabilities: capabilities, isUDP: isUDP,
            muxVersion: muxVersion, user: user, password: password)
        let connector = connector
        try #require(world.run(milliseconds: 1_000) { connector.isBound })
    }

    func visitor() -> ScriptedVisitor { ScriptedVisitor(world, node, outside) }

    func secondConnector(isUDP: Bool = false) throws -> ScriptedConnector {
        let second = ScriptedConnector(world, node, clientHost, tunnel: Bench.tunnel, isUDP: isUDP)
        try #require(world.run(milliseconds: 1_000) { second.isBound })
        return second
    }

    /// The stream that the node opened as its `number`th.
    func stream(_ number: Int = 0) throws -> ScriptedConnector.Stream {
        try #require(number < connector.streams.count, "the node opened \(connector.streams.count) streams")
        return connector.streams[number]
    }

    func run(_ milliseconds: UInt64 = 20) { world.run(milliseconds: milliseconds) }

    func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
    }

    /// The same request as it comes out of the tunnel: with the words about whom it is from.
    func forwarded(_ path: String = "/", _ fields: String = "") -> String {
        // CR and LF are one character.
        get(path, fields).dropLast()
            + "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: \(host)\r\n\r\n"
    }

    /// Nothing is left of visitors and their streams, and the shell has every buffer that is not at rest.
    func expectQuiet(
        visitors: Int = 0, streams: Int = 0, connectors: Int = 1, location: SourceLocation = #_sourceLocation
    ) {
        for bench in node.benches {
            let ledger = bench.worker.ledger
            #expect(ledger.buffersWithShell == bench.port.providedCount, sourceLocation: location)
            #expect(
                ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0), sourceLocation: location)
            #expect(ledger.nodes == 0, sourceLocation: location)
        }
        let ledgers = node.benches.map { $0.worker.ledger }
        #expect(ledgers.reduce(0) { $0 + $1.visitors } == visitors, sourceLocation: location)
        #expect(ledgers.reduce(0) { $0 + $1.streams } == streams, sourceLocation: location)
        #expect(ledgers.reduce(0) { $0 + $1.sockets } == visitors + connectors, sourceLocation: location)
        #expect(world.kernel.violations == [], sourceLocation: location)
        #expect(connector.violations == [], sourceLocation: location)
    }
}
