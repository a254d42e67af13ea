import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// Questions of data planes: answered from the mirror, or by one read that all share.
struct ClusterLookupTests {
    private func world() throws -> ClusterWorld {
        var world = try ClusterWorld(seed: 3)
        world.run(milliseconds: 2_000)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        return world
    }

    @Test func aMissIsReadOnceForAllWhoAsk() throws {
        var world = try world()
        let before = world.nodes[1].core.cluster.tally
        for _ in 0..<100 { world.lookUp(1, 0, host: "APP.example.org.") }
        world.run(milliseconds: 100)
        let after = world.nodes[1].core.cluster.tally
        #expect(after.lookupsFound - before.lookupsFound == 100)
        #expect(after.readsAsked - before.readsAsked == 2, "the name, and its tunnel")
        let plane = world.nodes[1].planes[0]
        let candidate = try #require(plane.remote[tunnel(1)]?.first)
        let row = try #require(plane.rows[candidate.node])
        #expect(row.id == NodeID(name: "node-0") && row.kind == .culvert && row.isAlive)
        #expect(row.peers[Int(candidate.place)].address == "10.0.0.1:8430")
        #expect(plane.routes[SimulatedDataPlane.Key(ingress: 0, host: "app.example.org")]?.tunnel == tunnel(1))
        // Known now: nothing is read, and Redis need not be there.
        world.stopRedis(milliseconds: 60_000, losesData: true)
        let question = world.lookUp(1, 0, host: "app.example.org")
        #expect(
            world.nodes[1].planes[0].lookups[question] == .found(Route(tunnel: tunnel(1), isPrivate: false)))
        world.run(milliseconds: 30_000)
        #expect(world.nodes[1].planes[0].remote[tunnel(1)]?.first == candidate, "what is known stays")
        let unknown = world.lookUp(1, 0, host: "other.example.org")
        #expect(world.nodes[1].planes[0].lookups[unknown] == .unknown)
    }

    @Test func noIsRememberedBrieflyAndCorrectedByPush() throws {
        var world = try world()
        let first = world.lookUp(1, 0, host: "new.example.org")
        world.run(milliseconds: 50)
        #expect(world.nodes[1].planes[0].lookups[first] == .absent(milliseconds: 5_000))
        let reads = world.nodes[1].core.cluster.tally.readsAsked
        let second = world.lookUp(1, 0, host: "new.example.org")
        #expect(world.nodes[1].planes[0].lookups[second] == .absent(milliseconds: 5_000), "at once")
        #expect(world.nodes[1].core.cluster.tally.readsAsked == reads)
        world.bind(2, 0, tunnel(2), host: "new.example.org")
        world.run(milliseconds: 100)
        let key = SimulatedDataPlane.Key(ingress: 0, host: "new.example.org")
        #expect(world.nodes[1].planes[0].routes[key]?.tunnel == tunnel(2), "a data plane hears it without asking")
    }

    @Test func aSlowStoreIsWaitedForOneSecondAtMost() throws {
        var world = try world()
        world.slowRedis(to: 5_000, milliseconds: 30_000)
        let question = world.lookUp(1, 0, host: "app.example.org")
        world.run(milliseconds: 999)
        #expect(world.nodes[1].planes[0].lookups[question] == nil)
        world.run(milliseconds: 2)
        #expect(world.nodes[1].planes[0].lookups[question] == .unknown)
    }

    /// A node that has just started meets the others one after the other, and waits for each only as long as Redis takes.
    @Test func whereANodeIsIsReadAtOnceWhenItIsMet() throws {
        var world = try world()
        world.bind(2, 0, tunnel(2), host: "other.example.org")
        world.run(milliseconds: 500)
        world.kill(1, milliseconds: 1_000)
        world.run(milliseconds: 1_000)
        for _ in 0..<1_000 where !world.shells[1].isUp || !world.nodes[1].planes[0].hasTable {
            world.run(milliseconds: 1)
        }
        for number in [1, 2] as [UInt64] {
            let question = world.lookUp(1, 0, host: "", tunnel: tunnel(number))
            world.run(milliseconds: 50)
            let plane = world.nodes[1].planes[0]
            #expect(plane.lookups[question] == .found(Route(tunnel: tunnel(number), isPrivate: false)))
            let candidate = try #require(plane.remote[tunnel(number)]?.first)
            #expect(plane.rows[candidate.node]?.peers.isEmpty == false, "it is said where to dial")
        }
    }

    /// Several data planes of one node serve each other's tunnels, whatever becomes of Redis.
    @Test func siblingsAreCandidatesToo() throws {
        var world = try world()
        world.stopRedis(milliseconds: 60_000, losesData: true)
        let question = world.lookUp(0, 1, host: "", tunnel: tunnel(1))
        #expect(world.nodes[0].planes[1].lookups[question] == .found(Route(tunnel: tunnel(1), isPrivate: false)))
        let candidate = try #require(world.nodes[0].planes[1].remote[tunnel(1)]?.first)
        let row = try #require(world.nodes[0].planes[1].rows[candidate.node])
        #expect(row.kind == .own && row.peers[Int(candidate.place)].plane == "data-0")
        let connector = world.nodes[0].planes[0].connectors.keys.first!
        world.nodes[0].lose(0, connector)
        #expect(world.nodes[0].planes[1].remote[tunnel(1)] == [], "and it hears when they are gone")
    }

    @Test func oldDataPlanesHearNothingOfIt() throws {
        var world = try world()
        world.nodes[1].capabilities = [.access, .trust]
        world.nodes[1].now = world.now
        world.nodes[1].start("old")
        world.lookUp(1, 0, host: "app.example.org")
        world.run(milliseconds: 100)
        // `SimulatedDataPlane` traps on what it does not know.
        #expect(world.nodes[1].planes[1].rows.isEmpty && world.nodes[1].planes[1].remote.isEmpty)
        #expect(!world.nodes[1].planes[0].remote.isEmpty)
    }

    @Test func fixedRulesAndWhatCannotBeAreNotAskedOfTheStore() throws {
        var world = try world()
        let reads = world.nodes[1].core.cluster.tally.readsAsked
        for host in ["gost.local", ""] {
            let question = world.lookUp(1, 0, host: host)
            #expect(world.nodes[1].planes[0].lookups[question] == .absent(milliseconds: 5_000))
        }
        nextService(&world)
        #expect(world.nodes[1].core.cluster.tally.readsAsked == reads)
    }

    /// A service that there is not.
    private func nextService(_ world: inout ClusterWorld) {
        let lookup = PlaneLookup(
            question: 77, service: ServiceIndex(9), ingress: IngressIndex(0), host: InlineText("x.y")!, tunnel: .zero)
        world.nodes[1].say(0, .lookup(lookup))
        #expect(world.nodes[1].planes[0].lookups[77] == .unknown)
    }

    @Test func questionsThatWaitAreBounded() throws {
        var world = try world()
        world.slowRedis(to: 5_000, milliseconds: 30_000)
        world.judgesQuestions = false
        for number in 0..<(ControlLimit.lookupsWaitingMax + 10) { world.lookUp(1, 0, host: "h\(number).example.org") }
        #expect(world.nodes[1].core.cluster.tally.refusals[.lookupsWaiting] == 10)
        #expect(world.nodes[1].core.cluster.lookups.count == ControlLimit.lookupsWaitingMax)
        world.run(milliseconds: 1_001)
        #expect(world.nodes[1].core.cluster.lookups.isEmpty)
        #expect(world.nodes[1].planes[0].lookups.count == ControlLimit.lookupsWaitingMax + 10)
    }
}
