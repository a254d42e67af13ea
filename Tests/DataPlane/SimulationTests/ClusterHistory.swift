import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Wire
import Worker
import World

/// One seeded history of three nodes: two tunnels with clients at the first two, visitors at all of them, most at the
/// third, which has nobody's client. And the laws that hold in every one.
final class ClusterHistory {
    /// What is allowed to go wrong.
    enum Weather: Sendable {
        /// Nothing is lost: every request must be answered in full.
        case lossless
        /// Links between nodes are reset, again and again.
        case brokenPeerLinks
        /// The first node dies with requests inside; its tunnel has another client at the second.
        case dyingNode
        /// The first node's workers stop for a while; nothing of it is lost.
        case frozenNode
        /// The first node's data plane leaves as in a drain; its clients may go to the second.
        case leavingNode
    }

    static let tunnels = [
        TunnelID(high: 0x3814_33e1_7980_11ee, low: 0xbbdb_60f2_62c1_e32d),
        TunnelID(high: 0x4814_33e1_7980_41ee, low: 0x8bdb_60f2_62c1_e32e),
    ]

    /// Chunks of words that every control plane tells every other.
    private static let chunks: UInt32 = 60

    let world: World
    let weather: Weather
    private(set) var nodes: [NodeProcess] = []
    private var controls: [ScriptedControl] = []
    private(set) var clients: [(process: ClientProcess, origin: ScriptedOrigin, tunnel: Int)] = []
    private(set) var browsers: [(browser: Browser, tunnel: Int, node: Int)] = []
    private var random: Random
    private let outside: SimulatedHost
    private var unserved: String?

    /// `sabotage` gets the third node's first worker before anything happens.
    init(seed: UInt64, weather: Weather, sabotage: ((WorkerBench) -> Void)? = nil) throws {
        random = Random(seed: seed)
        self.weather = weather
        world = World(seed: seed, faults: .lossless)
        outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        let secret = PeerSecret(text: "seed \(seed)")
        for number in 0..<3 {
            let node = try NodeProcess(
                world, workers: 1 + Int(random.below(3)), seed: seed &+ UInt64(number) &* 31, number: number)
            node.listenForPeers()
            nodes.append(node)
            let control = ScriptedControl(
                world, node.host, node: ScriptedControl.row(number),
                rows: (0..<3).filter { $0 != number }.map { ScriptedControl.row($0) }, secret: secret)
            control.speaksWords = true
            for (tunnel, id) in Self.tunnels.enumerated() {
                control.hosts[Self.host(tunnel)] = id
                let holders = tunnel == 0 ? [0, 1] : [1]
                control.tunnels[id] = holders.filter { $0 != number }.map { ScriptedControl.candidate($0) }
            }
            controls.append(control)
        }
        // Afterwards, so that what is bound is told in the order in which it is.
        let controls = controls
        world.run(milliseconds: 2_000) { controls.allSatisfy(\.isMet) }
        sabotage?(nodes[2].benches[0])
        for (number, place) in [(tunnel: 0, node: 0), (tunnel: 0, node: 1), (tunnel: 1, node: 1)].enumerated() {
            let client = try ClientProcess(
                world, nodes[place.node], random.below(2) == 0 ? .ws : .tcp, number: number,
                tunnel: Self.tunnels[place.tunnel], connections: 1 + Int(random.below(2)),
                others: weather == .leavingNode && place.node == 0 ? [nodes[1]] : [],
                seed: seed &+ 99 &+ UInt64(number))
            clients.append((client, ScriptedOrigin(world, client), place.tunnel))
        }
        let clients = clients
        world.run(milliseconds: 3_000) { clients.allSatisfy { $0.process.boundCount >= $0.process.desk.plans.count } }
        world.run(milliseconds: 1_500)
        for visitor in 0..<4 + Int(random.below(5)) { addBrowser(visitor, count: 1 + Int(random.below(6))) }
    }

    private static func host(_ tunnel: Int) -> String {
        "\(Endpoint.label(of: tunnels[tunnel]).string).\(NodeProcess.domain)"
    }

    private func addBrowser(_ visitor: Int, count: Int) {
        let tunnel = Int(random.below(2))
        let node = weather == .dyingNode || random.below(3) > 0 ? 2 : Int(random.below(2))
        // Nobody takes the first one's place at its address: who is there asks once.
        let count = weather == .leavingNode && node == 0 ? 1 : count
        let requests = (0..<count).map { makeRequest(visitor * 100 + $0) }
        let browser = Browser(
            world, nodes[node], outside, name: Self.host(tunnel), requests: requests,
            together: 1 + Int(random.below(3)), halfCloses: random.below(4) == 0)
        browsers.append((browser, tunnel, node))
    }

    private func makeRequest(_ number: Int) -> Browser.Request {
        Browser.Request(number, bodies: [0, 1, 100, 1_000, 5_000, 20_000, 400_000], &random)
    }

    /// Lets everything happen, then everybody go, until nothing moves.
    func run() {
        for control in controls { control.tellEverybody(Self.chunks) }
        switch weather {
        case .lossless: break
        case .brokenPeerLinks:
            for _ in 0..<1 + random.below(4) {
                world.run(milliseconds: 1 + UInt64(random.below(40)))
                world.kernel.breakConnections(of: nodes[2].process, to: nodes[Int(random.below(2))].host)
            }
        case .dyingNode:
            world.run(milliseconds: 1 + UInt64(random.below(60)))
            nodes[0].process.kill()
            controls[0].leave()
        case .leavingNode:
            world.run(milliseconds: 30 + UInt64(random.below(60)))
            leave()
        case .frozenNode:
            world.run(milliseconds: 1 + UInt64(random.below(30)))
            for bench in nodes[0].benches { bench.isFrozen = true }
            world.run(milliseconds: 1 + UInt64(random.below(2_500)))
            for bench in nodes[0].benches { bench.isFrozen = false }
        }
        let browsers = browsers
        world.run(milliseconds: 30_000) { browsers.allSatisfy(\.browser.isDone) }
        world.run(milliseconds: 15_000)
        askOnceMore()
        // Between two heartbeats.
        world.run(milliseconds: 1_000) { leftovers.isEmpty }
    }

    /// The first node's process leaves, and ends when it has nothing left.
    private func leave() {
        let first = nodes[0].benches[0]
        first.worker.drainAll()
        first.turn(world.now)
        world.run(milliseconds: Limit.drainGraceMilliseconds.row.standard + 2_000) { first.worker.isOver }
        if !first.worker.isOver { unserved = "the process that left has not ended" }
        let ledger = first.worker.ledger
        if ledger.visitors != 0 { unserved = "the process ended with visitors: \(ledger)" }
        nodes[0].process.kill()
        controls[0].leave()
    }

    /// Whatever happened: a new visitor of the third node is served.
    private func askOnceMore() {
        let browser = Browser(
            world, nodes[2], outside, name: Self.host(0), requests: [makeRequest(9_999)])
        browsers.append((browser, 0, 2))
        world.run(milliseconds: 5_000) { browser.isDone }
        if browser.outcomes != [.answered] { unserved = "afterwards: \(browser.outcomes)" }
        world.run(milliseconds: 8_000)
    }

    /// The laws that were broken.
    var brokenLaws: [String] {
        var broken = world.kernel.violations + (unserved.map { [$0] } ?? [])
        for (number, (browser, tunnel, node)) in browsers.enumerated() {
            broken += browser.violations + browser.shortened
            if !browser.isDone { broken.append("visitor \(number) of node \(node) waits for its answer") }
            for (request, outcome) in zip(browser.requests, browser.outcomes) {
                if !isAllowed(outcome, request) {
                    broken.append(
                        "visitor \(number) of node \(node), \(request.isPost ? "POST" : "GET") \(request.path): "
                            + "\(outcome)")
                }
                // No stream leads to another tunnel.
                for client in clients where client.tunnel != tunnel && client.origin.answered.contains(request.path) {
                    broken.append("\(request.path) came to another tunnel's service")
                }
            }
        }
        return broken + hops + words + leftovers
    }

    /// Words come whole, in their order, and all of them; what may have been taken is told again, so some come twice.
    private var words: [String] {
        var broken: [String] = []
        for teller in controls.indices {
            for hearer in controls.indices where hearer != teller {
                var next: UInt32 = 0
                for said in controls[hearer].heard where said.node == ScriptedControl.row(teller).id {
                    let number: UInt32 = said.words.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
                    if said.words != ScriptedControl.chunk(number) || number > next {
                        broken.append("node \(hearer) heard \(number) of node \(teller) in the place of \(next)")
                    }
                    next = max(next, number + 1)
                }
                let peer = LinkedPeer(node: ScriptedControl.row(hearer).id, plane: "simulated")
                let taken = controls[teller].taken[peer] ?? 0
                // What a node took just before its end, its control plane may not have been told any more.
                let isGone = [.dyingNode, .leavingNode].contains(weather) && (teller == 0 || hearer == 0)
                if isGone { continue }
                if taken > next {
                    broken.append("node \(teller) believes that node \(hearer) heard \(taken), not \(next)")
                }
                if taken != Self.chunks { broken.append("node \(hearer) took \(taken) of node \(teller)") }
            }
        }
        return broken
    }

    /// One hop: whoever has a tunnel's client opens nothing elsewhere for it, and who has none accepts nothing.
    private var hops: [String] {
        var broken: [String] = []
        if nodes[2].count(.forwardsAccepted) > 0 { broken.append("the third node accepted a stream") }
        let opened = nodes.reduce(0) { $0 + $1.count(.forwardsOpened) }
        let accepted = nodes.reduce(0) { $0 + $1.count(.forwardsAccepted) }
        if accepted > opened { broken.append("\(accepted) streams were accepted of \(opened)") }
        if nodes.contains(where: { $0.count(.loopDetected) > 0 }) { broken.append("a stream was forwarded twice") }
        return broken
    }

    private func isAllowed(_ outcome: Browser.Outcome, _ request: Browser.Request) -> Bool {
        switch (weather, outcome) {
        case (_, .answered): true
        case (.lossless, _), (.leavingNode, _): false
        case (.frozenNode, .cut), (.dyingNode, .cut), (.brokenPeerLinks, .cut): true
        // A request that may have reached an origin is repeated only when that is safe, and once.
        case (.dyingNode, .refused(let status)): status == 503 && request.isPost
        case (.frozenNode, .refused(let status)), (.brokenPeerLinks, .refused(let status)):
            status == 503 || status == 504
        }
    }

    private var leftovers: [String] {
        var broken: [String] = []
        for (number, node) in nodes.enumerated() {
            for bench in node.benches where !bench.port.isDetached {
                let ledger = bench.worker.ledger
                if ledger.visitors != 0 || ledger.streams != 0 || ledger.sockets != ledger.links || ledger.nodes != 0
                    || ledger.forwards != 0 || ledger.lookups != 0
                {
                    broken.append("node \(number): left behind: \(ledger)")
                }
                if ledger.buffersInUse != ledger.buffersWithShell + (ledger.hasArena ? 1 : 0)
                    || ledger.buffersWithShell != bench.port.providedCount
                {
                    broken.append("node \(number): buffers leaked: \(ledger)")
                }
            }
            for reason in [Reason.windowExceeded, .smuxFault, .relayFault, .buffersFull, .stalled, .peerUnproven] {
                let count = node.count(reason)
                if count > 0 { broken.append("node \(number): \(reason.label) was counted \(count) times") }
            }
        }
        return broken
    }
}
