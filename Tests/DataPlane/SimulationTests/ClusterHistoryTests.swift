import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors of one node, clients at others: under every fault that loses nothing, with links between nodes that break,
/// with a node that dies, with one that leaves and with one that stops for a while.
@Suite struct ClusterHistoryTests {
    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(16))
    func everyRequestIsAnsweredInFull(_ seed: UInt64) throws {
        let history = try ClusterHistory(seed: seed, weather: .lossless)
        history.run()
        #expect(history.brokenLaws == [])
        #expect(history.nodes.reduce(0) { $0 + $1.count(.forwardsAccepted) } > 0)
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(16))
    func linksBetweenNodesThatBreakComeBack(_ seed: UInt64) throws {
        let history = try ClusterHistory(seed: seed, weather: .brokenPeerLinks)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(16))
    func aDyingNodeLosesOnlyWhatItHeld(_ seed: UInt64) throws {
        let history = try ClusterHistory(seed: seed, weather: .dyingNode)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(16))
    func aFrozenNodeComesBack(_ seed: UInt64) throws {
        let history = try ClusterHistory(seed: seed, weather: .frozenNode)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(16))
    func noRequestFailsWhenADataPlaneLeaves(_ seed: UInt64) throws {
        let history = try ClusterHistory(seed: seed, weather: .leavingNode)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func theSameSeedIsTheSameHistory(_ seed: UInt64) throws {
        func trace() throws -> UInt64 {
            let history = try ClusterHistory(seed: seed, weather: .brokenPeerLinks)
            history.run()
            return history.world.kernel.trace.hash
        }
        #expect(try trace() == trace())
    }

    /// The rig finds a forward whose place is never given back.
    @Test func aLeakedForwardIsFound() throws {
        let isFound = try (1...20 as ClosedRange<UInt64>).contains { seed in
            let history = try ClusterHistory(seed: seed, weather: .lossless) { bench in
                var isPlanted = false
                bench.beforeEnd = { worker in
                    guard !isPlanted, worker.peers.forwards.count > 0 else { return }
                    isPlanted = true
                    let header = ForwardHeader(
                        tunnel: ClusterHistory.tunnels[0], isUDP: false, source: .unknown, destination: .empty)
                    _ = worker.peers.forwards.take(Forward(header))
                }
            }
            history.run()
            return history.brokenLaws.contains { $0.contains("left behind") }
        }
        #expect(isFound)
    }
}
