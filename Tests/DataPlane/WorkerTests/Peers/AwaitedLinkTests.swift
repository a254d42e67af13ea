import Model
import Observe
import PlaneLink
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A data plane has just started, and links to it are only being made. One of its workers has one already and sends a stream
/// on to another, which has none yet: the visitor waits for it and does not notice. So does who waits for the first.
@Suite struct AwaitedLinkTests {
    private let bench: ClusterBench
    /// Its worker 0, which has nothing.
    private let first: ScriptedPeer

    init() throws {
        bench = try ClusterBench(workers: [1])
        bench.controls[0].hosts[bench.host] = ClusterBench.tunnel
        bench.controls[0].tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(7)]
        bench.controls[0].send([.node(ScriptedControl.row(7, address: ""))])
        first = Self.peer(bench, worker: 0)
        first.manner = .sendsOn(worker: 1)
        bench.run(50)
        #expect(first.isProven)
    }

    private static func peer(_ bench: ClusterBench, worker: Int) -> ScriptedPeer {
        ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret, wanted: 0, workers: 2,
            worker: worker)
    }

    private func peer(worker: Int) -> ScriptedPeer { Self.peer(bench, worker: worker) }

    private func refusal(_ visitor: ScriptedVisitor, _ status: Int, _ reason: Reason) -> Bool {
        visitor.status == status && visitor.text.contains(reason.label)
    }

    @Test func visitorsGoOnWhenTheLinkComes() throws {
        let visitors = (0..<5).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(50)
        #expect(first.streams.count == 5)
        #expect(visitors.allSatisfy { $0.text.isEmpty })
        let second = peer(worker: 1)
        bench.run(50)
        try #require(second.streams.count == 5)
        for stream in second.streams { second.send(stream, ExchangeTests.ok) }
        bench.run(50)
        #expect(visitors.allSatisfy { $0.text == ExchangeTests.ok })
        // Whoever comes now is sent there at once, and nobody was sent to a second candidate.
        let late = bench.visitor(at: 0)
        late.write(bench.get())
        bench.run(50)
        #expect(first.streams.count == 5 && second.streams.count == 6)
        #expect(bench.nodes[0].count(.forwardsRepeated) == 0)
        for visitor in visitors + [late] { visitor.peer.close() }
        bench.end(first.peer, second.peer)
        #expect(first.violations == [] && second.violations == [])
    }

    /// Waiting for it takes no longer than waiting for an answer.
    @Test func aWorkerThatDoesNotCome() {
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(200)
        #expect(visitor.text.isEmpty)
        bench.run(100)
        #expect(refusal(visitor, 504, .forwardTimeout))
        bench.end(visitor.peer, first.peer)
    }

    @Test func theOnlyLinkIsLostMeanwhile() {
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        first.peer.reset()
        bench.run(50)
        #expect(refusal(visitor, 503, .connectorLost))
        bench.end(visitor.peer)
    }

    @Test func aVisitorThatLeavesMeanwhile() {
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        visitor.peer.reset()
        bench.run(50)
        let second = peer(worker: 1)
        bench.run(50)
        #expect(second.isProven && second.streams.isEmpty)
        bench.end(first.peer, second.peer)
    }

    /// The one that came does not have it either: sent on as often as streams are, then the visitor hears of it.
    @Test func workersThatSendItToAndFro() {
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        let second = peer(worker: 1)
        second.manner = .sendsOn(worker: 0)
        bench.run(50)
        #expect(first.streams.count == 2 && second.streams.count == 1)
        #expect(refusal(visitor, 503, .peerElsewhere))
        bench.end(visitor.peer, first.peer, second.peer)
    }

    /// A worker that its data plane has not.
    @Test func aWorkerThatThereIsNot() {
        first.manner = .sendsOn(worker: 63)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        #expect(refusal(visitor, 503, .peerElsewhere))
        bench.end(visitor.peer, first.peer)
    }

    /// Another candidate is better than waiting.
    @Test func anotherCandidateComesFirst() throws {
        bench.controls[0].send([.node(ScriptedControl.row(8, address: ""))])
        let other = ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, number: 8, secret: ClusterBench.secret)
        bench.controls[0].tunnels[ClusterBench.tunnel]?.append(ScriptedControl.candidate(8, standing: .suspect))
        bench.run(50)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        other.send(try #require(other.streams.first), ExchangeTests.ok)
        bench.run(50)
        #expect(visitor.text == ExchangeTests.ok && first.streams.count == 1)
        bench.end(visitor.peer, first.peer, other.peer)
    }

    /// A relay visitor waits likewise, its bytes with it.
    @Test func aRelayVisitorGoesOn() throws {
        let direct = try ClusterBench(workers: [1], isDirect: true)
        direct.controls[0].tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(7)]
        direct.controls[0].send([.node(ScriptedControl.row(7, address: ""))])
        let first = Self.peer(direct, worker: 0)
        first.manner = .sendsOn(worker: 1)
        direct.run(50)
        let visitor = ScriptedRelayVisitor(
            direct.world, direct.nodes[0], direct.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: direct.host), early: "early ")
        direct.run(50)
        let second = Self.peer(direct, worker: 1)
        direct.run(50)
        visitor.write("late")
        direct.run(50)
        let stream = try #require(second.streams.first)
        #expect(stream.text == "early late" && first.streams.count == 1)
        direct.end(visitor.peer, first.peer, second.peer)
    }

    // MARK: No link at all

    /// A data plane of the same node was away for long, and is back: its control plane has heard from it, and so visitors
    /// wait, however often it was dialled in vain.
    @Test func whoeverIsOfTheSameNodeIsAwaited() throws {
        let bench = try ClusterBench(workers: [1, 1], areSiblings: true)
        bench.controls[0].hosts[bench.host] = ClusterBench.tunnel
        var candidate = ScriptedControl.candidate(0)
        candidate.place = 1
        bench.controls[0].tunnels[ClusterBench.tunnel] = [candidate]
        bench.nodes[1].process.kill()
        bench.run(10_000)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        #expect(visitor.text.isEmpty)
        let back = ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, number: 0, secret: ClusterBench.secret, plane: "data-1")
        bench.run(50)
        back.send(try #require(back.streams.first), ExchangeTests.ok)
        bench.run(50)
        #expect(visitor.text == ExchangeTests.ok)
        bench.end(visitor.peer, back.peer)
    }

    /// Another node was dialled in vain for long, and its control plane is another process now: what failed before counts
    /// no more.
    @Test func aNodeThatStartedAgainIsAwaited() throws {
        var row = ScriptedControl.row(5)
        bench.controls[0].tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(5)]
        bench.controls[0].send([.node(row)])
        bench.run(20_000)
        let early = bench.visitor(at: 0)
        early.write(bench.get())
        bench.run(20)
        #expect(refusal(early, 503, .peersUnreachable))
        row.epoch = 2
        bench.controls[0].send([.node(row)])
        bench.run(20)
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        #expect(visitor.text.isEmpty)
        let back = ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, number: 5, secret: ClusterBench.secret)
        bench.run(50)
        back.send(try #require(back.streams.first), ExchangeTests.ok)
        bench.run(50)
        #expect(visitor.text == ExchangeTests.ok)
        bench.end(visitor.peer, early.peer, back.peer, first.peer)
    }
}
