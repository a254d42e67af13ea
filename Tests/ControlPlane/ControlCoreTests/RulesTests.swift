import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// Fixed rules that are replaced while tunnels hold hosts beside them.
struct RulesTests {
    private func node(_ capabilities: PlaneCapabilities = [.access, .trust, .rules]) throws -> SimulatedNode {
        var node = try SimulatedNode(SimulatedNode.configuration())
        node.capabilities = capabilities
        node.start()
        return node
    }

    private func rules(_ hosts: [(String, Route)]) -> RuleTable {
        var table = IngressTable(name: "ingress-0")
        table.rules = hosts.map { IngressRule(host: $0.0, route: $0.1) }
        return RuleTable(inline: [table], seed: 99)
    }

    private func route(_ number: UInt64, isPrivate: Bool = false) -> Route {
        Route(tunnel: tunnel(number), isPrivate: isPrivate)
    }

    private func found(_ node: SimulatedNode, _ host: String, at plane: Int = 0) -> Route? {
        node.planes[plane].routes[SimulatedDataPlane.Key(ingress: 0, host: host)]
    }

    private func agrees(_ node: SimulatedNode) -> Bool {
        node.planes.allSatisfy { $0.link.map(node.core.dump) ?? $0.dump == $0.dump }
    }

    static let dataPlanes: [PlaneCapabilities] = [[.access, .trust, .rules], [.access, .trust]]

    @Test(arguments: dataPlanes)
    func newRulesReplaceAllAndClaimsStay(capabilities: PlaneCapabilities) throws {
        var node = try node(capabilities)
        node.bind(0, tunnel(1), host: "app.example")
        node.tell(.rulesRead(rules([("a.fixed", route(2)), (".wild.fixed", route(3, isPrivate: true))])))
        #expect(found(node, "a.fixed") == route(2))
        #expect(found(node, ".wild.fixed") == route(3, isPrivate: true))
        #expect(found(node, "app.example") == route(1))
        node.tell(.rulesRead(rules([("b.fixed", route(2))])))
        #expect(found(node, "a.fixed") == nil)
        #expect(found(node, ".wild.fixed") == nil)
        #expect(found(node, "b.fixed") == route(2))
        #expect(found(node, "app.example") == route(1))
        #expect(node.core.routeCount == 4)
        #expect(node.core.rulesAreEverywhere)
        #expect(agrees(node))
    }

    @Test(arguments: dataPlanes)
    func aRuleTakesAHostFromTheTunnelThatHoldsIt(capabilities: PlaneCapabilities) throws {
        var node = try node(capabilities)
        node.bind(0, tunnel(1), host: "app.example")
        node.bind(0, tunnel(4), host: "x.wild.fixed")
        node.bind(0, tunnel(5), host: "y.wild.fixed")
        node.tell(.rulesRead(rules([("app.example", route(2)), (".wild.fixed", route(4))])))
        #expect(found(node, "app.example") == route(2))
        #expect(found(node, "x.wild.fixed") == route(4), "the rule gives it to the tunnel that held it")
        #expect(found(node, "y.wild.fixed") == nil, "the rule for all names below gives it to another one")
        #expect(node.core.tally.claimsDisplaced == 2)
        #expect(node.notes("taken a host").count == 2)
        #expect(node.core.registry[tunnel(1)]?.hosts.count == 2)
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "app.example")] == endpoint(tunnel(1)))
        #expect(agrees(node))
    }

    @Test(arguments: dataPlanes)
    func aHostThatLostItsRuleMayBeClaimed(capabilities: PlaneCapabilities) throws {
        var node = try node(capabilities)
        node.tell(.rulesRead(rules([("app.example", route(2))])))
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "app.example")] == endpoint(tunnel(1)))
        #expect(node.planes[0].granted[node.bind(0, tunnel(2), host: "app.example")] == "app.example")
        node.tell(.rulesRead(rules([])))
        #expect(found(node, "app.example") == nil)
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "app.example")] == "app.example")
        #expect(found(node, "app.example") == route(1))
        #expect(agrees(node))
    }

    @Test func generatedHostsAreLeftToTheirTunnels() throws {
        var node = try node()
        node.bind(0, tunnel(1))
        let host = endpoint(tunnel(1)) + ".localhost"
        node.tell(.rulesRead(rules([(".localhost", route(2))])))
        #expect(found(node, host) == route(1))
        node.tell(.rulesRead(rules([(host, route(2))])))
        #expect(found(node, host) == route(2))
        #expect(agrees(node))
    }

    @Test func aClaimBesideManyRulesIsAChangeAndNoTable() throws {
        var node = try node()
        node.tell(.rulesRead(rules((0..<30_000).map { ("h\($0).fixed", route(2)) })))
        let effects = node.core.handle(
            .received(
                node.planes[0].link!,
                .bindAsk(
                    BindAsk(
                        ask: 1, connector: ConnectorID(high: 1, low: 1), tunnel: tunnel(1), service: ServiceIndex(0),
                        requestedHost: InlineText("app.example")!, port: 0, isUDP: false, weight: 1, source: .unknown,
                        capabilities: 0))), now: node.now)
        var changes = 0
        for effect in effects {
            switch effect {
            case .sendTable, .sendRules: Issue.record("a table was sent for one claim")
            case .send(_, .routeDelta(_, let some)): changes += some.count
            default: break
            }
        }
        #expect(changes == 3)
        // The same for those that have come together: the rules are not written again.
        #expect(node.core.tableBytes(whole: false) < 4_096)
        let dump = node.core.dump(of: node.planes[0].link!)
        #expect(dump.contains("rules 30000 table "))
        #expect(dump.utf8.count < 4_096)
    }

    @Test func aDataPlaneThatStandsStillGetsOneTableAndThenTheLast() throws {
        var node = try node()
        node.planes[0].keepsRulesBack = true
        node.tell(.rulesRead(rules([("one.fixed", route(1))])))
        let first = node.planes[0].routesGeneration
        node.tell(.rulesRead(rules([("two.fixed", route(1))])))
        node.tell(.rulesRead(rules([("three.fixed", route(1))])))
        #expect(node.planes[0].rules.count == 1)
        #expect(found(node, "one.fixed") == route(1))
        #expect(!node.core.rulesAreEverywhere)
        node.planes[0].keepsRulesBack = false
        node.say(0, .applied(generation: first))
        #expect(found(node, "three.fixed") == route(1))
        #expect(found(node, "one.fixed") == nil)
        #expect(node.core.rulesAreEverywhere)
        #expect(agrees(node))
    }

    @Test func aDataPlaneThatComesLaterGetsTheRulesInForce() throws {
        var node = try node()
        node.tell(.rulesRead(rules([("one.fixed", route(1))])))
        node.start("data-1")
        #expect(found(node, "one.fixed", at: 1) == route(1))
        #expect(node.core.isReady)
        #expect(agrees(node))
    }

    @Test func ofTwoRulesForOneHostTheLaterHolds() {
        let table = rules([("a.fixed", route(1)), (".a.fixed", route(3)), ("a.fixed", route(2, isPrivate: true))])
        #expect(table.count == 2)
        #expect(table.rule(for: "a.fixed", in: IngressIndex(0)) == route(2, isPrivate: true))
        #expect(table.rule(for: "a.fixed", in: IngressIndex(1)) == nil)
        #expect(table.resolve("x.a.fixed", in: IngressIndex(0)) == route(3))
    }
}
