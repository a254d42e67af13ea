import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Nodes of a cluster with their control planes, in one world: what the tests of peer links and forwarding stand on. A
/// tunnel is where a test binds it; what control planes say of it is the test's as well.
struct ClusterBench {
    static let secret = PeerSecret(text: "the secret of this cluster")
    static let tunnel = TunnelID(high: 0x3814_33e1_7980_11ee, low: 0xbbdb_60f2_62c1_e32d)

    let world: World
    let nodes: [NodeProcess]
    let controls: [ScriptedControl]
    let outside: SimulatedHost
    /// Where a stock node stands; nobody knows it before a test tells of it.
    let stockHost: SimulatedHost
    private let areSiblings: Bool
    let clientHost: SimulatedHost
    let host = "\(Endpoint.label(of: ClusterBench.tunnel).string).localhost"

    static let stockAddress = "10.0.0.77:80"

    /// One node per number of workers, or one data plane of the same node. `secrets` differ only where a test wants that.
    init(
        workers: [Int] = [1, 1], limits: [Limit: UInt64] = [:], secrets: [PeerSecret] = [], isDirect: Bool = false,
        tellsRows: Bool = true, areSiblings: Bool = false, access: NodeAccess? = nil,
        trust: PlaneTrust = PlaneTrust(), speaksWords: Bool = false, seed: UInt64 = 1
    ) throws {
        world = World(seed: seed)
        self.areSiblings = areSiblings
        var nodes: [NodeProcess] = [], controls: [ScriptedControl] = []
        for (number, count) in workers.enumerated() {
            let node = try NodeProcess(
                world, workers: count, seed: seed &+ UInt64(number) &* 104_729, limits: limits, isDirect: isDirect,
                trust: trust, access: access, number: number, plane: areSiblings ? "data-\(number)" : "simulated")
            node.listenForPeers()
            nodes.append(node)
            controls.append(
                ScriptedControl(
                    world, node.host, node: ScriptedControl.row(areSiblings ? 0 : number),
                    rows: areSiblings
                        ? [ScriptedControl.row(planes: workers.count)]
                        : !tellsRows ? [] : workers.indices.filter { $0 != number }.map { ScriptedControl.row($0) },
                    secret: number < secrets.count ? secrets[number] : Self.secret))
        }
        for control in controls { control.speaksWords = speaksWords }
        self.nodes = nodes
        self.controls = controls
        outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        stockHost = world.kernel.makeHost(low: 0xFFFF_0A00_004D)
        clientHost = world.kernel.makeHost(low: 0xFFFF_0A00_0002)
        run(1_500)
    }

    func run(_ milliseconds: UInt64 = 20) { world.run(milliseconds: milliseconds) }

    /// A connector at a node, which every control plane knows of.
    func connector(
        at number: Int, capabilities: RelayCapabilities = [], isUDP: Bool = false
    ) throws
        -> ScriptedConnector
    {
        let connector = ScriptedConnector(
            world, nodes[number], clientHost, tunnel: Self.tunnel, capabilities: capabilities, isUDP: isUDP)
        try #require(world.run(milliseconds: 1_000) { connector.isBound })
        for (other, control) in controls.enumerated() {
            control.hosts[host] = Self.tunnel
            if other != number {
                var candidate = ScriptedControl.candidate(areSiblings ? 0 : number, isUDP: isUDP)
                if areSiblings { candidate.place = UInt8(number) }
                control.tunnels[Self.tunnel, default: []].append(candidate)
            }
        }
        return connector
    }

    func visitor(at number: Int) -> ScriptedVisitor { ScriptedVisitor(world, nodes[number], outside) }

    /// Tells a node of the stock node, as its control plane does.
    func tellOfStockNode(_ number: Int = 0, isAlive: Bool = true) {
        controls[number].send([.node(ScriptedControl.stockRow(9, at: Self.stockAddress, isAlive: isAlive))])
        run()
    }

    /// A stock node that has the tunnel, as the control plane of a node says it: at `stockAddress`, or at another port of
    /// its host.
    func stockNode(
        port: UInt16 = 80, of number: Int = 0, isUDP: Bool = false, standing: Candidate.Standing = .preferred,
        isThere: Bool = true
    ) -> ScriptedStockNode? {
        let node = isThere ? ScriptedStockNode(world, on: stockHost, port: port) : nil
        let row = ScriptedControl.stockRow(port, at: "10.0.0.77:\(port)")
        controls[number].send([.node(row)])
        controls[number].hosts[host] = Self.tunnel
        var candidate = ScriptedControl.candidate(Int(port), isUDP: isUDP, standing: standing)
        candidate.node = port
        controls[number].tunnels[Self.tunnel, default: []].append(candidate)
        run()
        return node
    }

    /// What the stock node forwards to an entrypoint.
    func forwarded(to number: Int = 0) -> ScriptedVisitor { ScriptedVisitor(world, nodes[number], stockHost) }

    func get(_ path: String = "/", _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
    }

    /// Links of every worker to every worker of the other nodes.
    func isMeshed() -> Bool {
        for (number, node) in nodes.enumerated() {
            for bench in node.benches {
                var linked = 0
                for peer in 0..<bench.worker.peers.count {
                    let known = bench.worker.peers[UInt16(peer)].pointee
                    linked += (0..<Int(known.workers)).count { known.links[$0] != .max }
                }
                let expected = nodes.enumerated().filter { $0.offset != number }.reduce(0) {
                    $0 + $1.element.benches.count
                }
                if linked != expected { return false }
            }
        }
        return true
    }

    /// Everybody goes, in this order: visitors before those who would otherwise leave their requests to others. Nothing is
    /// left then.
    func end(_ peers: SimulatedPeer..., location: SourceLocation = #_sourceLocation) {
        for peer in peers where !peer.isReset {
            peer.reset()
            run()
        }
        run(6_000)
        expectQuiet(connectors: 0, location: location)
    }

    /// Nothing is left of visitors and their streams on any node; links to other nodes stay.
    func expectQuiet(connectors: Int, location: SourceLocation = #_sourceLocation) {
        var links = 0
        for bench in nodes.flatMap(\.benches) where !bench.port.isDetached {
            let ledger = bench.worker.ledger
            #expect(ledger.visitors == 0 && ledger.streams == 0 && ledger.nodes == 0, sourceLocation: location)
            #expect(ledger.sockets == ledger.links, sourceLocation: location)
            #expect(
                ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0), sourceLocation: location)
            #expect(bench.worker.peers.forwards.count == 0, sourceLocation: location)
            #expect(bench.worker.peers.lookups.count == 0, sourceLocation: location)
            #expect(bench.worker.peers.stockLinks == 0, sourceLocation: location)
            #expect(bench.worker.peers.hellos.count == 0, sourceLocation: location)
            links += ledger.links - Int(bench.worker.peers.links.count)
        }
        #expect(links == connectors, sourceLocation: location)
        #expect(world.kernel.violations == [], sourceLocation: location)
    }
}
