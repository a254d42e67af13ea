import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// Stock nodes are found by their entries, and every data plane is told where they stand.
struct StockNodesTests {
    private let connector = ConnectorID(high: 8, low: 8)

    private func world() throws -> ClusterWorld {
        var world = try ClusterWorld(seed: 11)
        world.run(milliseconds: 2_000)
        return world
    }

    /// The first stock node has a tunnel that nobody here asks for.
    private func bind(_ world: inout ClusterWorld, renewed wall: UInt64? = nil) {
        world.stocks[0].bind(
            tunnel(77), connector, host: nil, redis: &world.redis, wall: wall ?? world.wall, now: world.now,
            names: ClusterWorld.names, entries: ClusterWorld.entries)
        world.propagate()
    }

    /// Where stock nodes stand, as a data plane was told.
    private func told(_ world: ClusterWorld, _ node: Int, _ plane: Int = 0) -> [String] {
        world.nodes[node].planes[plane].rows.values.filter { $0.kind == .stock && $0.isAlive }
            .flatMap(\.entrypoints).sorted()
    }

    @Test func aNodeIsFoundThoughNobodyAsksForItsTunnels() throws {
        var world = try world()
        #expect(told(world, 0) == [])
        bind(&world)
        world.run(milliseconds: 500)
        let address = world.stocks[0].address
        for node in 0..<3 { #expect(told(world, node) == [address], "node \(node)") }
        #expect(told(world, 0, 1) == [address], "each data plane")
        // One that comes later hears it, too.
        world.startPlane(1, "data-9")
        world.run(milliseconds: 200)
        #expect(told(world, 1, 1) == [address])
        // Nothing of its tunnel is mirrored for that.
        #expect(world.nodes[1].core.cluster.tunnels.isEmpty)
    }

    /// A control plane that starts later, or that missed the registration, finds it by its renewals.
    @Test func renewalsAreEnough() throws {
        var world = try world()
        world.cutTracking(2, milliseconds: 1_000)
        bind(&world)
        world.run(milliseconds: 900)
        #expect(told(world, 0) == [world.stocks[0].address])
        #expect(told(world, 2) == [])
        world.run(milliseconds: StockNode.renewMilliseconds + 1_000)
        #expect(told(world, 2) == [world.stocks[0].address])
    }

    @Test func whoseEntriesAreTooOldIsNoNode() throws {
        var world = try world()
        bind(&world, renewed: world.wall - ClusterWorld.entrySeconds - 5)
        world.run(milliseconds: 1_000)
        #expect(told(world, 0) == [])
        // Asked for, it is mirrored, and still nobody.
        world.lookUp(0, 0, host: "", tunnel: tunnel(77))
        world.run(milliseconds: 500)
        #expect(told(world, 0) == [] && world.nodes[0].planes[0].remote[tunnel(77)]?.isEmpty != false)
    }

    @Test func whoIsNotHeardOfForLongIsForgotten() throws {
        var world = try world()
        bind(&world)
        world.run(milliseconds: 1_000)
        world.stocks[0].leave(0, redis: &world.redis, now: world.now, entries: ClusterWorld.entries)
        world.propagate()
        world.run(milliseconds: ControlLimit.stockNodeMilliseconds - 5_000)
        #expect(told(world, 1) == [world.stocks[0].address], "its visitors may still come")
        world.run(milliseconds: 6_000)
        for node in 0..<3 { #expect(told(world, node) == []) }
        bind(&world)
        world.run(milliseconds: 1_000)
        #expect(told(world, 1) == [world.stocks[0].address])
    }

    /// Asked for, its tunnel is there, at the address of its entries, and only as long as they are young.
    @Test func aStockNodeIsACandidate() throws {
        var world = try world()
        bind(&world)
        world.lookUp(0, 0, host: "", tunnel: tunnel(77))
        world.run(milliseconds: 500)
        func candidates(_ world: ClusterWorld) -> [Candidate] { world.nodes[0].planes[0].remote[tunnel(77)] ?? [] }
        let candidate = try #require(candidates(world).first)
        let row = try #require(world.nodes[0].planes[0].rows[candidate.node])
        #expect(row.kind == .stock && row.isAlive && row.peers.isEmpty)
        #expect(row.entrypoints[Int(candidate.place)] == world.stocks[0].address)
        #expect(candidates(world).count == 1 && candidate.standing == .preferred && !candidate.isUDP)
        // A connector of ours stands beside it.
        world.bind(1, 0, tunnel(77), host: "")
        world.run(milliseconds: 1_000)
        #expect(Set(candidates(world).map { world.nodes[0].planes[0].rows[$0.node]?.kind }) == [.stock, .culvert])
        // Of a store that is there for longer, what is gone is gone.
        world.run(milliseconds: 12_000)
        world.stocks[0].leave(0, redis: &world.redis, now: world.now, entries: ClusterWorld.entries)
        world.propagate()
        world.run(milliseconds: 1_000)
        #expect(candidates(world).map { world.nodes[0].planes[0].rows[$0.node]?.kind } == [.culvert])
    }

    /// What a stock node left that stood at this node's own address: to others it is one, to this node nobody.
    @Test func nobodyIsSentToHisOwnEntrypoint() throws {
        var world = try world()
        world.bind(0, 0, tunnel(5), host: "")
        world.run(milliseconds: 1_000)
        let entries = world.redis.hash(ClusterWorld.entries, tunnel(5).text).values.compactMap {
            DiscoveryEntry(Array($0.utf8))
        }
        let own = try #require(entries.first).address
        #expect(own.hasPrefix("10.0.0.1:"))
        let entry = DiscoveryEntry(
            node: NodeID(high: 0x51, low: 9), isUDP: false, address: own, renew: world.wall, extra: nil)
        let written = world.redis.execute(
            StoreCommand("HSET", tunnel(77).text, connector.text, entry.text), database: ClusterWorld.entries,
            now: world.now)
        #expect(written == .number(1))
        world.propagate()
        for node in 0..<2 { world.lookUp(node, 0, host: "", tunnel: tunnel(77)) }
        world.run(milliseconds: 1_000)
        #expect(world.nodes[0].planes[0].remote[tunnel(77)]?.isEmpty == true && told(world, 0) == [])
        #expect(world.nodes[1].planes[0].remote[tunnel(77)]?.count == 1 && told(world, 1) == [own])
    }

    /// However much is written by whomever, few hashes are looked at for that.
    @Test func samplesAreFew() throws {
        var world = try world()
        for number in 0..<300 { world.bind(0, 0, tunnel(UInt64(1_000 + number)), host: "") }
        world.run(milliseconds: 20_000)
        let before = world.nodes[1].core.cluster.tally.samples
        world.run(milliseconds: 20_000)
        let samples = world.nodes[1].core.cluster.tally.samples - before
        #expect(samples > 20 && samples <= 21 * ControlLimit.samplesPerSecond, "\(samples) in 20 s")
        #expect(world.nodes[1].core.cluster.lanes.values.allSatisfy { $0.sampledTunnels.count <= 16 })
        // What nobody asked for is not mirrored, and what is mirrored is not sampled.
        #expect(world.nodes[1].core.cluster.tunnels.isEmpty)
        #expect(world.nodes[0].core.cluster.tally.samples <= 21)
    }
}
