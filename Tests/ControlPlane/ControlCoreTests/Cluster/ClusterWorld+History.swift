import ControlCore
import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Wire

/// What clients, visitors and bad luck do.
extension ClusterWorld {
    static let hosts = [
        "", "", "dash", "Dash.gost.local", "a.dash.gost.local", "shop.x.example", "app.example.org", "www.example.org.",
    ]
    static let visited = [
        "dash.gost.local", "dash.x.example", "a.dash.gost.local", "shop.x.example", "app.example.org",
        "www.example.org", "nobody.gost.local", "nobody.example.org",
    ]

    /// A history of so many seconds: something happens every few hundred milliseconds, a fault every few seconds.
    mutating func live(seconds: UInt64, faults: Bool = true) throws {
        let end = now.advanced(milliseconds: seconds * 1_000)
        while now < end, laws.violations.isEmpty {
            run(milliseconds: 20 + UInt64(random.below(260)))
            try act(faults: faults)
            check()
        }
    }

    mutating func act(faults: Bool) throws {
        let node = Int(random.below(UInt32(nodes.count)))
        switch random.below(100) {
        case 0..<34: bindSomewhere(node)
        case 34..<52: loseSomething(node)
        case 52..<80: lookUpSomething(node)
        case 80..<86: stockBinds()
        case 86..<90: stockLeaves()
        default: if faults { try fail(node) }
        }
    }

    private func places(_ node: Int) -> [Int] {
        guard isAlive[node] else { return [] }
        return nodes[node].planes.indices.filter {
            nodes[node].planes[$0].link != nil && nodes[node].planes[$0].hasTable
        }
    }

    private mutating func pick(_ from: [Int]) -> Int? {
        from.isEmpty ? nil : from[Int(random.below(UInt32(from.count)))]
    }

    private mutating func bindSomewhere(_ node: Int) {
        guard let plane = pick(places(node)) else { return }
        let tunnel = tunnel(UInt64(1 + random.below(8)))
        bind(node, plane, tunnel, host: Self.hosts[Int(random.below(UInt32(Self.hosts.count)))])
    }

    /// A client binds; its connector's id is new in the world.
    mutating func bind(_ node: Int, _ plane: Int, _ tunnel: TunnelID, host: String) {
        nextConnector += 1
        nodes[node].now = now
        let number = nodes[node].bind(
            plane, tunnel, host: host, connector: ConnectorID(high: 9, low: nextConnector))
        laws.binds[ClusterLaws.Question(node: node, plane: plane, number: number)] = now
        send(node)
        judgeQuestions(of: node)
    }

    private mutating func loseSomething(_ node: Int) {
        guard let plane = pick(places(node)) else { return }
        let connectors = nodes[node].planes[plane].connectors.keys.sorted { $0.low < $1.low }
        guard !connectors.isEmpty else { return }
        nodes[node].now = now
        nodes[node].lose(plane, connectors[Int(random.below(UInt32(connectors.count)))])
        send(node)
    }

    private mutating func lookUpSomething(_ node: Int) {
        guard let plane = pick(places(node)) else { return }
        let number = UInt64(1 + random.below(8))
        if random.below(2) == 0 {
            lookUp(node, plane, host: Self.visited[Int(random.below(UInt32(Self.visited.count)))])
        } else if random.below(2) == 0 {
            lookUp(node, plane, host: "\(endpoint(tunnel(number))).gost.local")
        } else {
            lookUp(node, plane, host: "", tunnel: tunnel(number))
        }
    }

    /// A data plane asks; gives the number of the question.
    @discardableResult
    mutating func lookUp(_ node: Int, _ plane: Int, host: String, tunnel: TunnelID = .zero) -> UInt64 {
        nextQuestion += 1
        let lookup = PlaneLookup(
            question: nextQuestion, service: ServiceIndex(0), ingress: IngressIndex(0), host: InlineText(host)!,
            tunnel: tunnel)
        laws.lookups[ClusterLaws.Question(node: node, plane: plane, number: nextQuestion)] = now
        nodes[node].now = now
        nodes[node].say(plane, .lookup(lookup))
        send(node)
        judgeQuestions(of: node)
        return nextQuestion
    }

    private mutating func stockBinds() {
        guard isRedisUp else { return }
        let index = Int(random.below(UInt32(stocks.count)))
        guard stocks[index].connectors.count < 6 else { return }
        nextConnector += 1
        let hosts = ["shop", "old.example.org", nil]
        stocks[index].bind(
            tunnel(UInt64(1 + random.below(12))), ConnectorID(high: 8, low: nextConnector),
            host: hosts[Int(random.below(3))], redis: &redis, wall: wall, now: now, names: Self.names,
            entries: Self.entries)
        propagate()
    }

    private mutating func stockLeaves() {
        let index = Int(random.below(UInt32(stocks.count)))
        guard isRedisUp, !stocks[index].connectors.isEmpty else { return }
        stocks[index].leave(
            Int(random.below(UInt32(stocks[index].connectors.count))), redis: &redis, now: now, entries: Self.entries)
        propagate()
    }

    private mutating func fail(_ node: Int) throws {
        switch random.below(carriesWords ? 14 : 12) {
        case 0, 1, 2: cutTracking(node, milliseconds: 100 + UInt64(random.below(4_000)))
        case 3: stopRedis(milliseconds: 500 + UInt64(random.below(12_000)), losesData: random.below(2) == 0)
        case 4: flushRedis()
        case 5: slowRedis(to: 100 + UInt64(random.below(2_000)), milliseconds: 1_000 + UInt64(random.below(5_000)))
        case 6:
            if shells[node].isUp {
                laws.settleAll(at: .never)
                disconnect(node)
                events.put(.connect(node: node), at: now.advanced(milliseconds: 50 + UInt64(random.below(3_000))))
            }
        case 7: try restartControl(node)
        case 8: kill(node, milliseconds: 1_000 + UInt64(random.below(9_000)))
        case 9, 10:
            guard let plane = pick(places(node)) else { return }
            laws.forgetQuestions(of: node, plane: plane)
            nodes[node].now = now
            nodes[node].cut(plane, dies: false)
            send(node)
            laws.settle(node, at: .never)
            events.put(
                .reconnect(node: node, plane: plane), at: now.advanced(milliseconds: 50 + UInt64(random.below(2_000))))
        case 12, 13: part(node, milliseconds: 50 + UInt64(random.below(5_000)))
        default: break
        }
    }
}
