import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// What a cluster costs its Redis; docs/redis.md states these figures.
struct ClusterCostTests {
    /// Nodes with so many tunnels each, of one connector, once everything is written.
    private func world(tunnels: Int) throws -> ClusterWorld {
        var world = try ClusterWorld(seed: 5)
        world.run(milliseconds: 2_000)
        for number in 0..<tunnels {
            for node in 0..<3 {
                world.bind(node, 0, tunnel(UInt64(1_000 + number * 3 + node)), host: "")
                world.laws.forgetQuestions(of: node)
            }
        }
        world.run(milliseconds: 40_000)
        return world
    }

    @Test func theSteadyStateIsOneCommandForManyConnectors() throws {
        let tunnels = 400, periods: UInt64 = 6
        var world = try world(tunnels: tunnels)
        let before = world.nodes.map(\.core.cluster.tally)
        let counts = world.redis.counts
        world.run(milliseconds: periods * ClusterWorld.entrySeconds * 1_000 / 3)
        for node in 0..<3 {
            let after = world.nodes[node].core.cluster.tally
            let connectors = UInt64(tunnels)
            // Leases: ours, and those of the others, once a second each.
            let leases = 3 * periods * ClusterWorld.entrySeconds / 3
            let commands = after.commands - before[node].commands - leases
            #expect(commands <= connectors * periods, "at most one command per connector and third of its expiry")
            #expect(commands <= connectors * periods / 2, "\(commands): many share one")
            #expect(
                (connectors * periods * 9 / 10...connectors * periods * 11 / 10).contains(
                    after.renewals - before[node].renewals))
            let names = connectors * periods * ClusterWorld.entrySeconds / ClusterWorld.nameSeconds
            #expect((names * 9 / 10...names * 11 / 10).contains(after.namesRenewed - before[node].namesRenewed))
            let rereads = after.rereads - before[node].rereads
            let seconds = periods * ClusterWorld.entrySeconds / 3
            #expect(
                rereads <= (ControlLimit.auditsPerSecond + 1) * seconds,
                "\(rereads): renewals of Culvert nodes are not read again")
        }
        let hashes = (world.redis.counts["HSET"] ?? 0) - (counts["HSET"] ?? 0)
        #expect(hashes <= tunnels * 3 * Int(periods) * 11 / 10)
    }

    /// A batch of 64 tunnels is one command; so 100,000 connectors, each its own tunnel, with an expiry of 60 s are 79
    /// commands a second, in which Redis runs 5,000 HSET and as many EXPIRE. Bytes: what the commands hold.
    @Test func whatAHundredThousandConnectorsCost() throws {
        let connectors = 4_096
        var core = try ControlCore(
            ClusterWorld.configuration(), nodeName: "node-0", nodeEpoch: 1_700_000_000_000,
            credentialKey: SimulatedNode.key, tableSeed: 99, cluster: ClusterWorld.settings(0))
        let start = Tick(nanoseconds: 1_000_000_000)
        _ = core.handle(.wallTime(1_700_000_000), now: start)
        for number in 0..<connectors {
            let bound = BoundConnector(
                connector: ConnectorID(high: 1, low: UInt64(number)), tunnel: tunnel(UInt64(number) &* 0x9E37_79B9),
                service: ServiceIndex(0), grantedHost: InlineText(), isUDP: false, weight: 1, worker: WorkerIndex(0),
                source: .unknown)
            core.add(bound, on: LinkID(1), now: start)
            core.cluster.lanes[ClusterWorld.entryStore]?.news.remove(bound.tunnel)
        }
        for store in core.cluster.stores {
            core.cluster.lanes[store]?.isUp = true
            core.cluster.lanes[store]?.leaseEpoch = 1
            core.cluster.lanes[store]?.hasReadOwnLease = true
            core.cluster.lanes[store]?.touchedTunnels = UniqueQueue()
        }
        var commands = 0, bytes = 0
        let end = start.advanced(milliseconds: ClusterWorld.entrySeconds * 1_000 / 3)
        while core.nextDeadline <= end {
            let now = max(start, core.nextDeadline)
            for effect in core.handle(.tick, now: now) {
                guard case .store(let store, let batch) = effect else { continue }
                for command in batch.commands where command.words[0] == Array("EVAL".utf8) {
                    commands += 1
                    bytes += command.words.reduce(0) { $0 + $1.count }
                }
                let replies = batch.commands.map { _ in StoreReply.number(1) }
                _ = core.handle(.store(.answered(store, batch: batch.id, .replies(replies))), now: now)
            }
        }
        #expect(core.cluster.tally.renewals == UInt64(connectors))
        // Cells of the wheel are not all full batches: at most one command for each of the 256 cells on top.
        #expect(commands <= connectors / ControlLimit.tunnelsPerBatchMax + 256)
        let perConnector = bytes / connectors
        #expect((200...400).contains(perConnector), "\(perConnector) bytes per renewal")
    }

    @Test func aFlushedStoreIsWholeWithinFiveSeconds() throws {
        var world = try world(tunnels: 300)
        let whole = world.redis.cells.count
        #expect(whole >= 3 * 300 * 2)
        world.flushRedis()
        #expect(world.redis.cells.isEmpty)
        world.run(milliseconds: 2_000)
        #expect(world.redis.cells.count < whole, "at a bounded rate")
        world.run(milliseconds: 3_000)
        #expect(world.redis.cells.count == whole)
        world.stopRedis(milliseconds: 60_000, losesData: true)
        world.run(milliseconds: 65_900)
        #expect(world.redis.cells.count == whole, "\(world.redis.cells.count) of \(whole)")
    }

    /// Only the tracking connection is cut: what changed meanwhile is found within two seconds after its return.
    @Test func aMissedChangeIsFoundWithinTwoSeconds() throws {
        var world = try world(tunnels: 50)
        for number in 0..<50 { world.lookUp(1, 0, host: "", tunnel: tunnel(UInt64(1_000 + number * 3))) }
        world.run(milliseconds: 500)
        world.cutTracking(1, milliseconds: 3_000)
        for number in 0..<50 { world.bind(2, 0, tunnel(UInt64(1_000 + number * 3)), host: "") }
        world.run(milliseconds: 2_900)
        let stale = world.nodes[1].planes[0].remote.values.filter { $0.count == 2 }.count
        #expect(stale <= 10, "nobody told; a few are read again by chance")
        world.run(milliseconds: 2_100)
        #expect(world.nodes[1].planes[0].remote.values.filter { $0.count == 2 }.count == 50)
    }
}
