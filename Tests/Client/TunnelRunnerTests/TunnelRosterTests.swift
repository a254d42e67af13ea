import Model
import Primitives
import Settings
import Simulator
import Testing
import Wire
import Worker
import World

@testable import TunnelRunner

/// What a change of the configuration does to the connections of a client, seen by its servers.
@Suite struct TunnelRosterTests {
    /// A client's worker that follows a roster, and two scripted servers.
    final class Rig {
        let world = World(seed: 1)
        let first: ScriptedServer
        let second: ScriptedServer
        let bench: WorkerBench
        private var roster = TunnelRoster()
        private var wanted: [ExposedTunnel]?
        private(set) var statuses: [TunnelStatus] = []

        init() throws {
            let host = world.kernel.makeHost(low: 0xFFFF_0A00_0001)
            first = ScriptedServer(world, on: host, port: 8_001)
            second = ScriptedServer(world, on: host, port: 8_002)
            let process = world.kernel.makeProcess(on: world.kernel.makeHost(low: 0xFFFF_0A00_0100))
            let desk = ClientDesk(plans: [], seed: 7)
            bench = try WorkerBench(world.kernel, process, seed: 3) { $0.client = desk }
            world.add(bench)
            bench.beforeEnd = { [unowned self] worker in
                if let wanted { roster.apply(wanted, to: &worker, now: world.now) }
                wanted = nil
                _ = roster.advance(&worker, now: world.now)
                let events = desk.events
                desk.events = []
                for event in events { _ = roster.note(event, &worker) }
                statuses += roster.takeStatuses()
            }
        }

        func apply(_ tunnels: [ExposedTunnel]) {
            statuses = []
            wanted = tunnels
            bench.turn(world.now)
            run(100)
        }

        /// Time passes; the servers show that they live.
        func run(_ milliseconds: UInt64) {
            for _ in 0..<milliseconds / 1_000 {
                world.run(milliseconds: 1_000)
                for session in first.sessions + second.sessions where !session.isOver { session.frame(3, 0) }
            }
            world.run(milliseconds: milliseconds % 1_000)
            bench.turn(world.now)
            world.run(milliseconds: 20)
            bench.turn(world.now)
        }

        var changes: [TunnelStatus.Change] { statuses.map(\.change) }
    }

    private func tunnel(
        _ name: String = "a", _ number: UInt64 = 1, port: UInt16 = 8_001, target: UInt16 = 3_000
    )
        -> ExposedTunnel
    {
        ExposedTunnel(
            name: name, tunnel: TunnelID(high: 0x4000, low: 0x8000_0000_0000_0000 | number),
            servers: [ServerAddress(carrier: .tcp, host: "10.0.0.1", port: port, hostHeader: "h")],
            target: TargetAddress(host: "10.0.1.0", port: target))
    }

    private func living(_ server: ScriptedServer) -> [UInt64] {
        server.sessions.filter { !$0.isOver }.compactMap { $0.request?.tunnel?.tunnelID.low }.map { $0 & 0xFF }.sorted()
    }

    @Test func whatIsStillWantedGoesOnUntouched() throws {
        let rig = try Rig()
        rig.apply([tunnel("a", 1), tunnel("b", 2)])
        #expect(living(rig.first) == [1, 2])
        rig.apply([tunnel("b", 2), tunnel("c", 3), tunnel("a", 1)])
        #expect(living(rig.first) == [1, 2, 3])
        #expect(rig.first.sessions.count == 3)
        #expect(!rig.changes.contains(.changed) && !rig.changes.contains(.replaced))
    }

    @Test func whatLeadsElsewhereKeepsItsConnection() throws {
        let rig = try Rig()
        rig.apply([tunnel()])
        rig.apply([tunnel(target: 4_000)])
        #expect(rig.first.sessions.count == 1 && living(rig.first) == [1])
        #expect(rig.changes == [.changed])
    }

    @Test func aNewNameIsNotANewTunnel() throws {
        let rig = try Rig()
        rig.apply([tunnel("a")])
        let key = try #require(rig.statuses.first?.key)
        rig.apply([tunnel("z")])
        #expect(rig.first.sessions.count == 1 && living(rig.first) == [1])
        #expect(rig.statuses.map(\.key) == [key])
        #expect(rig.statuses.map(\.tunnel.name) == ["z"])
    }

    @Test func whatIsCarriedDifferentlyStandsBeforeTheOldLeaves() throws {
        let rig = try Rig()
        rig.apply([tunnel()])
        rig.second.status = nil
        rig.apply([tunnel(port: 8_002)])
        #expect(rig.second.sessions.count == 1)
        #expect(living(rig.first) == [1], "the old one stays as long as the new one is not granted")
        rig.second.status = 0
        rig.second.sessions[0].peer.close()
        rig.run(5_000)
        #expect(living(rig.second) == [1])
        #expect(living(rig.first) == [])
        #expect(rig.first.sessions[0].peer.isEnded)
    }

    @Test func theOldLeavesInTimeAlsoWhenTheNewNeverStands() throws {
        let rig = try Rig()
        rig.apply([tunnel()])
        rig.second.status = nil
        rig.apply([tunnel(port: 8_002)])
        rig.run(TunnelRoster.handoverMilliseconds - 1_000)
        #expect(living(rig.first) == [1])
        rig.run(1_000)
        rig.run(100)
        #expect(living(rig.first) == [])
    }

    @Test func whatIsGoneLeaves() throws {
        let rig = try Rig()
        rig.apply([tunnel("a", 1), tunnel("b", 2)])
        rig.apply([tunnel("b", 2)])
        rig.run(100)
        #expect(living(rig.first) == [2])
        #expect(rig.changes.contains(.removed))
    }

    @Test func connectionsAreAddedAndLeave() throws {
        let rig = try Rig()
        var wide = tunnel()
        wide.connections = 3
        rig.apply([wide])
        #expect(living(rig.first) == [1, 1, 1])
        rig.apply([tunnel()])
        rig.run(100)
        #expect(living(rig.first) == [1])
        #expect(rig.statuses.filter { $0.change == .left }.map(\.connection) == [2, 1])
    }

    /// A second change before the first one's connections stand: those before it go on standing.
    @Test func twoChangesInARow() throws {
        let rig = try Rig()
        rig.apply([tunnel()])
        rig.second.status = nil
        rig.apply([tunnel(port: 8_002)])
        var third = tunnel(port: 8_002)
        third.weight = 3
        rig.apply([third])
        #expect(living(rig.first) == [1])
        rig.second.status = 0
        for session in rig.second.sessions { session.peer.close() }
        rig.run(5_000)
        #expect(living(rig.first) == [])
        #expect(living(rig.second) == [1])
        #expect(rig.second.sessions.last?.request?.tunnel?.weight == 3)
    }
}
