import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Links between data planes: that every worker comes to every other, who is let in, and what their silence means.
@Suite struct PeerLinkTests {
    @Test(arguments: [[1, 1], [1, 3], [3, 2], [2, 2, 2]])
    func everyWorkerHasALinkToEveryOther(_ workers: [Int]) throws {
        let bench = try ClusterBench(workers: workers)
        #expect(bench.isMeshed())
        let opened = bench.nodes.reduce(0) { $0 + $1.count(.peerLinksOpened) }
        bench.run(5_000)
        // They stay: heartbeats, no dial after dial.
        #expect(bench.nodes.reduce(0) { $0 + $1.count(.peerLinksOpened) } == opened)
        #expect(bench.nodes.allSatisfy { $0.count(.peerLinksClosed) == 0 && $0.count(.keepAlives) > 10 })
        #expect(bench.nodes.allSatisfy { $0.count(.peerUnproven) == 0 })
        bench.expectQuiet(connectors: 0)
    }

    @Test func whoeverHasAnotherSecretIsNotLetIn() throws {
        let bench = try ClusterBench(secrets: [ClusterBench.secret, PeerSecret(text: "guessed")])
        #expect(!bench.isMeshed())
        #expect(bench.nodes.allSatisfy { $0.count(.peerLinksOpened) == 0 })
        #expect(bench.nodes.contains { $0.count(.peerUnproven) > 0 })
        #expect(bench.nodes.contains { !$0.refusals(.peerUnproven).isEmpty })
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "\u{1}\u{2}\u{0}\u{4}", "CVPL\u{1}\u{0}\u{7}\u{7}"])
    func garbageIsClosedUnanswered(_ text: String) throws {
        let bench = try ClusterBench()
        let stranger = ScriptedVisitor(bench.world, bench.nodes[0], bench.outside, port: NodeProcess.peersPort)
        stranger.write(text)
        bench.run(50)
        #expect(stranger.isEnded && stranger.received.isEmpty)
        #expect(bench.nodes[0].count(.peerUnproven) == 1)
        #expect(bench.isMeshed())
    }

    /// A node that is not in a cluster takes nobody.
    @Test func withoutASecretThereAreNoPeers() throws {
        let world = World(seed: 1)
        let node = try NodeProcess(world, seed: 1)
        node.listenForPeers()
        let peer = ScriptedPeer(
            world, node, world.kernel.makeHost(low: 0xFFFF_0A00_0009), secret: ClusterBench.secret)
        world.run(milliseconds: 100)
        #expect(peer.isEnded && peer.hello == nil)
    }

    /// The kernel gives the link to some worker; its hello says which one it is for.
    @Test func aLinkComesToTheWorkerThatItWants() throws {
        let bench = try ClusterBench(workers: [3])
        for wanted in [0, 1, 2, 2, 1, 0] {
            let peer = ScriptedPeer(
                bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret, wanted: wanted)
            bench.run(50)
            #expect(peer.isProven && peer.hello.map { Int($0.worker) } == wanted)
            #expect(peer.hello?.workers == 3)
        }
        #expect(bench.nodes[0].benches.map { $0.worker.ledger.links } == [2, 2, 2])
    }

    @Test func aWorkerThatThereIsNotIsAnsweredByAnother() throws {
        let bench = try ClusterBench(workers: [1])
        let peer = ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret, wanted: 5)
        bench.run(50)
        #expect(peer.isProven && peer.hello?.worker == 0 && peer.hello?.workers == 1)
    }

    @Test func aNodeThatDiesIsDialledUntilItIsBack() throws {
        let bench = try ClusterBench(workers: [2, 2])
        bench.nodes[1].process.kill()
        bench.run(3_000)
        #expect(bench.nodes[0].benches.allSatisfy { $0.worker.peers.links.count <= 2 })
        #expect(bench.nodes[0].benches.allSatisfy { !$0.worker.peers[0].pointee.isLinked })
        // Nobody dials on and on without a pause.
        #expect(bench.nodes[0].count(.dialFailed) < 60)
        #expect(bench.nodes[0].count(.dialFailed) > 4)
    }

    /// Data planes of one node meet over Unix sockets beside the control plane's, whoever dials.
    @Test func dataPlanesOfOneNodeMeet() throws {
        let bench = try ClusterBench(workers: [1])
        let node = bench.nodes[0], worker = node.benches[0]
        let ours = SimulatedAddress(path: Array("/simulated.peer".utf8))
        worker.worker.openListener(Listener(id: 2_000, peersOn: node.process.listen(at: ours, backlog: 8)))
        worker.port.submit(&worker.worker.operations)
        let theirs = bench.world.kernel.listen(
            on: node.host, at: SimulatedAddress(path: Array("/other.peer".utf8)))
        var row = ScriptedControl.row(0)
        row.kind = .own
        row.peers = ["simulated", "other"].map { PlaneNode.Peer(plane: $0, address: "") }
        bench.controls[0].send([.node(row)])
        bench.run(100)
        // It dials the other one, and not itself.
        let dialled = try #require(theirs.accept())
        #expect(dialled.take().starts(with: Array("CVPL".utf8)))
        #expect(worker.worker.ledger.peerLinks == 1)
        dialled.close()
        theirs.close()
        let other = ScriptedPeer(
            bench.world, node, node.host, number: 0, secret: ClusterBench.secret, at: ours, plane: "other")
        bench.run(100)
        #expect(other.isProven)
        let link = worker.worker.peers[0].pointee.links[0]
        #expect(link != .max)
        // Itself it would not believe.
        let mirror = ScriptedPeer(
            bench.world, node, node.host, number: 0, secret: ClusterBench.secret, at: ours)
        bench.run(100)
        #expect(mirror.isEnded && !mirror.isProven)
    }

    /// Silence: suspect after `peerSuspectMilliseconds`, given up after `peerSilenceMilliseconds`.
    @Test func aSilentLinkIsSuspectThenOver() throws {
        let bench = try ClusterBench(workers: [1])
        bench.controls[0].send([.node(ScriptedControl.row(7, address: ""))])
        bench.run(20)
        let peer = ScriptedPeer(bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret)
        bench.run(500)
        let worker = bench.nodes[0].benches[0]
        let link = worker.worker.peers[0].pointee.links[0]
        try #require(link != .max)
        let isSuspect = worker.worker.isSuspect(peerLink: link)
        #expect(!isSuspect)
        #expect(peer.keepAlives >= 1)
        peer.beats = false
        bench.run(410)
        let isSuspectNow = worker.worker.isSuspect(peerLink: link)
        #expect(!peer.isEnded && isSuspectNow)
        bench.run(2_500)
        #expect(peer.isEnded && worker.counters.value(.keepAliveTimeout) == 1)
        #expect(worker.worker.peers[0].pointee.links[0] == .max)
    }
}
