import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// Laws that hold after every step of any history.
struct RandomHistoryTests {
    private func configuration() -> ServerConfiguration {
        SimulatedNode.configuration { configuration in
            configuration.ingresses[0].rules = [
                IngressRule(host: ".fixed.example", route: Route(tunnel: tunnel(1), isPrivate: false)),
                IngressRule(host: "h1.localhost", route: Route(tunnel: tunnel(2), isPrivate: true)),
            ]
            var second = configuration.services[0]
            second.name = "service-1"
            second.address.port = 8422
            second.entrypoints = []
            second.ingress = 1
            configuration.services.append(second)
            var other = IngressTable(name: "ingress-1")
            other.dynamic = DynamicIngress()
            configuration.ingresses.append(other)
        }
    }

    /// Alone, with data planes that link with each other, and with other nodes' as well.
    private func cluster(_ seed: Int) -> ClusterSettings {
        var settings = ClusterSettings()
        guard seed % 3 != 0 else { return settings }
        settings.peering = ClusterSettings.Peering(
            secret: PeerSecret(text: "a secret of a random history"),
            address: seed % 3 == 1 ? nil : ListenAddress(host: "", port: 8_420), controlPath: "/run/control.sock")
        return settings
    }

    @Test(arguments: 1...12)
    func everyHistoryKeepsTheLaws(seed: Int) throws {
        var random = Random(seed: UInt64(seed))
        var node = try SimulatedNode(configuration(), cluster: cluster(seed))
        node.capabilities = seed % 4 == 0 ? [.access, .trust, .cluster] : [.access, .trust, .cluster, .rules]
        for round in 0..<300 {
            try step(&node, &random)
            // Texts are dear in debug builds: the planes are compared after every few steps.
            check(node, dumps: round % 8 == 0)
        }
        #expect(
            node.planes.reduce(0) { $0 + $1.granted.count } > 50, "a history in which nothing happens shows nothing")
        for index in node.planes.indices where node.planes[index].link == nil && !node.planes[index].isDead {
            node.connect(index)
        }
        check(node)
        for index in node.planes.indices where node.planes[index].link != nil {
            for connector in node.planes[index].connectors.keys { node.lose(index, connector) }
        }
        node.advance(milliseconds: 61_000)
        check(node)
        #expect(node.core.registry.tunnels.isEmpty)
        #expect(node.core.registry.connectors.isEmpty)
        #expect(node.core.routeCount == node.core.rules.count)
    }

    private func step(_ node: inout SimulatedNode, _ random: inout Random) throws {
        let living = node.planes.indices.filter { node.planes[$0].link != nil && !node.planes[$0].isDraining }
        let away = node.planes.indices.filter { node.planes[$0].link == nil && !node.planes[$0].isDead }
        switch random.below(100) {
        case 0..<4 where living.count + away.count < 4:
            let names = Set(node.planes.filter { !$0.isDead }.map(\.name))
            let name = "data-\(random.below(4))"
            if !names.contains(name) { node.start(name, workers: UInt8(1 + random.below(3))) }
        case 4..<7:
            guard let index = pick(living, &random) else { return }
            let dies = random.below(2) == 0
            node.cut(index, dies: dies)
            node.planes[index].isDead = dies
        case 7..<12:
            if let index = pick(away, &random) { node.connect(index) }
        case 12: try node.restartControl()
        case 13: replaceRules(&node, &random)
        case 14..<16: node.advance(milliseconds: UInt64(random.below(70_000)))
        case 16..<40:
            guard let index = pick(living, &random),
                let victim = node.planes[index].connectors.keys.sorted(by: { $0.low < $1.low })
                    .dropFirst(Int(random.below(8))).first
            else { return }
            node.lose(index, victim)
        default:
            guard let index = pick(living, &random) else { return }
            let hosts = ["", "h0", "h1", "h2.localhost", "app.example", "H3.gost.local", "x.fixed.example"]
            node.bind(
                index, tunnel(UInt64(random.below(6))), host: hosts[Int(random.below(UInt32(hosts.count)))],
                service: UInt16(random.below(2)))
        }
    }

    /// The two rules, and others that come and go, some for hosts that tunnels hold.
    private func replaceRules(_ node: inout SimulatedNode, _ random: inout Random) {
        var tables = configuration().ingresses
        for host in ["app.example", "h0.localhost", ".gost.local", "a.fixed.example"] where random.below(3) == 0 {
            let owner = tunnel(UInt64(random.below(6)))
            tables[Int(random.below(2))].rules.append(
                IngressRule(host: host, route: Route(tunnel: owner, isPrivate: random.below(4) == 0)))
        }
        node.tell(.rulesRead(RuleTable(inline: tables, seed: random.next())))
    }

    private func pick(_ from: [Int], _ random: inout Random) -> Int? {
        from.isEmpty ? nil : from[Int(random.below(UInt32(from.count)))]
    }

    private func check(_ node: SimulatedNode, dumps: Bool = true) {
        var owners: [String: TunnelID] = [:]
        for ingress in node.core.ingresses {
            for (host, owner) in ingress.owners {
                owners["\(ingress.index.rawValue) \(host)"] = owner
                #expect(ingress.rules[host] == nil)
                let key = HostKey(ingress: ingress.index, host: host)
                #expect(node.core.registry[owner]?.hosts.contains(key) == true)
            }
        }
        var held = 0
        for record in node.core.registry.tunnels.values {
            held += record.hosts.count
            #expect(!record.connectors.isEmpty || record.offlineUntil != .never)
        }
        #expect(held == owners.count, "a host has one owner, and an owner its hosts")
        #expect(node.core.routeCount == owners.count + node.core.rules.count)
        let onTunnels = node.core.registry.tunnels.values.reduce(0) { $0 + $1.connectors.count }
        #expect(onTunnels == node.core.registry.connectors.count)
        var ports: [String: String] = [:]
        for (name, kept) in node.core.sockets {
            for socket in kept.sockets where socket.listener.role == .peers {
                let other = ports.updateValue(name, forKey: socket.listener.address)
                #expect(other == nil || other == name, "two data planes wait for other nodes at one port")
            }
        }
        for plane in node.planes {
            guard let link = plane.link, node.core.links[link] != nil else { continue }
            if dumps { #expect(plane.dump == node.core.dump(of: link)) }
            #expect(plane.routesGeneration <= node.core.generation)
            #expect(plane.asks.isEmpty, "every bind is answered")
        }
    }
}
