import Model
import PlaneLink
import Primitives
import Settings
import Testing

@testable import ControlCore

/// Links between data planes: who is given the secret, where they listen, and what other nodes are told.
struct PeeringTests {
    private static let secret = PeerSecret(text: "a secret of this test")

    /// A node without a store. `port`: where other nodes come, if they do.
    private func node(
        port: UInt16? = nil, _ change: (inout ServerConfiguration) -> Void = { _ in }
    ) throws -> SimulatedNode {
        var cluster = ClusterSettings()
        cluster.node = NodeID(name: "node")
        cluster.advertisedHost = "10.42.0.7"
        cluster.peering = ClusterSettings.Peering(
            secret: Self.secret, address: port.map { ListenAddress(host: "", port: $0) },
            controlPath: "/run/node/control.sock")
        var node = try SimulatedNode(SimulatedNode.configuration(change), cluster: cluster)
        node.capabilities = [.access, .trust, .cluster]
        return node
    }

    /// Addresses of the sockets for other data planes, and how many there are of each.
    private func peerSockets(_ node: SimulatedNode, _ plane: Int) -> [String: Int] {
        let sockets = node.planes[plane].listeners.values.filter { $0.role == .peers }
        return Dictionary(grouping: sockets, by: \.address).mapValues(\.count)
    }

    @Test func oneThatIsAloneLinksWithNobody() throws {
        var node = try node()
        node.start("data-0")
        #expect(node.planes[0].peering == nil && node.planes[0].rows.isEmpty)
        #expect(peerSockets(node, 0).isEmpty)
        #expect(node.core.isReady)
    }

    /// The second one makes them a cluster, without any store.
    @Test func dataPlanesOfANodeLinkOverUnixSockets() throws {
        var node = try node()
        node.start("data-0", workers: 3)
        node.start("data-1")
        for plane in 0..<2 {
            #expect(
                node.planes[plane].peering == PlanePeering(node: NodeID(name: "node"), secret: Self.secret))
            #expect(peerSockets(node, plane) == ["/run/node/data-\(plane).peer": 1])
            let row = try #require(node.planes[plane].rows[0])
            #expect(row.kind == .own && row.peers.map(\.plane) == ["data-0", "data-1"])
        }
        #expect(node.core.isReady)
        // A tunnel of the one is found by the other.
        node.bind(0, tunnel(1))
        let lookup = PlaneLookup(
            question: 7, service: ServiceIndex(0), ingress: IngressIndex(0), host: InlineText(), tunnel: tunnel(1))
        node.say(1, .lookup(lookup))
        #expect(node.planes[1].lookups[7] == .found(Route(tunnel: tunnel(1), isPrivate: false)))
        #expect(node.planes[1].remote[tunnel(1)]?.map(\.place) == [0])
    }

    /// A link that came to another data plane than the one that was dialled would lead nowhere.
    @Test func everyDataPlaneHasAPortOfItsOwn() throws {
        var node = try node(port: 8_420)
        node.start("data-0", workers: 2)
        node.start("data-1", workers: 3)
        #expect(peerSockets(node, 0) == [":8420": 2, "/run/node/data-0.peer": 1])
        // 8421 is the tunnel port.
        #expect(peerSockets(node, 1) == [":8422": 3, "/run/node/data-1.peer": 1])
        #expect(node.core.isReady)
        // What is gone leaves its port to others, and what comes back finds its own.
        node.cut(0, dies: true)
        node.advance(milliseconds: 11_000)
        node.start("data-2", workers: 1)
        #expect(peerSockets(node, 2) == [":8420": 1, "/run/node/data-2.peer": 1])
        node.start("data-0", workers: 1)
        #expect(peerSockets(node, 3) == [":8423": 1, "/run/node/data-0.peer": 1])
    }

    @Test func aPortThatTheKernelChoseIsOneForAllWorkers() throws {
        var node = try node(port: 0)
        node.start("data-0", workers: 2)
        #expect(peerSockets(node, 0) == [":40000": 2, "/run/node/data-0.peer": 1])
        #expect(node.core.isReady)
        let kept = node.core.sockets["data-0"]?.sockets.filter {
            $0.point == .peers(ListenAddress(host: "", port: 40_000))
        }
        #expect(kept?.count == 2)
    }

    @Test func aRestartedControlPlaneFindsTheSocketsAgain() throws {
        var node = try node(port: 8_430)
        node.start("data-0")
        node.start("data-1")
        let before = node.planes.map(\.listeners)
        try node.restartControl()
        for plane in [1, 0] {
            node.planes[plane].forgetOthers()
            node.connect(plane)
        }
        #expect(node.planes.map(\.listeners) == before)
        #expect(node.kept.count == before.reduce(0) { $0 + $1.count })
        #expect(peerSockets(node, 1)[":8431"] == 2)
        #expect(node.core.isReady)
        for plane in node.planes { #expect(plane.peering != nil && plane.rows[0]?.peers.count == 2) }
    }

    @Test func whatIsNotConfiguredAnyMoreIsClosed() throws {
        var node = try node(port: 8_430)
        node.start("data-0")
        var other = try self.node()
        other.planes = node.planes
        other.connect(0)
        #expect(peerSockets(other, 0) == ["/run/node/data-0.peer": 1])
        #expect(other.core.isReady)
    }

    @Test func aPortThatIsTakenIsTriedAgain() throws {
        var node = try node(port: 8_430)
        node.failing = [.peers(ListenAddress(host: "", port: 8_430))]
        node.start("data-0")
        #expect(!node.core.isReady)
        let fields = node.notes("cannot listen").first?.fields.map(\.value) ?? []
        #expect(fields.contains(":8430") && fields.contains("other nodes (`culvert.peers`)"))
        node.failing = []
        node.advance(milliseconds: 1_000)
        #expect(peerSockets(node, 0)[":8430"] == 2)
        #expect(node.core.isReady)
    }

    @Test func oldDataPlanesTakeNoPart() throws {
        var node = try node(port: 8_430)
        node.capabilities = [.access, .trust]
        node.start("old")
        node.capabilities = [.access, .trust, .cluster]
        node.start("new")
        // `SimulatedDataPlane` traps on what it does not know.
        #expect(node.planes[0].peering == nil && peerSockets(node, 0).isEmpty)
        #expect(peerSockets(node, 1)[":8430"] == 2)
        #expect(node.core.ownPlanes == ["new"])
        #expect(node.core.isReady)
    }

    // MARK: The lease

    private func lease(of node: Int, in world: ClusterWorld) -> NodeLease? {
        let key = NodeLease.key(ClusterWorld.settings(node).node)
        return world.redis.text(ClusterWorld.entries, key).flatMap { NodeLease(Array($0.utf8)) }
    }

    private static let both = [
        PlaneNode.Peer(plane: "data-0", address: "10.0.0.1:8430"),
        PlaneNode.Peer(plane: "data-1", address: "10.0.0.1:8431"),
    ]

    @Test func theLeaseSaysWhereDataPlanesAreReached() throws {
        var world = try ClusterWorld(seed: 5)
        world.run(milliseconds: 2_000)
        #expect(lease(of: 0, in: world)?.peers == Self.both)
        #expect(lease(of: 1, in: world)?.peers == [PlaneNode.Peer(plane: "data-0", address: "10.0.0.2:8430")])
    }

    /// A restart of the control plane takes no data plane out of the lease before those that live had time to come back.
    @Test func aRestartKeepsThoseThatAreNotBackYet() throws {
        var world = try ClusterWorld(seed: 6)
        world.run(milliseconds: 2_000)
        // The second one will not come back.
        world.nodes[0].planes[1].isDead = true
        try world.restartControl(0)
        for _ in 0..<20 {
            world.run(milliseconds: 100)
            #expect(lease(of: 0, in: world).map { $0.peers.sorted { $0.plane < $1.plane } } == Self.both)
        }
        world.run(milliseconds: 14_000)
        #expect(lease(of: 0, in: world)?.peers == [Self.both[0]])
    }

    /// The first visitor for a node that was never heard of waits for the word where it is.
    @Test func aNodeThatIsNewIsAskedForFirst() throws {
        var world = try ClusterWorld(seed: 7)
        world.run(milliseconds: 2_000)
        world.bind(0, 0, tunnel(1), host: "app.example.org")
        world.run(milliseconds: 500)
        world.nodes[1].core.cluster.nodes = NodeTable(own: world.nodes[1].core.cluster.nodes.own)
        let question = world.lookUp(1, 0, host: "app.example.org")
        var waited = 0
        while world.nodes[1].planes[0].lookups[question] == nil, waited < 1_000 {
            world.run(milliseconds: 1)
            waited += 1
        }
        #expect(waited < 400)
        #expect(
            world.nodes[1].planes[0].lookups[question] == .found(Route(tunnel: tunnel(1), isPrivate: false)))
        let candidate = try #require(world.nodes[1].planes[0].remote[tunnel(1)]?.first)
        #expect(world.nodes[1].planes[0].rows[candidate.node]?.peers == Self.both)
    }
}
