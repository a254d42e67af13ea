import Model
import PlaneLink
import Primitives
import Settings
import StoreVocabulary
import Testing
import Wire

@testable import ControlCore

/// Names in Redis: who gets them, what stands there, and when they are given up.
struct ClusterClaimTests {
    private func world(_ seed: UInt64 = 1) throws -> ClusterWorld {
        var world = try ClusterWorld(seed: seed)
        world.run(milliseconds: 2_000)
        return world
    }

    private func granted(_ world: ClusterWorld, _ node: Int, _ plane: Int = 0) -> [String] {
        world.nodes[node].planes[plane].granted.sorted { $0.key < $1.key }.map(\.value)
    }

    @Test func aBindWaitsForTheStoreAndItsKeysAreThoseOfStockNodes() throws {
        var world = try world()
        world.bind(0, 0, tunnel(1), host: "Dash.gost.local.")
        #expect(granted(world, 0).isEmpty, "nothing is promised before the store has answered")
        world.run(milliseconds: 20)
        #expect(granted(world, 0) == ["Dash.gost.local."])
        #expect(world.redis.text(ClusterWorld.names, endpoint(tunnel(1))) == tunnel(1).text)
        #expect(world.redis.text(ClusterWorld.names, "dash") == tunnel(1).text)
        let cell = world.redis.cells[FakeRedis.Key(database: ClusterWorld.names, name: "dash")]
        #expect(cell?.expires != nil)
        let names = world.redis.cells.keys.filter { $0.database == ClusterWorld.names }.map(\.name)
        #expect(Set(names) == [endpoint(tunnel(1)), "dash"])
        let routes = world.nodes[0].planes[0].routes.keys.map(\.host)
        #expect(Set(routes).isSuperset(of: ["dash.gost.local", "dash.x.example"]))
        // What a stock node would find.
        let found = StockNode.get(tunnel(1), redis: world.redis, wall: world.wall, entries: ClusterWorld.entries)
        #expect(found == ["10.0.0.1:8080"])
    }

    @Test func aThousandConcurrentClaimsFromThreeNodesHaveOneOwnerEach() throws {
        var world = try world(7)
        for number in 0..<1_000 {
            for node in 0..<3 {
                world.bind(node, 0, tunnel(UInt64(100 + number * 3 + node)), host: "host\(number).example.org")
            }
        }
        world.run(milliseconds: 300)
        #expect(world.laws.binds.isEmpty)
        var winners: [String: Int] = [:]
        for node in 0..<3 {
            #expect(world.nodes[node].planes[0].granted.count == 1_000)
            for host in granted(world, node) where host.hasPrefix("host") { winners[host, default: 0] += 1 }
        }
        #expect(winners.count == 1_000)
        #expect(winners.values.allSatisfy { $0 == 1 })
        let refused = (0..<3).reduce(0) { $0 + (world.nodes[$1].core.tally.claimsRefused[.taken] ?? 0) }
        #expect(refused == 2_000)
    }

    @Test func theSameTunnelHasItsNamesOnEveryNode() throws {
        var world = try world()
        for node in 0..<3 { world.bind(node, 0, tunnel(1), host: "app.example.org") }
        world.run(milliseconds: 50)
        for node in 0..<3 { #expect(granted(world, node) == ["app.example.org"]) }
    }

    @Test func aSlowStoreDelaysABindByItsDeadlineOnlyAndTheLoserIsCutOff() throws {
        var world = try world()
        world.stopRedis(milliseconds: 3_000, losesData: false)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.bind(1, 0, tunnel(2), host: "app.example.org")
        #expect(
            granted(world, 0) == ["app.example.org"] && granted(world, 1) == ["app.example.org"],
            "nobody is known to have it")
        #expect(world.nodes[0].planes[0].routes.keys.contains { $0.host == "app.example.org" })
        world.run(milliseconds: 9_000)
        let living = (0..<2).map { world.nodes[$0].planes[0].connectors.count }
        #expect(living.sorted() == [0, 1], "the loser's client is cut off, so that it binds anew and is told")
        let lost = (0..<2).map { world.nodes[$0].core.cluster.tally.namesLost }
        #expect(lost.sorted() == [0, 1])
        let winner = living[0] == 1 ? tunnel(1) : tunnel(2)
        #expect(world.redis.text(ClusterWorld.names, "app.example.org") == winner.text)
        #expect(world.nodes.flatMap(\.notes).contains { $0.message.contains("its client is cut off") })
        // Slow, not away: the deadline decides.
        world.slowRedis(to: 2_000, milliseconds: 10_000)
        world.bind(2, 0, tunnel(3), host: "slow.example.org")
        world.run(milliseconds: 299)
        #expect(granted(world, 2).isEmpty)
        world.run(milliseconds: 2)
        #expect(granted(world, 2) == ["slow.example.org"])
    }

    @Test func lastKnowledgeRefusesWhatIsKnownToBeAnothers() throws {
        var world = try world()
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 100)
        world.lookUp(1, 0, host: "app.example.org")
        world.run(milliseconds: 100)
        world.stopRedis(milliseconds: 5_000, losesData: false)
        world.bind(1, 0, tunnel(2), host: "app.example.org")
        world.bind(1, 0, tunnel(1), host: "app.example.org")
        #expect(granted(world, 1) == [endpoint(tunnel(2)), "app.example.org"])
        #expect(world.nodes[1].core.tally.claimsRefused == [.taken: 1])
    }

    @Test func whatOperatorsWroteStaysAsTheyWroteIt() throws {
        var world = try world()
        let names = ClusterWorld.names
        _ = world.redis.execute(StoreCommand("SET", "mine", tunnel(1).text), database: names, now: world.now)
        _ = world.redis.execute(StoreCommand("SET", "secret", "$" + tunnel(1).text), database: names, now: world.now)
        world.bind(0, 0, tunnel(1), host: "mine")
        world.bind(0, 0, tunnel(1), host: "secret")
        world.run(milliseconds: 50)
        #expect(granted(world, 0) == ["mine", endpoint(tunnel(1))])
        world.run(milliseconds: 40_000)
        for connector in world.nodes[0].planes[0].connectors.keys { world.nodes[0].lose(0, connector) }
        world.run(milliseconds: 120_000)
        #expect(world.redis.cells[FakeRedis.Key(database: names, name: "mine")]?.expires == nil)
        #expect(world.redis.text(names, "mine") == tunnel(1).text)
        #expect(world.redis.text(names, endpoint(tunnel(1))) == nil)
        // A private name is a route that only the tunnel's own visitors may use.
        let question = world.lookUp(1, 0, host: "secret.gost.local")
        world.run(milliseconds: 50)
        #expect(
            world.nodes[1].planes[0].lookups[question] == .found(Route(tunnel: tunnel(1), isPrivate: true)))
    }

    /// A stock node's client holds a host inside a domain under its full text (protocol ingress-sd-plugins §5.2).
    @Test func aHostThatAStockNodesClientHoldsIsTaken() throws {
        var world = try world()
        world.run(milliseconds: 12_000)
        _ = world.redis.execute(
            StoreCommand("SET", "dash.gost.local", tunnel(9).text, "EX", "3600", "NX"), database: ClusterWorld.names,
            now: world.now)
        world.bind(0, 0, tunnel(1), host: "dash")
        world.run(milliseconds: 100)
        #expect(granted(world, 0) == [endpoint(tunnel(1))])
        #expect(world.nodes[0].core.tally.claimsRefused == [.taken: 1])
        #expect(world.redis.text(ClusterWorld.names, "dash") == nil, "what was claimed in vain is given back")
        let question = world.lookUp(1, 0, host: "dash.gost.local")
        world.run(milliseconds: 100)
        #expect(
            world.nodes[1].planes[0].lookups[question] == .found(Route(tunnel: tunnel(9), isPrivate: false)),
            "and it is reachable here, where stock nodes do not find it")
    }

    @Test func aReleasedNameBecomesFreeAndALivingOneDoesNotExpire() throws {
        var world = try ClusterWorld(seed: 1, nameSeconds: 300)
        world.run(milliseconds: 12_000)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.bind(1, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        let first = world.nodes[0].planes[0].connectors.keys.first!
        world.nodes[0].lose(0, first)
        world.send(0)
        for _ in 0..<80 {
            world.run(milliseconds: 5_000)
            #expect(world.redis.text(ClusterWorld.names, "app.example.org") == tunnel(1).text)
        }
        let second = world.nodes[1].planes[0].connectors.keys.first!
        world.nodes[1].lose(0, second)
        world.send(1)
        world.run(milliseconds: 62_000)
        #expect(world.redis.text(ClusterWorld.names, "app.example.org") == nil, "given up, not only expired")
        #expect(world.nodes[1].core.cluster.tally.namesReleased > 0)
        world.bind(2, 0, tunnel(2), host: "app.example.org")
        world.run(milliseconds: 100)
        #expect(granted(world, 2) == ["app.example.org"])
        #expect(world.redis.hash(ClusterWorld.entries, tunnel(1).text).isEmpty)
    }

    /// A control plane that is restarted takes no connector away from the others: its predecessor's entries hold until
    /// its own are written.
    @Test func aRestartedControlPlaneKeepsItsConnectorsInTheTables() throws {
        var world = try world()
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        world.lookUp(1, 0, host: "app.example.org")
        world.run(milliseconds: 500)
        let before = try #require(world.nodes[1].planes[0].remote[tunnel(1)])
        #expect(before.map(\.standing) == [.preferred])
        try world.restartControl(0)
        for _ in 0..<100 {
            world.run(milliseconds: 100)
            #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.map(\.standing) == [.preferred])
        }
        let lease = try #require(
            world.redis.text(ClusterWorld.entries, NodeLease.key(NodeID(name: "node-0"))))
        #expect(NodeLease(Array(lease.utf8))?.epoch == world.nodes[0].core.nodeEpoch)
    }

    @Test func aDeadNodeIsALastResortAndItsOldEntriesAreVoidOnceItIsBack() throws {
        var world = try world()
        world.run(milliseconds: 12_000)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.bind(2, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        world.lookUp(1, 0, host: "app.example.org")
        world.run(milliseconds: 500)
        #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.map(\.standing) == [.preferred, .preferred])
        world.kill(0, milliseconds: 20_000)
        world.run(milliseconds: 6_500)
        #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.map(\.standing) == [.preferred, .lastResort])
        world.run(milliseconds: 25_000)
        #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.map(\.standing) == [.preferred])
        // Back, with the tunnel again: what it left behind is cleared away.
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 3_000)
        #expect(world.redis.hash(ClusterWorld.entries, tunnel(1).text).count == 2)
        #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.map(\.standing) == [.preferred, .preferred])
    }
}
