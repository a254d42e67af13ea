import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// Laws of the cluster in any history: three nodes and two stock ones before one Redis, with every fault there is.
struct ClusterSimulationTests {
    /// The last four with data planes from before words.
    @Test(arguments: 1...20)
    func everyHistoryKeepsTheLaws(seed: Int) throws {
        var world = try ClusterWorld(seed: UInt64(seed), carriesWords: seed <= 16)
        world.doubtsWords = 8
        try world.live(seconds: 60)
        #expect(world.laws.violations.isEmpty, "seed \(seed): \(world.laws.violations)")
        #expect(world.laws.checks > 5_000, "a history in which nothing is checked shows nothing")
        #expect(world.laws.longestLookupMilliseconds <= 1_000)
        #expect(world.laws.longestBindMilliseconds <= 300)
        for node in world.nodes.indices where world.isAlive[node] {
            for plane in world.nodes[node].planes where plane.hasTable {
                guard let link = plane.link else { continue }
                #expect(plane.dump == world.nodes[node].core.dump(of: link), "the planes of a node agree")
            }
        }
    }

    @Test func theSameSeedIsTheSameHistory() throws {
        var traces: [UInt64] = []
        for seed in [5, 5, 6] as [UInt64] {
            var world = try ClusterWorld(seed: seed, carriesWords: true)
            try world.live(seconds: 30)
            traces.append(world.trace)
        }
        #expect(traces[0] == traces[1])
        #expect(traces[0] != traces[2])
    }

    /// In the end, when all are gone, nothing is left behind: not in Redis, not in the nodes.
    @Test(arguments: [101, 102, 103])
    func everythingIsGivenUpInTheEnd(seed: Int) throws {
        var world = try ClusterWorld(seed: UInt64(seed), carriesWords: true)
        try world.live(seconds: 30)
        #expect(world.laws.violations.isEmpty, "\(world.laws.violations)")
        world.run(milliseconds: 20_000)
        for index in world.stocks.indices {
            while !world.stocks[index].connectors.isEmpty {
                world.stocks[index].leave(0, redis: &world.redis, now: world.now, entries: ClusterWorld.entries)
            }
        }
        for node in world.nodes.indices {
            world.nodes[node].now = world.now
            for plane in world.nodes[node].planes.indices {
                for connector in world.nodes[node].planes[plane].connectors.keys {
                    world.nodes[node].lose(plane, connector)
                }
            }
            world.send(node)
        }
        world.run(milliseconds: 120_000)
        let left = world.redis.cells.filter { $0.value.expires == nil || !$0.key.name.hasPrefix("culvert:") }.keys
            .filter { key in world.redis.text(ClusterWorld.names, key.name).map { !$0.contains("3333-4444") } ?? true }
        // Stock nodes' names stay for their hour.
        let ours = left.filter { key in
            guard key.database == ClusterWorld.names else { return true }
            return world.redis.cells[key]!.expires! < world.now.advanced(milliseconds: 60_000)
        }
        #expect(ours.isEmpty, "\(ours.map(\.name))")
        for node in world.nodes {
            #expect(node.core.registry.tunnels.isEmpty && node.core.cluster.claims.isEmpty)
            #expect(node.core.cluster.namesOf.isEmpty && node.core.cluster.releases.isEmpty)
            #expect(node.core.cluster.binds.isEmpty && node.core.cluster.bindOf.isEmpty)
            #expect(node.core.cluster.lookups.isEmpty)
            #expect(node.core.cluster.words.tunnelCount == 0 && node.core.cluster.words.nameCount == 0)
            #expect(node.core.cluster.words.underWay.isEmpty)
        }
    }

    /// A law that holds whatever happens may be one that nobody looks at: planted bugs are found.
    @Test func aNameThatIsGivenTwiceIsFound() throws {
        let found = try firstSeed { $0.redis.grantsTwice = true }
        let seed = try #require(found, "500 histories, and nobody noticed")
        print("cluster simulation: double claim found with seed \(seed)")
    }

    @Test func aChangeThatIsLostIsFound() throws {
        let found = try firstSeed { $0.losesChanges = 3 }
        let seed = try #require(found, "500 histories, and nobody noticed")
        print("cluster simulation: lost change found with seed \(seed)")
    }

    @Test func wordsThatAreLostAreFound() throws {
        let found = try firstSeed(carriesWords: true) { $0.swallowsWords = 3 }
        let seed = try #require(found, "500 histories, and nobody noticed")
        print("cluster simulation: lost words found with seed \(seed)")
    }

    private func firstSeed(carriesWords: Bool = false, _ plant: (inout ClusterWorld) -> Void) throws -> UInt64? {
        for seed in UInt64(1)...500 {
            var world = try ClusterWorld(seed: seed, carriesWords: carriesWords)
            plant(&world)
            try world.live(seconds: 40, faults: false)
            if !world.laws.violations.isEmpty { return seed }
        }
        return nil
    }

    @Test func itIsMuchFasterThanTheWorldItSimulates() throws {
        let clock = ContinuousClock()
        let simulated: UInt64 = 60
        let took = try clock.measure {
            var world = try ClusterWorld(seed: 77)
            try world.live(seconds: simulated)
        }
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        print("cluster simulation: \(Int(Double(simulated) / seconds)) x real time")
        #expect(seconds < Double(simulated))
    }
}
