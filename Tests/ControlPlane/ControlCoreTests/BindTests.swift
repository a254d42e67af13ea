import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// What a client is told (protocol relay §6), who holds a host, and when it is given up.
struct BindTests {
    private func node(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws -> SimulatedNode {
        var node = try SimulatedNode(SimulatedNode.configuration(change))
        node.start()
        return node
    }

    private func hosts(_ node: SimulatedNode, _ tunnel: TunnelID) -> Set<String> {
        Set(node.planes[0].routes.filter { $0.value.tunnel == tunnel }.map(\.key.host))
    }

    @Test(arguments: [
        ("381433e1-7980-11ee-bbdb-60f262c1e32d", "b7de88a94729b931"),
        ("893787fd-fcd2-46a0-8dd4-f9103ae84df4", "134c714b65d54a4f"),
        ("00000000-0000-0000-0000-000000000001", "c96589eefb0828c0"),
    ])
    func endpointsFollowTheRule(id: String, label: String) {
        #expect(endpoint(TunnelID(id)!) == label)
    }

    @Test(arguments: ["", "0.0.0.0", "::", "0.0.0.0::0", "not a host", "10.0.0.1", "a..b", "x:80"])
    func noHostMeansTheEndpoint(requested: String) throws {
        var node = try node()
        let ask = node.bind(0, tunnel(1), host: requested)
        #expect(node.planes[0].granted[ask] == endpoint(tunnel(1)))
        #expect(hosts(node, tunnel(1)) == ["\(endpoint(tunnel(1))).localhost", "\(endpoint(tunnel(1))).gost.local"])
    }

    @Test(arguments: [
        ("dash", ["dash.localhost", "dash.gost.local"]), ("DASH", ["dash.localhost", "dash.gost.local"]),
        ("Dash.Gost.Local.", ["dash.gost.local"]), ("a.b.gost.local", ["a.b.gost.local"]),
        ("app.example.org", ["app.example.org"]), ("notgost.local", ["notgost.local"]),
    ])
    func aCustomHostIsToldAsWrittenAndReachable(requested: String, routes: [String]) throws {
        var node = try node()
        let ask = node.bind(0, tunnel(1), host: requested)
        #expect(node.planes[0].granted[ask] == requested)
        let own = [".localhost", ".gost.local"].map { endpoint(tunnel(1)) + $0 }
        #expect(hosts(node, tunnel(1)) == Set(routes + own))
    }

    @Test(arguments: [
        ("localhost", ClaimRefusal.domainItself), ("gost.local", .domainItself),
        ("b7de88a94729b931", .generatedForm), ("b7de88a94729b931.localhost", .generatedForm),
        ("ab", .tooShort), ("ab.localhost", .tooShort), ("fixed.example", .fixedRule), ("a.wild.example", .fixedRule),
        ("secret.example", .fixedRule),
    ])
    func hostsThatAreNotToBeHad(requested: String, refusal: ClaimRefusal) throws {
        var node = try node { configuration in
            configuration.ingresses[0].dynamic?.labelBytesMin = 3
            configuration.ingresses[0].rules = [
                IngressRule(host: "fixed.example", route: Route(tunnel: tunnel(2), isPrivate: false)),
                IngressRule(host: ".wild.example", route: Route(tunnel: tunnel(2), isPrivate: false)),
                IngressRule(host: "secret.example", route: Route(tunnel: tunnel(1), isPrivate: true)),
            ]
        }
        let ask = node.bind(0, tunnel(1), host: requested)
        #expect(node.planes[0].granted[ask] == endpoint(tunnel(1)))
        #expect(node.core.tally.claimsRefused == [refusal: 1])
        #expect(node.notes("host refused").count == 1)
        #expect(hosts(node, tunnel(1)).subtracting(["secret.example"]).count == 2)
    }

    @Test func aFixedRuleForTheTunnelGrantsItsHost() throws {
        var node = try node { configuration in
            configuration.ingresses[0].dynamic = nil
            configuration.ingresses[0].rules = [
                IngressRule(host: ".fixed.example", route: Route(tunnel: tunnel(1), isPrivate: false))
            ]
        }
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "a.fixed.example")] == "a.fixed.example")
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "free.example")] == endpoint(tunnel(1)))
        #expect(node.core.tally.claimsRefused == [.notDynamic: 1])
        #expect(node.planes[0].routes.count == 1)
    }

    @Test func theFirstOwnerKeepsAHostWhileAConnectorLives() throws {
        var node = try node()
        let first = ConnectorID(high: 1, low: 1), second = ConnectorID(high: 1, low: 2)
        node.bind(0, tunnel(1), host: "app.example", connector: first)
        node.bind(0, tunnel(1), connector: second)
        #expect(node.planes[0].granted[node.bind(0, tunnel(2), host: "app.example")] == endpoint(tunnel(2)))
        node.lose(0, first)
        #expect(node.planes[0].granted[node.bind(0, tunnel(2), host: "APP.example.")] == endpoint(tunnel(2)))
        #expect(node.core.tally.claimsRefused == [.taken: 2])
        node.lose(0, second)
        #expect(node.planes[0].granted[node.bind(0, tunnel(2), host: "app.example")] == "app.example")
        #expect(hosts(node, tunnel(2)).contains("app.example"))
        #expect(node.planes[0].granted[node.bind(0, tunnel(1), host: "app.example")] == endpoint(tunnel(1)))
    }

    @Test func aBareLabelIsGivenInAllDomainsOrNot() throws {
        var node = try node()
        node.bind(0, tunnel(1), host: "dash.gost.local")
        #expect(node.planes[0].granted[node.bind(0, tunnel(2), host: "dash")] == endpoint(tunnel(2)))
        #expect(!hosts(node, tunnel(2)).contains("dash.localhost"))
    }

    @Test func offlineRoutesStayForTheirGraceThenGo() throws {
        var node = try node()
        let connector = ConnectorID(high: 1, low: 1)
        node.bind(0, tunnel(1), host: "app.example", connector: connector)
        node.lose(0, connector)
        node.advance(milliseconds: 59_000)
        #expect(hosts(node, tunnel(1)).count == 3)
        node.bind(0, tunnel(1), connector: connector)
        node.advance(milliseconds: 2_000)
        #expect(hosts(node, tunnel(1)).count == 3)
        node.lose(0, connector)
        node.advance(milliseconds: 60_001)
        #expect(node.planes[0].routes.isEmpty)
        #expect(node.core.registry.tunnels.isEmpty)
        #expect(node.core.routeCount == 0)
    }

    @Test func refusals() throws {
        var node = try node { $0.limits = [.connectorsPerTunnelMax: 1, .tunnelsMax: 16] }
        #expect(node.planes[0].refused[node.bind(0, .zero)] == .noTunnel)
        #expect(node.planes[0].refused[node.bind(0, tunnel(1), service: 9)] == .bindRefused)
        let connector = ConnectorID(high: 1, low: 1)
        node.bind(0, tunnel(1), connector: connector)
        #expect(node.planes[0].refused[node.bind(0, tunnel(2), connector: connector)] == .bindRefused)
        #expect(node.planes[0].refused[node.bind(0, tunnel(1))] == .connectorsFull)
        for number in 2...16 { node.bind(0, tunnel(UInt64(number))) }
        #expect(node.planes[0].refused[node.bind(0, tunnel(17))] == .tunnelsFull)
        #expect(node.core.tally.bindsRefused == [.noTunnel: 1, .bindRefused: 2, .connectorsFull: 1, .tunnelsFull: 1])
        #expect(node.core.tally.bindsGranted == 16)
    }

    @Test func aTunnelHoldsAFewHostsOnly() throws {
        var node = try node()
        for number in 0..<ControlLimit.hostsPerTunnelMax {
            node.bind(0, tunnel(1), host: "h\(number).example")
        }
        #expect(hosts(node, tunnel(1)).count == ControlLimit.hostsPerTunnelMax)
        #expect(node.core.tally.claimsRefused == [.tooMany: 2])
    }
}
