import Model
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// What the pages say of a cluster is so.
struct ClusterStatusTests {
    @Test func aNodeThatIsAloneSaysNothing() throws {
        #expect(try SimulatedNode(SimulatedNode.configuration()).core.clusterStatus == nil)
    }

    @Test func numbersAreThoseOfTheTables() throws {
        var world = try ClusterWorld(seed: 2)
        world.run(milliseconds: 12_000)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        world.lookUp(1, 0, host: "app.example.org")
        world.lookUp(1, 0, host: "nobody.example.org")
        world.run(milliseconds: 500)
        let owner = try #require(world.nodes[0].core.clusterStatus)
        #expect(owner.namesConfirmed == 2 && owner.namesPresumed == 0)
        #expect(owner.stores.map(\.names) == [2, 0] && owner.stores.map(\.tunnels) == [0, 1])
        #expect(owner.stores.allSatisfy { $0.isUp && $0.isTracking && $0.failure == nil })
        let other = try #require(world.nodes[1].core.clusterStatus)
        #expect(other.mirroredNames == 2 && other.mirroredAbsent == 1 && other.mirroredTunnels == 1)
        #expect(other.nodesAlive == 2 && other.nodesGone == 0)
        #expect(other.tally.lookupsFound == 1 && other.tally.lookupsAbsent == 1)
        world.stopRedis(milliseconds: 60_000, losesData: false)
        world.bind(0, 0, tunnel(2), host: "")
        let away = try #require(world.nodes[0].core.clusterStatus)
        #expect(away.stores.map(\.failure) == ["the connection ended", "the connection ended"])
        #expect(away.namesPresumed == 1 && away.stores[1].writesWaiting == 1)
    }
}
