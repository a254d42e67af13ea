import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors whose tunnel is at another node: whom they are sent to, what passes, and what becomes of them when a node
/// does not answer, refuses or dies.
@Suite struct ForwardingTests {
    private static let ok = ExchangeTests.ok

    @Test(arguments: [[1, 1], [2, 3]])
    func aRequestIsAnsweredThroughAnotherNode(_ workers: [Int]) throws {
        let bench = try ClusterBench(workers: workers)
        let connector = try bench.connector(at: 1)
        let visitor = bench.visitor(at: 0)
        for round in 0..<3 {
            visitor.forget()
            visitor.write(bench.get("/\(round)"))
            bench.run(50)
            try #require(connector.streams.count == 1, "round \(round)")
            let stream = connector.streams[0]
            #expect(stream.text.contains("GET /\(round) HTTP/1.1\r\n"))
            // Whom it is from, told by the node that nobody came to.
            #expect(stream.header?.source?.socketAddress?.hostText == "10.0.0.9")
            #expect(stream.header?.destination?.hostText.string == bench.host)
            connector.send(stream, Self.ok)
            bench.run(50)
            #expect(visitor.text == Self.ok)
        }
        // Once asked, everybody knows: one question for the host or the tunnel each, one stream for all three.
        #expect(bench.controls[0].lookups.count <= 2)
        #expect(bench.nodes[1].count(.forwardsAccepted) == 1)
        #expect(bench.nodes[0].count(.requestsRetried) == 0)
        visitor.peer.close()
        bench.run(100)
        #expect(connector.streams[0].isFinished)
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// Visitors on every worker come to a connector on one worker of the other node, at most by one word more.
    @Test func theRightWorkerIsFound() throws {
        let bench = try ClusterBench(workers: [3, 3])
        let connectors = try (0..<3).map { _ in try bench.connector(at: 1) }
        for control in bench.controls { control.tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(1)] }
        let visitors = (0..<30).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(100)
        for connector in connectors { for stream in connector.streams { connector.send(stream, Self.ok) } }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.text == Self.ok })
        #expect(bench.nodes[0].count(.forwardsRepeated) == 0)
        for visitor in visitors { visitor.peer.close() }
        bench.run(100)
        for connector in connectors { connector.peer.close() }
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func largeBodiesPassWhole() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        let visitor = bench.visitor(at: 0)
        let body = Content.bytes(3, 700_000), answer = Content.bytes(4, 900_000)
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: \(body.count)\r\n\r\n")
        visitor.peer.write(body)
        bench.run(500)
        let stream = try #require(connector.streams.first)
        #expect(Array(stream.received.suffix(body.count)) == body)
        connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: \(answer.count)\r\n\r\n")
        connector.send(stream, answer)
        bench.run(500)
        #expect(Array(visitor.received.suffix(answer.count)) == answer)
        visitor.peer.close()
        bench.run(100)
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// The node is told of with its tunnel only, and there is no link to it yet: the first visitor waits for one.
    @Test func theFirstVisitorWaitsForTheLink() throws {
        let bench = try ClusterBench(workers: [2, 2], tellsRows: false)
        let connector = try bench.connector(at: 1)
        bench.controls[0].lateRows = [ScriptedControl.row(1)]
        let visitors = (0..<5).map { _ in bench.visitor(at: 0) }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(200)
        #expect(connector.streams.count == 5)
        for stream in connector.streams { connector.send(stream, Self.ok) }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.text == Self.ok })
        for visitor in visitors { visitor.peer.close() }
        bench.run(100)
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// Nobody answers at its address: who waits for it hears so, and who leaves meanwhile leaves nothing.
    @Test func aNodeThatIsNeverReached() throws {
        let bench = try ClusterBench(workers: [1])
        bench.controls[0].hosts[bench.host] = ClusterBench.tunnel
        bench.controls[0].tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(5)]
        bench.controls[0].lateRows = [ScriptedControl.row(5)]
        let visitor = bench.visitor(at: 0), leaver = bench.visitor(at: 0)
        visitor.write(bench.get())
        leaver.write(bench.get())
        bench.run(30)
        leaver.peer.reset()
        bench.run(1_200)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.peersUnreachable.label))
        // Tried in vain for long enough: nobody waits for it any more.
        bench.run(16_000)
        let late = bench.visitor(at: 0)
        late.write(bench.get())
        bench.run(20)
        #expect(late.status == 503)
        late.peer.close()
        visitor.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// The first candidate is stopped: nothing of the request was sent to it, and the next one has it in a moment. A POST
    /// of more than is ever kept, so that it can only be the same bytes.
    @Test func aNodeThatDoesNotAnswerIsPassedBy() throws {
        let bench = try ClusterBench(workers: [1, 1, 1])
        let frozen = try bench.connector(at: 1), living = try bench.connector(at: 2)
        bench.controls[0].tunnels[ClusterBench.tunnel] = [
            ScriptedControl.candidate(1), ScriptedControl.candidate(2, standing: .suspect),
        ]
        bench.nodes[1].benches[0].isFrozen = true
        let visitor = bench.visitor(at: 0)
        let body = Content.bytes(5, 60_000)
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: \(body.count)\r\n\r\n")
        visitor.peer.write(body)
        bench.run(200)
        #expect(living.streams.isEmpty)
        bench.run(150)
        let stream = try #require(living.streams.first)
        #expect(Array(stream.received.suffix(body.count)) == body)
        living.send(stream, Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        #expect(bench.nodes[0].count(.forwardTimeout) == 1)
        // Silent for longer, it is not asked any more.
        bench.run(700)
        let next = bench.visitor(at: 0)
        next.write(bench.get())
        bench.run(50)
        #expect(living.streams.count == 2)
        // Thawed, it hears of the first request's end before it could begin it.
        bench.nodes[1].benches[0].isFrozen = false
        bench.run(1_000)
        #expect(frozen.streams.allSatisfy { $0.received.isEmpty })
    }

    /// A visitor's connection is kept, its idle stream leads to a node that has fallen silent: the next request does not
    /// go there.
    @Test func anIdleStreamOfASilentNodeIsNotUsed() throws {
        let bench = try ClusterBench(workers: [1, 1, 1])
        let first = try bench.connector(at: 1), second = try bench.connector(at: 2)
        bench.controls[0].tunnels[ClusterBench.tunnel] = [
            ScriptedControl.candidate(1), ScriptedControl.candidate(2, standing: .suspect),
        ]
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        first.send(first.streams[0], Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        bench.nodes[1].benches[0].isFrozen = true
        bench.run(1_000)
        visitor.forget()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nabc")
        bench.run(50)
        second.send(try #require(second.streams.first), Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok && first.streams.count == 1)
    }

    @Test func aNodeThatRefusesIsPassedBy() throws {
        let bench = try ClusterBench(workers: [1, 1, 1])
        let connector = try bench.connector(at: 2)
        // Node 1 has nothing of it: what is said of it is old.
        bench.controls[0].tunnels[ClusterBench.tunnel] = [
            ScriptedControl.candidate(1), ScriptedControl.candidate(2, standing: .suspect),
        ]
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        let stream = try #require(connector.streams.first)
        connector.send(stream, Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        #expect(bench.nodes[0].count(.forwardsRepeated) == 1)
    }

    /// With the request inside and unanswered: GET is repeated elsewhere, once; POST is not.
    @Test(arguments: [true, false])
    func aNodeThatDiesWithARequestInside(_ isSafe: Bool) throws {
        let bench = try ClusterBench(workers: [1, 1, 1])
        let first = try bench.connector(at: 1), second = try bench.connector(at: 2)
        bench.controls[0].tunnels[ClusterBench.tunnel] = [
            ScriptedControl.candidate(1), ScriptedControl.candidate(2, standing: .suspect),
        ]
        let visitor = bench.visitor(at: 0)
        visitor.write(
            isSafe ? bench.get() : "POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 3\r\n\r\nabc")
        bench.run(50)
        #expect(first.streams.count == 1 && second.streams.isEmpty)
        bench.nodes[1].process.kill()
        bench.run(50)
        guard isSafe else {
            #expect(second.streams.isEmpty && visitor.status == 503)
            return
        }
        let stream = try #require(second.streams.first)
        second.send(stream, Self.ok)
        bench.run(50)
        #expect(visitor.text == Self.ok)
        #expect(bench.nodes[0].count(.requestsRetried) == 1)
    }

    /// Each node believes that the other has the tunnel: one hop, then the visitor hears it.
    @Test func nobodySendsAVisitorRound() throws {
        let bench = try ClusterBench(workers: [2, 2])
        for (number, control) in bench.controls.enumerated() {
            control.hosts[bench.host] = ClusterBench.tunnel
            control.tunnels[ClusterBench.tunnel] = [ScriptedControl.candidate(1 - number)]
        }
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(100)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.tunnelOffline.label))
        #expect(bench.nodes[0].count(.forwardsOpened) == 1)
        #expect(bench.nodes[1].count(.forwardsOpened) == 0)
        visitor.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func aSecondHopIsRefused() throws {
        let bench = try ClusterBench(workers: [1])
        _ = try bench.connector(at: 0)
        let peer = ScriptedPeer(bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret)
        bench.run(50)
        let stream = peer.open(ClusterBench.tunnel, hops: 2)
        bench.run(50)
        #expect(stream.refusal == ForwardRefusal(.loopDetected, isUntouched: true))
        #expect(bench.nodes[0].count(.loopDetected) == 1)
    }

    /// A node's own connectors come first, whatever is said of others.
    @Test func ownConnectorsComeFirst() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let far = try bench.connector(at: 1), near = try bench.connector(at: 0)
        for _ in 0..<10 {
            let visitor = bench.visitor(at: 0)
            visitor.write(bench.get())
        }
        bench.run(100)
        #expect(near.streams.count == 10 && far.streams.isEmpty)
    }

    @Test func closingPassesOn() throws {
        let bench = try ClusterBench()
        let connector = try bench.connector(at: 1)
        // The client ends in the middle of an answer without a length: it is complete.
        let visitor = bench.visitor(at: 0)
        visitor.write(bench.get())
        bench.run(50)
        connector.send(connector.streams[0], "HTTP/1.1 200 OK\r\n\r\nhalf")
        connector.finish(connector.streams[0])
        bench.run(50)
        #expect(visitor.text.hasSuffix("half") && visitor.peer.isEnded)
        // Its connector dies in the middle of one with a length: cut.
        let second = bench.visitor(at: 0)
        second.write(bench.get())
        bench.run(50)
        connector.send(connector.streams[1], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        bench.run(50)
        connector.peer.reset()
        bench.run(50)
        #expect(second.text.hasSuffix("half") && second.peer.isReset)
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    /// A visitor that goes before anybody accepted it leaves nothing behind.
    @Test func aVisitorThatGoesAtOnce() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        for microseconds in stride(from: 0, to: 3_000, by: 100) {
            let visitor = bench.visitor(at: 0)
            visitor.write(bench.get())
            bench.world.run(milliseconds: 0)
            let end = Tick(nanoseconds: bench.world.now.nanoseconds + UInt64(microseconds) * 1_000)
            bench.world.run(milliseconds: 4) { bench.world.now >= end }
            visitor.peer.reset()
        }
        bench.run(200)
        #expect(connector.streams.allSatisfy { $0.isFinished || $0.resetReason != nil })
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    // MARK: Relay visitors and TLS

    @Test func aRelayVisitorPasses() throws {
        let bench = try ClusterBench(workers: [2, 2], isDirect: true)
        let connector = try bench.connector(at: 1)
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host), early: "early ")
        bench.run(100)
        let stream = try #require(connector.streams.first)
        visitor.write("late")
        bench.run(50)
        #expect(visitor.status == 0 && stream.text == "early late")
        connector.send(stream, "back")
        bench.run(50)
        #expect(visitor.text == "back")
        visitor.peer.endWriting()
        bench.run(1_000)
        // A stock client would lose the answer: it hears nothing until that was silent for the grace.
        #expect(!stream.isFinished)
        connector.send(stream, " again")
        bench.run(100)
        #expect(visitor.text == "back again")
        bench.run(5_500)
        #expect(stream.isFinished && visitor.peer.isEnded)
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func halfCloseReachesAClientThatKnowsIt() throws {
        let bench = try ClusterBench(isDirect: true)
        let connector = try bench.connector(at: 1, capabilities: [.halfClose, .reset])
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host))
        bench.run(100)
        let stream = try #require(connector.streams.first)
        visitor.write("ask")
        visitor.peer.endWriting()
        bench.run(50)
        #expect(stream.text == "ask" && stream.isHalfClosed && !stream.isFinished)
        connector.send(stream, "answer")
        connector.write(.halfClose, stream)
        bench.run(50)
        #expect(visitor.text == "answer" && visitor.peer.isEnded)
        visitor.peer.close()
        bench.run(100)
        connector.peer.close()
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func aTLSVisitorPasses() throws {
        let bench = try ClusterBench(workers: [2, 1])
        let connector = try bench.connector(at: 1)
        let visitor = bench.visitor(at: 0)
        let hello = Hello.bytes(bench.host)
        visitor.peer.write(hello)
        bench.run(100)
        let stream = try #require(connector.streams.first)
        #expect(stream.received == hello)
        connector.send(stream, "server hello")
        bench.run(50)
        #expect(visitor.text == "server hello")
    }
}
