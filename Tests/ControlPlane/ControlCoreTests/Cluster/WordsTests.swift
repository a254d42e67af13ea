import Model
import PlaneLink
import Primitives
import Testing

@testable import ControlCore

/// Words between control planes: a tunnel that was bound while Redis is away is reached from every node.
@Suite struct WordsTests {
    private static func node(_ number: Int) -> NodeID { ClusterWorld.settings(number).node }

    /// A world whose nodes are linked and have said everything.
    private func world(seed: UInt64 = 3) throws -> ClusterWorld {
        var world = try ClusterWorld(seed: seed, carriesWords: true)
        world.run(milliseconds: 5_000)
        for node in world.nodes.indices {
            let words = world.nodes[node].core.cluster.words
            for other in world.nodes.indices where other != node {
                #expect(words.isLinked(Self.node(other)) && words.heard[Self.node(other)]?.isInOrder == true)
                #expect(words.telling[Self.node(other)]?.owesEnd == false)
            }
        }
        return world
    }

    /// What a data plane of a node is answered within so many milliseconds; nil: nothing.
    private func ask(
        _ world: inout ClusterWorld, _ node: Int, _ host: String, tunnel: TunnelID = .zero, milliseconds: UInt64 = 0
    ) -> PlaneLookupOutcome? {
        let question = world.lookUp(node, 0, host: host, tunnel: tunnel)
        world.run(milliseconds: milliseconds)
        return world.nodes[node].planes[0].lookups[question]
    }

    private func found(_ number: UInt64) -> PlaneLookupOutcome {
        .found(Route(tunnel: tunnel(number), isPrivate: false))
    }

    /// The nodes that a data plane was told have a tunnel, by their standing.
    private func told(_ world: ClusterWorld, _ node: Int, _ number: UInt64) -> [Candidate.Standing: [NodeID]] {
        let plane = world.nodes[node].planes[0]
        var standings: [Candidate.Standing: [NodeID]] = [:]
        for candidate in plane.remote[tunnel(number)] ?? [] {
            if let row = plane.rows[candidate.node] { standings[candidate.standing, default: []].append(row.id) }
        }
        return standings
    }

    @Test func aTunnelThatIsBoundWithoutRedisIsReachedFromEverywhere() throws {
        var world = try world()
        world.stopRedis(milliseconds: 20_000, losesData: true)
        world.run(milliseconds: 1_000)
        #expect(ask(&world, 1, "new.example.org") == .unknown)
        world.bind(0, 1, tunnel(5), host: "new.example.org")
        world.run(milliseconds: 100)
        #expect(ask(&world, 1, "new.example.org") == found(5))
        #expect(told(world, 1, 5) == [.preferred: [Self.node(0)]])
        let candidate = try #require(world.nodes[1].planes[0].remote[tunnel(5)]?.first)
        #expect(world.nodes[1].planes[0].rows[candidate.node]?.peers[Int(candidate.place)].plane == "data-1")
        #expect(ask(&world, 2, "\(endpoint(tunnel(5))).gost.local") == found(5))
        #expect(ask(&world, 2, "", tunnel: tunnel(5)) == found(5))
        // Whoever was told hears when it is gone.
        let connector = try #require(world.nodes[0].planes[1].connectors.keys.first)
        world.nodes[0].now = world.now
        world.nodes[0].lose(1, connector)
        world.send(0)
        world.run(milliseconds: 100)
        #expect(told(world, 1, 5).isEmpty && told(world, 2, 5).isEmpty)
        world.bind(2, 0, tunnel(5), host: "new.example.org")
        world.run(milliseconds: 100)
        #expect(told(world, 1, 5) == [.preferred: [Self.node(2)]])
        // Redis comes back, empty: everything stands in it again, and nothing changes for those who visit.
        world.run(milliseconds: 30_000)
        #expect(world.redis.text(ClusterWorld.names, "new.example.org") == tunnel(5).text)
        #expect(!world.redis.hash(ClusterWorld.entries, tunnel(5).text).isEmpty)
        #expect(told(world, 1, 5) == [.preferred: [Self.node(2)]])
        #expect(ask(&world, 0, "new.example.org", milliseconds: 50) == found(5))
    }

    /// "There is no such host" was said a moment ago: what another node says is younger.
    @Test func noIsCorrectedByWords() throws {
        var world = try world()
        #expect(ask(&world, 1, "late.example.org", milliseconds: 50) == .absent(milliseconds: 5_000))
        world.stopRedis(milliseconds: 20_000, losesData: false)
        world.bind(0, 0, tunnel(6), host: "late.example.org")
        world.run(milliseconds: 100)
        let key = SimulatedDataPlane.Key(ingress: 0, host: "late.example.org")
        #expect(world.nodes[1].planes[0].routes[key]?.tunnel == tunnel(6), "a data plane hears it without asking")
        #expect(ask(&world, 1, "late.example.org") == found(6))
    }

    /// A slow store does not keep anybody waiting for what another node has said.
    @Test func wordsAreFasterThanASlowStore() throws {
        var world = try world()
        world.slowRedis(to: 2_000, milliseconds: 20_000)
        world.bind(0, 0, tunnel(7), host: "slow.example.org")
        world.run(milliseconds: 400)
        #expect(ask(&world, 1, "slow.example.org") == found(7))
        #expect(told(world, 1, 7) == [.preferred: [Self.node(0)]])
    }

    /// While Redis is away a host is given only if last knowledge says that it is free: words are knowledge.
    @Test func aHostThatAnotherNodeGaveIsNotGivenTwice() throws {
        var world = try world()
        world.stopRedis(milliseconds: 20_000, losesData: false)
        world.run(milliseconds: 500)
        world.bind(0, 0, tunnel(1), host: "one.example.org")
        world.run(milliseconds: 100)
        world.bind(1, 0, tunnel(2), host: "one.example.org")
        world.run(milliseconds: 100)
        #expect(world.nodes[0].planes[0].granted.values.contains("one.example.org"))
        #expect(world.nodes[1].planes[0].granted.values.contains(endpoint(tunnel(2))))
        #expect(!world.nodes[1].planes[0].granted.values.contains("one.example.org"))
        // The same tunnel elsewhere gets it.
        world.bind(2, 0, tunnel(1), host: "one.example.org")
        world.run(milliseconds: 100)
        #expect(world.nodes[2].planes[0].granted.values.contains("one.example.org"))
        world.run(milliseconds: 30_000)
        #expect(world.nodes.allSatisfy { $0.core.tally.claimsLost == 0 }, "nobody had to be cut off")
    }

    /// A control plane that has just started asks for what others had said; what it brings itself is heard again.
    @Test func aRestartedControlPlaneHearsEverythingAgain() throws {
        var world = try world()
        world.stopRedis(milliseconds: 60_000, losesData: true)
        world.bind(0, 0, tunnel(5), host: "new.example.org")
        world.bind(1, 0, tunnel(4), host: "")
        world.run(milliseconds: 500)
        try world.restartControl(1)
        // Where others are it hears from themselves: Redis, which would say it, is away.
        world.run(milliseconds: 5_000)
        #expect(ask(&world, 1, "new.example.org") == found(5))
        #expect(told(world, 1, 5) == [.preferred: [Self.node(0)]])
        let said = world.nodes[1].core.cluster.words.heard[Self.node(0)]
        #expect(said?.tunnels[tunnel(5)] != nil && said?.isInOrder == true)
        #expect(said?.names[NameID(ingress: IngressIndex(0), key: "new.example.org")]?.route.tunnel == tunnel(5))
        let heard = world.nodes[0].core.cluster.words.heard[Self.node(1)]
        #expect(heard?.tunnels[tunnel(4)] != nil && heard?.isInOrder == true)
        #expect(heard?.epoch == world.nodes[1].core.nodeEpoch)
    }

    /// Nodes that do not reach each other: what was said is doubted, and after a while forgotten; then it is heard anew.
    @Test func whatANodeSaidIsWorthAsMuchAsTheWayToIt() throws {
        var world = try world()
        world.stopRedis(milliseconds: 600_000, losesData: false)
        world.bind(0, 0, tunnel(5), host: "new.example.org")
        world.run(milliseconds: 100)
        #expect(ask(&world, 1, "new.example.org") == found(5))
        world.part(0, milliseconds: 70_000)
        world.run(milliseconds: 100)
        #expect(told(world, 1, 5) == [.suspect: [Self.node(0)]])
        #expect(told(world, 2, 5).isEmpty)
        #expect(ask(&world, 2, "new.example.org") == found(5))
        #expect(told(world, 2, 5) == [.preferred: [Self.node(0)]])
        world.run(milliseconds: 61_000)
        #expect(told(world, 1, 5).isEmpty)
        #expect(world.nodes[1].core.cluster.words.heardNodes == [Self.node(2)])
        #expect(world.nodes[1].core.cluster.words.toldNodes == [Self.node(2)])
        world.run(milliseconds: 10_000)
        #expect(told(world, 1, 5) == [.preferred: [Self.node(0)]])
        #expect(world.nodes[1].core.cluster.words.heard[Self.node(0)]?.isInOrder == true)
    }

    /// A data plane that carries words dies with them: they go over another.
    @Test func anotherDataPlaneCarriesOn() throws {
        var world = try world()
        world.stopRedis(milliseconds: 60_000, losesData: false)
        world.nodes[0].now = world.now
        world.nodes[0].cut(0, dies: true)
        world.nodes[0].planes[0].isDead = true
        world.send(0)
        world.bind(0, 1, tunnel(5), host: "")
        world.run(milliseconds: 200)
        #expect(ask(&world, 1, "", tunnel: tunnel(5)) == found(5))
        #expect(told(world, 1, 5) == [.preferred: [Self.node(0)]])
        world.bind(1, 0, tunnel(6), host: "")
        world.run(milliseconds: 200)
        #expect(world.nodes[0].core.cluster.words.heard[Self.node(1)]?.tunnels[tunnel(6)] != nil)
    }

    /// More than a chunk holds, and more than one tunnel may say.
    @Test func aLongListComesWhole() throws {
        var world = try world()
        world.judgesQuestions = false
        world.stopRedis(milliseconds: 60_000, losesData: false)
        for number in 100..<1_100 { world.bind(0, 0, tunnel(UInt64(number)), host: "") }
        for number in 0..<(PeerWords.connectorsMax + 10) { world.bind(0, number % 2, tunnel(7), host: "") }
        world.run(milliseconds: 3_000)
        for node in 1...2 {
            let said = try #require(world.nodes[node].core.cluster.words.heard[Self.node(0)])
            #expect(said.tunnels.count == 1_001 && said.names.count == 1_001 && said.isInOrder)
            #expect(said.tunnels[tunnel(7)]?.connectors.count == PeerWords.connectorsMax)
        }
        #expect(world.nodes[0].core.cluster.tally.refusals[.words] ?? 0 >= 10)
        try world.restartControl(1)
        world.run(milliseconds: 5_000)
        #expect(world.nodes[1].core.cluster.words.heard[Self.node(0)]?.tunnels.count == 1_001)
        #expect(world.nodes[1].core.cluster.words.heard[Self.node(0)]?.names.count == 1_001)
    }

    /// What cannot be read is counted; its list is asked for and comes.
    @Test func wordsThatCannotBeReadHurtNobody() throws {
        var world = try world()
        world.bind(0, 0, tunnel(5), host: "")
        world.run(milliseconds: 200)
        let link = try #require(world.nodes[1].planes[0].link)
        var random = Random(seed: 8)
        for _ in 0..<200 {
            let bytes = (0..<random.below(300)).map { _ in UInt8(random.below(256)) }
            world.tell(1, .received(link, .peerSaid(node: Self.node(0), words: bytes)))
        }
        #expect(world.nodes[1].core.cluster.tally.wordFaults == 200)
        world.run(milliseconds: 3_000)
        let said = world.nodes[1].core.cluster.words.heard[Self.node(0)]
        #expect(said?.isInOrder == true && said?.tunnels[tunnel(5)] != nil)
        // One's own words are nobody's.
        world.tell(1, .received(link, .peerSaid(node: Self.node(1), words: [1])))
        #expect(!world.nodes[1].core.cluster.words.heardNodes.contains(Self.node(1)))
    }

    /// Beyond what is kept of others only the stores speak; and what was said of a tunnel before is not believed any more.
    @Test func whatOthersSayIsBounded() throws {
        var world = try world()
        let crowd = (0..<PeerWords.connectorsMax).map {
            PeerWords.Connector(
                id: ConnectorID(high: 3, low: UInt64($0)), plane: "data-0", isUDP: false, weight: 1)
        }
        let tunnels = UInt64(ControlLimit.saidConnectorsMax / PeerWords.connectorsMax)
        for number in 0..<tunnels {
            _ = world.nodes[1].core.cluster.words.heard[Self.node(0)]?.say(crowd, of: tunnel(1_000 + number))
        }
        #expect(world.nodes[1].core.cluster.words.connectorCount == ControlLimit.saidConnectorsMax)
        let before = world.nodes[1].core.cluster.tally.refusals[.words] ?? 0
        world.bind(0, 0, tunnel(5), host: "")
        world.run(milliseconds: 200)
        let words = world.nodes[1].core.cluster.words
        #expect(words.heard[Self.node(0)]?.tunnels[tunnel(5)] == nil)
        #expect(words.connectorCount == ControlLimit.saidConnectorsMax)
        #expect(world.nodes[1].core.cluster.tally.refusals[.words] ?? 0 == before + 1)
        // One that goes makes room for another, and the store has told of this one meanwhile.
        _ = world.nodes[1].core.cluster.words.heard[Self.node(0)]?.say([], of: tunnel(1_000))
        #expect(world.nodes[1].core.cluster.words.connectorCount == ControlLimit.saidConnectorsMax - crowd.count)
        #expect(ask(&world, 1, "", tunnel: tunnel(5), milliseconds: 100) == found(5))
        #expect(told(world, 1, 5) == [.preferred: [Self.node(0)]])
    }

    @Test func whoSpeaksNoWordsHearsNone() throws {
        var world = try ClusterWorld(seed: 3)
        world.run(milliseconds: 3_000)
        world.bind(0, 0, tunnel(5), host: "")
        world.run(milliseconds: 500)
        // `SimulatedDataPlane` traps on what it does not know; rows of others it is told when it asks for a tunnel.
        #expect(world.nodes.allSatisfy { $0.core.cluster.words.telling.isEmpty })
        #expect(world.nodes[1].planes[0].rows.isEmpty)
    }

    // MARK: Numbers

    @Test func numbersShowWhatIsMissing() throws {
        typealias Step = (epoch: UInt64, list: UInt32, number: UInt32, place: WordsHeard.Place, isInOrder: Bool)
        let steps: [Step] = [
            // Nothing before a list's beginning.
            (5, 2, 1, .missed, false), (5, 2, 0, .inOrder, true), (5, 2, 0, .known, true), (5, 2, 1, .inOrder, true),
            // An earlier list, and an earlier start.
            (5, 1, 0, .known, true), (4, 9, 0, .known, true),
            // What was missed is not made good by what comes later.
            (5, 2, 3, .missed, false), (5, 2, 2, .missed, false), (5, 3, 0, .inOrder, true), (6, 1, 0, .inOrder, true),
            (6, 2, 1, .missed, false), (6, 1, 1, .missed, false), (6, 2, 0, .inOrder, true),
        ]
        var heard = WordsHeard()
        for (index, step) in steps.enumerated() {
            let writer = PeerWordsWriter(epoch: step.epoch, list: step.list, number: step.number)
            let place = heard.place(try PeerWords(writer.bytes))
            #expect(place == step.place && heard.isInOrder == step.isInOrder, "step \(index)")
        }
        #expect(heard.epoch == 6 && heard.list == 2 && heard.next == 1 && heard.lists == 4)
    }

    /// Who cannot be told for long does not make the queue grow.
    @Test func whatWaitsIsBounded() {
        var telling = WordsTelling()
        telling.append(.tunnel(tunnel(1)))
        #expect(!telling.hasMore, "a list that has not begun holds everything")
        telling.owesList = false
        for number in 0..<UInt64(ControlLimit.wordsWaitingMax) {
            telling.append(.tunnel(tunnel(number)))
            telling.append(.tunnel(tunnel(number)))
        }
        #expect(!telling.owesList && telling.changed.count == ControlLimit.wordsWaitingMax)
        telling.append(.name(NameID(ingress: IngressIndex(0), key: "one-more")))
        #expect(telling.owesList && !telling.hasMore)
    }
}
