import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A data plane leaves while others stay: nothing of what is under way is cut, nothing new begins that it cannot finish.
@Suite struct DrainTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// As if the control plane had said it.
    private static func drain(_ node: NodeProcess, _ world: World) {
        node.benches[0].worker.drainAll()
        node.benches[0].turn(world.now)
    }

    private func isOver(_ node: NodeProcess) -> Bool { node.benches[0].worker.isOver }

    @Test(arguments: [1, 3])
    func aClientOfOursServesUntilItSaysThatItGoes(_ workers: Int) throws {
        let bench = try Bench(workers: workers, capabilities: [.goAway])
        let visitor = bench.visitor()
        bench.run()
        Self.drain(bench.node, bench.world)
        bench.run(200)
        #expect(bench.connector.goAways == 1)
        // Nobody has taken over yet: the visitor who is here is served, for the last time.
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(), Self.ok)
        bench.run()
        #expect(visitor.status == 200)
        #expect(visitor.text.contains("Connection: close"))
        visitor.peer.close()
        bench.run(500)
        #expect(!bench.connector.peer.isEnded, "closed before the client had another connection")
        #expect(!isOver(bench.node))
        bench.connector.peer.write(bench.connector.frame(.goAway, 0))
        bench.run(100)
        #expect(bench.connector.peer.isEnded)
        bench.connector.peer.close()
        bench.run(500)
        #expect(isOver(bench.node))
        #expect(bench.connector.violations == [])
        #expect(bench.world.kernel.violations == [])
    }

    @Test func aStockClientIsClosedWhenItsStreamsAreDone() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/long"))
        bench.run()
        Self.drain(bench.node, bench.world)
        bench.run(3_000)
        #expect(bench.connector.goAways == 0)
        #expect(bench.node.benches[0].worker.ledger.streams == 1)
        bench.connector.send(try bench.stream(), Self.ok)
        bench.run(200)
        #expect(visitor.text.hasSuffix("ok"))
        #expect(visitor.isEnded)
        #expect(bench.connector.peer.isEnded)
        visitor.peer.close()
        bench.connector.peer.close()
        bench.run(500)
        #expect(isOver(bench.node))
    }

    @Test func aStockClientWithoutStreamsIsClosedAtOnce() throws {
        let bench = try Bench(workers: 2)
        Self.drain(bench.node, bench.world)
        bench.run(100)
        #expect(bench.connector.peer.isEnded)
        bench.connector.peer.close()
        bench.run(300)
        #expect(isOver(bench.node))
    }

    @Test func anIdleVisitorStaysUntilTheGraceEnds() throws {
        let bench = try Bench(limits: [.drainGraceMilliseconds: 4_000])
        let visitor = bench.visitor()
        bench.run()
        bench.connector.peer.close()
        Self.drain(bench.node, bench.world)
        bench.run(3_900)
        #expect(!visitor.isEnded && !isOver(bench.node))
        bench.run(200)
        #expect(visitor.isEnded && !visitor.peer.isReset)
        visitor.peer.close()
        bench.run(200)
        #expect(isOver(bench.node))
    }

    /// Whoever was in the queue of the listening socket, or accepted and not yet let in, is served.
    @Test func whoCameJustBeforeIsServed() throws {
        for delay in 0..<12 as Range<UInt64> {
            let bench = try Bench(capabilities: [.goAway])
            let visitor = bench.visitor()
            visitor.write(bench.get())
            let client = ScriptedConnector(
                bench.world, bench.node, bench.clientHost, tunnel: Bench.tunnel, capabilities: [.goAway])
            bench.run(delay)
            Self.drain(bench.node, bench.world)
            bench.run(200)
            if visitor.peer.connected == 0 {
                #expect(bench.connector.streams.count + client.streams.count == 1, "after \(delay) ms")
            }
            if client.peer.connected == 0 {
                #expect(client.isBound && client.goAways == 1, "after \(delay) ms")
            }
        }
    }

    @Test func aClientThatDoesNotGoIsWithdrawnAtHalfOfTheGrace() throws {
        let bench = try Bench(limits: [.drainGraceMilliseconds: 4_000], capabilities: [.goAway])
        Self.drain(bench.node, bench.world)
        bench.run(1_900)
        #expect(!bench.connector.peer.isEnded)
        bench.run(200)
        #expect(bench.connector.peer.isEnded)
    }

    /// Requests of other data planes go on until the connector is withdrawn; then they keep nothing here.
    @Test(arguments: [[1, 1], [2, 3]])
    func otherDataPlanesKeepNothingHere(_ workers: [Int]) throws {
        let bench = try ClusterBench(workers: workers)
        let leaving = try bench.connector(at: 0, capabilities: [.goAway])
        let visitor = bench.visitor(at: 1)
        func ask(_ path: String, _ connector: ScriptedConnector, streams: Int) throws {
            visitor.forget()
            visitor.write(bench.get(path))
            bench.run(60)
            try #require(connector.streams.count == streams, "\(path)")
            connector.send(connector.streams[streams - 1], Self.ok)
            bench.run(60)
            #expect(visitor.text == Self.ok, "\(path)")
        }
        try ask("/before", leaving, streams: 1)
        Self.drain(bench.nodes[0], bench.world)
        bench.run(500)
        try ask("/meanwhile", leaving, streams: 1)
        // It has bound here meanwhile.
        let next = try bench.connector(at: 1)
        for control in bench.controls { control.tell(ClusterBench.tunnel) }
        bench.run(100)
        leaving.peer.write(leaving.frame(.goAway, 0))
        bench.run(200)
        #expect(leaving.streams[0].isFinished, "an idle stream is kept over a data plane that leaves")
        #expect(leaving.peer.isEnded)
        leaving.peer.close()
        bench.run(500)
        #expect(isOver(bench.nodes[0]))
        try ask("/after", next, streams: 1)
        #expect(bench.world.kernel.violations == [])
    }

    /// A visitor of the data plane that leaves, whose tunnel is another's by now, is served there.
    @Test func itsVisitorsAreServedThroughOthers() throws {
        let bench = try ClusterBench(workers: [2, 1])
        let leaving = try bench.connector(at: 0, capabilities: [.goAway])
        let visitors = (0..<4).map { _ in bench.visitor(at: 0) }
        bench.run(60)
        Self.drain(bench.nodes[0], bench.world)
        bench.run(100)
        let next = try bench.connector(at: 1)
        for control in bench.controls { control.tell(ClusterBench.tunnel) }
        leaving.peer.write(leaving.frame(.goAway, 0))
        bench.run(200)
        leaving.peer.close()
        for visitor in visitors {
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 1\r\n\r\nx")
        }
        bench.run(100)
        #expect(next.streams.count == 4)
        for stream in next.streams { next.send(stream, Self.ok) }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.status == 200 })
        for visitor in visitors { visitor.peer.close() }
        bench.run(500)
        #expect(isOver(bench.nodes[0]))
    }
}
