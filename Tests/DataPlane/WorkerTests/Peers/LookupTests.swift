import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors whose host or tunnel is not known here: what they are told, how often the control plane is asked, and that
/// nobody is forgotten.
@Suite struct LookupTests {
    /// One node whose control plane knows a cluster.
    private func bench(workers: Int = 1) throws -> ClusterBench { try ClusterBench(workers: [workers]) }

    private func ask(_ bench: ClusterBench, _ host: String) -> ScriptedVisitor {
        let visitor = bench.visitor(at: 0)
        visitor.write("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return visitor
    }

    @Test func thatThereIsNoneIsRemembered() throws {
        let bench = try bench()
        let visitor = ask(bench, "none.example")
        bench.run(50)
        #expect(visitor.status == 502 && visitor.text.contains(Reason.noRoute.label))
        let second = ask(bench, "none.example")
        bench.run(50)
        #expect(second.status == 502 && bench.controls[0].lookups.count == 1)
        // For a while.
        bench.run(2_500)
        _ = ask(bench, "none.example")
        bench.run(50)
        #expect(bench.controls[0].lookups.count == 2)
    }

    /// It stops to hold as soon as the host is given away.
    @Test func aNewRouteEndsIt() throws {
        let bench = try bench()
        let connector = try bench.connector(at: 0)
        let visitor = ask(bench, "new.example")
        bench.run(50)
        #expect(visitor.status == 502)
        bench.controls[0].send([
            .routeDelta(
                generation: 99,
                [
                    RouteChange(
                        ingress: IngressIndex(0), host: InlineText("new.example")!,
                        route: Route(tunnel: ClusterBench.tunnel, isPrivate: false))
                ])
        ])
        bench.run(20)
        let second = ask(bench, "new.example")
        bench.run(50)
        #expect(connector.streams.count == 1 && second.status == nil)
    }

    @Test(arguments: [1, 3])
    func manyThatMissTheSameAskOnce(_ workers: Int) throws {
        let bench = try bench(workers: workers)
        bench.controls[0].answer = .nothing
        let visitors = (0..<20).map { _ in ask(bench, "slow.example") }
        bench.run(100)
        #expect(visitors.allSatisfy { $0.status == nil })
        // Once on each worker.
        #expect(bench.controls[0].lookups.count <= workers)
        for lookup in bench.controls[0].lookups {
            bench.controls[0].send([.lookupAnswer(question: lookup.question, .absent(milliseconds: 1_000))])
        }
        bench.run(50)
        #expect(visitors.allSatisfy { $0.status == 502 })
    }

    @Test func whenNobodyKnows() throws {
        let bench = try bench()
        bench.controls[0].answer = .unknown
        let visitor = ask(bench, "who.example")
        bench.run(50)
        #expect(visitor.status == 503 && visitor.text.contains(Reason.lookupFailed.label))
        // Not remembered.
        visitor.forget()
        visitor.write("GET / HTTP/1.1\r\nHost: who.example\r\n\r\n")
        bench.run(50)
        #expect(bench.controls[0].lookups.count == 2)
    }

    @Test func theControlPlaneGoesMeanwhile() throws {
        let bench = try bench()
        bench.controls[0].answer = .nothing
        let visitor = ask(bench, "who.example")
        bench.run(50)
        bench.controls[0].leave()
        bench.run(50)
        #expect(visitor.status == 503)
        // Without one there is nobody to ask.
        let second = ask(bench, "who.example")
        bench.run(50)
        #expect(second.status == 502)
    }

    /// Those that wait leave in any order, before and with the answer.
    @Test func visitorsThatDoNotWait() throws {
        let bench = try bench(workers: 2)
        bench.controls[0].answer = .nothing
        let visitors = (0..<30).map { _ in ask(bench, "slow.example") }
        bench.run(50)
        for number in [0, 29, 15, 16, 14, 7, 1, 28] { visitors[number].peer.reset() }
        bench.run(20)
        for lookup in bench.controls[0].lookups {
            bench.controls[0].send([.lookupAnswer(question: lookup.question, .unknown)])
        }
        for number in [2, 27] { visitors[number].peer.reset() }
        bench.run(50)
        #expect(visitors.count { $0.status == 503 } == 20)
        for visitor in visitors where !visitor.peer.isReset { visitor.peer.close() }
        bench.run(6_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func aTLSVisitorIsToldInItsOwnWords() throws {
        let bench = try bench()
        let visitor = bench.visitor(at: 0)
        visitor.peer.write(Hello.bytes("none.example"))
        bench.run(50)
        // unrecognized_name
        #expect(visitor.received.last == 112)
        bench.controls[0].answer = .unknown
        let second = bench.visitor(at: 0)
        second.peer.write(Hello.bytes("who.example"))
        bench.run(50)
        // internal_error
        #expect(second.received.last == 80)
    }

    @Test func aRelayVisitorWaitsToo() throws {
        let bench = try ClusterBench(workers: [2, 2])
        let connector = try bench.connector(at: 1)
        let visitor = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: bench.host), early: "early")
        bench.run(100)
        #expect(visitor.status == 0 && connector.streams.first?.text == "early")
        let stranger = ScriptedRelayVisitor(
            bench.world, bench.nodes[0], bench.outside,
            ScriptedRelayVisitor.Wish(tunnel: ClusterBench.tunnel, host: "none.example"))
        bench.run(100)
        #expect(stranger.status == 6 && stranger.isEnded)
    }

    /// After a new connection to the control plane what is known is used at once, and asked for again.
    @Test func whatIsKnownIsUsedAndAskedForAgain() throws {
        let bench = try ClusterBench()
        let connector = try bench.connector(at: 1)
        let first = bench.visitor(at: 0)
        first.write(bench.get())
        bench.run(50)
        #expect(connector.streams.count == 1)
        let asked = bench.controls[0].lookups.count
        bench.controls[0].hangUp()
        bench.run(1_000)
        bench.controls[0].answer = .nothing
        let second = bench.visitor(at: 0)
        second.write(bench.get())
        bench.run(50)
        #expect(connector.streams.count == 2)
        #expect(bench.controls[0].lookups.count == asked + 1)
    }
}
