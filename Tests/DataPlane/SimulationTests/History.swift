import Model
import Observe
import Primitives
import Simulator
import Wire
import Worker
import World

/// One seeded history of visitors, a node and its tunnel clients, and the laws that hold in every one.
final class History {
    /// What is allowed to go wrong.
    enum Weather: Sendable {
        /// Nothing is lost: every request must be answered in full.
        case lossless
        /// Visitors reset their connections.
        case rudeVisitors
        /// A tunnel client dies with requests inside; another one stays.
        case dyingClient
        /// The way between node and tunnel client breaks again and again: its connections are reset.
        case brokenLinks
        /// Nothing passes between node and tunnel client for a while, again and again; nothing is lost either.
        case stalledLinks
    }

    static let tunnel = TunnelID(high: 0x3814_33e1_7980_11ee, low: 0xbbdb_60f2_62c1_e32d)

    let world: World
    let node: NodeProcess
    let weather: Weather
    private(set) var clients: [ClientProcess] = []
    private(set) var origins: [ScriptedOrigin] = []
    private(set) var browsers: [Browser] = []
    private var random: Random
    private let outside: SimulatedHost
    private let name = "\(Endpoint.label(of: History.tunnel).string).\(NodeProcess.domain)"
    /// What the one who asked at the end saw, if that was not the answer.
    private var unserved: String?

    /// `sabotage` gets the node's first worker before anything happens.
    init(
        seed: UInt64, weather: Weather, cipher: LinkCipher.Kind = .none, sabotage: ((WorkerBench) -> Void)? = nil
    ) throws {
        random = Random(seed: seed)
        self.weather = weather
        world = World(seed: seed, faults: .lossless)
        node = try NodeProcess(
            world, workers: sabotage == nil ? 1 + Int(random.below(3)) : 1, seed: seed, cipher: cipher)
        sabotage?(node.benches[0])
        outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        for number in 0..<(weather == .dyingClient ? 2 : 1) {
            let client = try ClientProcess(
                world, node, random.below(2) == 0 ? .ws : .tcp, number: number, tunnel: History.tunnel,
                connections: weather == .dyingClient ? 1 : 1 + Int(random.below(2)), cipher: cipher,
                seed: seed &+ 99 &+ UInt64(number))
            clients.append(client)
            origins.append(ScriptedOrigin(world, client))
        }
        let clients = clients
        world.run(milliseconds: 3_000) { clients.allSatisfy { $0.boundCount >= $0.desk.plans.count } }
        for visitor in 0..<3 + Int(random.below(5)) {
            let requests = (0..<1 + Int(random.below(6))).map { makeRequest(visitor * 100 + $0) }
            browsers.append(
                Browser(
                    world, node, outside, name: name, requests: requests, together: 1 + Int(random.below(3)),
                    halfCloses: random.below(4) == 0,
                    resetsAt: weather == .rudeVisitors && random.below(2) == 0 ? Int(random.below(3)) : nil))
        }
    }

    private func makeRequest(_ number: Int) -> Browser.Request {
        Browser.Request(number, bodies: [0, 1, 100, 100, 1_000, 5_000, 5_000, 20_000, 20_000, 400_000], &random)
    }

    /// Lets everything happen, then everybody go, until nothing moves.
    func run() {
        let browsers = browsers
        if weather == .dyingClient {
            world.run(milliseconds: 5 + UInt64(random.below(60)))
            clients[0].process.kill()
        }
        if weather == .brokenLinks || weather == .stalledLinks { disturbLinks() }
        world.run(milliseconds: 30_000) { browsers.allSatisfy(\.isDone) }
        // Longer than lingering, half-close grace and one keep-alive.
        world.run(milliseconds: 15_000)
        if weather == .brokenLinks { askOnceMore() }
    }

    /// A few faults of the way between the node and its clients, at random moments.
    private func disturbLinks() {
        for _ in 0..<1 + random.below(4) {
            world.run(milliseconds: 1 + UInt64(random.below(40)))
            for client in clients {
                if weather == .brokenLinks {
                    world.kernel.breakConnections(of: client.process, to: node.host)
                } else {
                    world.kernel.partition(client.host, node.host)
                }
            }
            guard weather == .stalledLinks else { continue }
            world.run(milliseconds: 1 + UInt64(random.below(3_000)))
            for client in clients { world.kernel.heal(client.host, node.host) }
        }
    }

    /// Whatever happened: the client is back, and a new visitor is served.
    private func askOnceMore() {
        let browser = Browser(world, node, outside, name: name, requests: [makeRequest(9_999)])
        browsers.append(browser)
        world.run(milliseconds: 5_000) { browser.isDone }
        if browser.outcomes != [.answered] { unserved = "afterwards: \(browser.outcomes)" }
        world.run(milliseconds: 5_000)
    }

    /// The laws that were broken.
    var brokenLaws: [String] {
        var broken = world.kernel.violations + (unserved.map { [$0] } ?? [])
        for (number, browser) in browsers.enumerated() {
            broken += browser.violations + browser.shortened
            if !browser.isDone {
                let next = browser.requests[browser.outcomes.count]
                let isKnown = origins.contains { $0.answered.contains(next.path) }
                broken.append(
                    "visitor \(number) waits for \(next.isPost ? "POST" : "GET") \(next.path) with "
                        + "\(next.body.count) bytes; the origin \(isKnown ? "answered" : "never had") it")
            }
            for (request, outcome) in zip(browser.requests, browser.outcomes) where !isAllowed(outcome, request) {
                broken.append("visitor \(number), \(request.isPost ? "POST" : "GET") \(request.path): \(outcome)")
            }
        }
        if weather == .lossless || weather == .stalledLinks {
            for origin in origins where origin.cutShort > 0 {
                broken.append("\(origin.cutShort) requests were cut short on their way to the origin")
            }
        }
        for bench in node.benches { broken += leaks("node", bench, sockets: bench.worker.ledger.links) }
        for client in clients where !client.bench.port.isDetached {
            broken += leaks("client", client.bench, sockets: client.desk.plans.count)
        }
        let links = node.benches.reduce(0) { $0 + $1.worker.ledger.links }
        let expected = clients.reduce(0) { $0 + ($1.bench.port.isDetached ? 0 : $1.desk.plans.count) }
        if links != expected { broken.append("\(links) links for \(expected) connections") }
        for reason in [Reason.windowExceeded, .smuxFault, .webSocketFault, .relayFault, .buffersFull, .stalled] {
            let count = node.count(reason) + clients.reduce(0) { $0 + $1.bench.counters.value(reason) }
            if count > 0 { broken.append("\(reason.label) was counted \(count) times") }
        }
        return broken
    }

    private func isAllowed(_ outcome: Browser.Outcome, _ request: Browser.Request) -> Bool {
        switch (weather, outcome) {
        case (_, .answered): true
        case (.lossless, _), (.stalledLinks, _): false
        case (.rudeVisitors, .cut): true
        case (.rudeVisitors, _): false
        case (.dyingClient, .cut), (.brokenLinks, .cut): true
        // Nobody is there until the client has dialled again.
        case (.brokenLinks, .refused(let status)): status == 503
        // A request that may have reached an origin is repeated only when that is safe.
        case (.dyingClient, .refused(let status)): status == 503 && request.isPost
        }
    }

    private func leaks(_ what: String, _ bench: WorkerBench, sockets: Int) -> [String] {
        let ledger = bench.worker.ledger
        var broken: [String] = []
        if ledger.visitors != 0 || ledger.streams != 0 || ledger.sockets != sockets || ledger.nodes != 0 {
            broken.append("\(what): left behind: \(ledger)")
        }
        if ledger.buffersInUse != ledger.buffersWithShell + (ledger.hasArena ? 1 : 0)
            || ledger.buffersWithShell != bench.port.providedCount
        {
            broken.append("\(what): buffers leaked: \(ledger), \(bench.port.providedCount) with the kernel")
        }
        return broken
    }
}
