import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import Testing

/// Data planes connect, die, come back and bring what they have; sockets outlive them.
struct DataPlaneLinkTests {
    private func node(_ change: (inout ServerConfiguration) -> Void = { _ in }) throws -> SimulatedNode {
        try SimulatedNode(SimulatedNode.configuration(change))
    }

    private func link(_ node: SimulatedNode, _ index: Int = 0) -> DataPlaneLink? {
        node.planes[index].link.flatMap { node.core.links[$0] }
    }

    @Test func aNewDataPlaneGetsEverything() throws {
        var node = try node()
        #expect(!node.core.isReady)
        node.start(workers: 3)
        #expect(node.planes[0].listeners.count == 6)
        #expect(node.planes[0].hasTable)
        #expect(node.core.isReady)
        #expect(node.planes[0].services[0].urlTemplates == ["http://*.localhost:8080", "http://*.gost.local:8080"])
    }

    @Test func aDeadDataPlanesSocketsWaitForItsSuccessor() throws {
        var node = try node()
        node.start()
        node.bind(0, tunnel(1))
        let sockets = node.planes[0].listeners
        node.cut(0, dies: true)
        #expect(node.core.registry.connectors.isEmpty)
        #expect(!node.core.isReady)
        node.advance(milliseconds: 50_000)
        #expect(node.kept.count == 4)
        node.start()
        #expect(node.planes[1].listeners == sockets)
        #expect(node.core.isReady)
        #expect(node.planes[1].routes.count == 2, "visitors are told that the tunnel is offline")
    }

    @Test func aSuccessorWithFewerWorkersLeavesNoSocketBehind() throws {
        var node = try node()
        node.start(workers: 4)
        node.cut(0, dies: true)
        node.start(workers: 1)
        #expect(node.kept.count == 2)
        #expect(node.planes[1].listeners.values.allSatisfy { $0.worker == WorkerIndex(0) })
        node.cut(1, dies: true)
        node.start(workers: 2)
        #expect(node.planes[2].listeners.count == 4)
        #expect(Set(node.planes[2].listeners.keys).count == 4)
    }

    @Test func socketsOfALostDataPlaneGoToThoseThatServe() throws {
        var node = try node()
        node.start("data-0")
        node.start("data-1")
        node.cut(1, dies: true)
        node.advance(milliseconds: 9_000)
        #expect(node.kept.count == 8)
        node.advance(milliseconds: 1_001)
        #expect(node.kept.count == 8, "a socket that were closed would reset who waits in its queue")
        #expect(node.kept.allSatisfy { $0.hasPrefix("data-0/") })
        #expect(node.planes[0].listeners.count == 8)
    }

    @Test func aRestartedControlPlaneAdoptsSocketsAndConnectors() throws {
        var node = try node()
        node.start("data-0")
        node.start("data-1")
        node.bind(0, tunnel(1), host: "app.example")
        node.bind(1, tunnel(2))
        let sockets = node.planes.map(\.listeners), dump = node.planes.map(\.dump)
        try node.restartControl()
        node.connect(1)
        node.connect(0)
        #expect(node.planes.map(\.listeners) == sockets)
        #expect(node.kept.count == 8)
        #expect(node.planes.map(\.dump) == dump)
        #expect(node.core.tally.connectorsLearned == 2)
        #expect(node.core.isReady)
        for plane in node.planes { #expect(node.core.dump(of: plane.link!) == plane.dump) }
    }

    @Test func aLostLinkKeepsTheHostsForTheDataPlaneThatComesBack() throws {
        var node = try node()
        node.start("data-0")
        node.start("data-1")
        node.bind(0, tunnel(1), host: "app.example")
        node.cut(0, dies: false)
        node.advance(milliseconds: 1_000)
        #expect(node.planes[1].granted[node.bind(1, tunnel(2), host: "app.example")] == endpoint(tunnel(2)))
        node.connect(0)
        #expect(node.core.tally.claimsLost == 0)
        #expect(node.core.registry.connectors.count == 2)
        #expect(node.planes[0].dump == node.core.dump(of: node.planes[0].link!))
    }

    @Test func theLoserOfAPromisedHostIsReported() throws {
        var node = try node()
        node.start("data-0")
        node.start("data-1")
        node.bind(0, tunnel(1), host: "app.example")
        try node.restartControl()
        node.connect(1)
        #expect(node.planes[1].granted[node.bind(1, tunnel(2), host: "app.example")] == "app.example")
        node.connect(0)
        #expect(node.core.tally.claimsLost == 1)
        #expect(node.notes("was promised a host").count == 1)
        #expect(node.planes[0].routes.values.filter { $0.tunnel == tunnel(1) }.count == 2)
    }

    @Test func aProcessOfTheSameNameTakesOver() throws {
        var node = try node()
        node.start()
        node.bind(0, tunnel(1))
        let sockets = node.planes[0].listeners
        node.start()
        #expect(node.planes[0].isDraining)
        #expect(node.planes[1].listeners == sockets)
        #expect(node.core.isReady)
        node.cut(0, dies: true)
        #expect(node.core.sockets["data-0"]?.orphanedSince == nil)
        #expect(node.kept.count == 4)
    }

    @Test func theSameProcessConnectingTwiceReplacesItself() throws {
        var node = try node()
        node.start()
        node.bind(0, tunnel(1))
        node.connect(0)
        #expect(node.core.links.count == 1)
        #expect(node.core.registry.connectors.count == 1)
        #expect(!node.planes[0].isDraining)
        #expect(node.core.isReady)
    }

    @Test func aFrozenDataPlaneIsNoticedAndLeftAlone() throws {
        var node = try node()
        node.start()
        let link = node.planes[0].link
        node.planes[0].link = nil
        node.advance(milliseconds: 3_999)
        #expect(!node.core.isReady)
        #expect(node.notes("does not answer").count == 1)
        #expect(node.kept.count == 4)
        node.planes[0].link = link
        node.say(0, .pong)
        #expect(node.core.isReady)
    }

    @Test func addressesThatFailAreTriedAgain() throws {
        var node = try node()
        node.failing = [.shared(1)]
        node.start()
        #expect(node.planes[0].listeners.count == 2)
        #expect(!node.core.isReady)
        #expect(node.notes("cannot listen").first?.fields.contains { $0.value == ":8080" } == true)
        node.failing = []
        node.advance(milliseconds: 1_000)
        #expect(node.planes[0].listeners.count == 4)
        #expect(node.core.isReady)
    }

    @Test func aChangedConfigurationClosesWhatIsGone() throws {
        var node = try node()
        node.start()
        var other = try SimulatedNode(
            SimulatedNode.configuration { $0.services[0].entrypoints[0].address.port = 9_090 })
        other.planes = node.planes
        other.connect(0)
        let addresses = Set(other.planes[0].listeners.values.map(\.address))
        #expect(addresses == [":8421", ":9090"])
        #expect(other.kept.count == 4)
    }

    @Test func silenceAndNonsenseEndALink() throws {
        var node = try node()
        node.tell(.connected(LinkID(900)))
        node.advance(milliseconds: ControlLimit.helloMilliseconds)
        #expect(node.core.links.isEmpty)

        node.tell(.connected(LinkID(901)))
        node.tell(.received(LinkID(901), .inventoryEnd))
        #expect(node.core.links.isEmpty)

        let plane = SimulatedDataPlane(name: "x", epoch: 5)
        node.tell(.connected(LinkID(902)))
        node.tell(.received(LinkID(902), plane.hello))
        node.advance(milliseconds: ControlLimit.inventoryMilliseconds)
        #expect(node.core.links.isEmpty)
        for number in UInt64(0)..<20 { node.tell(.connected(LinkID(1_000 + number))) }
        #expect(node.core.links.count == ControlLimit.dataPlanesMax)
    }

    @Test func manyChangesBecomeATable() throws {
        var node = try node()
        node.start()
        let generation = link(node)?.tableGeneration
        for number in 0..<3_000 { node.bind(0, tunnel(UInt64(number))) }
        #expect(link(node)?.tableGeneration != generation)
        #expect(node.planes[0].routes.count == 6_000)
        #expect(node.planes[0].dump == node.core.dump(of: node.planes[0].link!))
    }

    @Test func configurationsThatCannotBeServed() throws {
        #expect(throws: NodePlanFault.noService) { try node { $0.services = [] } }
        let fault = #expect(throws: NodePlanFault.self) {
            try node { $0.services[0].entrypoints[0].address.port = 8421 }
        }
        #expect(fault?.text.contains(":8421") == true)
        #expect(throws: NodePlanFault.self) {
            try node { configuration in
                configuration.services = Array(repeating: configuration.services[0], count: 257)
            }
        }
    }
}
