import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// The table of Links/Worker+VisitRetries.swift: what becomes of a relay visit whose stream ends before an answer.
@Suite struct VisitRetryTests {
    private func visit(_ bench: Bench, early: String = "", isUDP: Bool = false) -> ScriptedRelayVisitor {
        var wish = ScriptedRelayVisitor.Wish(tunnel: Bench.tunnel, host: bench.host)
        wish.isUDP = isUDP
        return ScriptedRelayVisitor(bench.world, bench.node, bench.outside, wish, early: early)
    }

    /// The connector with a visit, and the one without.
    private func sides(_ bench: Bench, _ other: ScriptedConnector) -> (ScriptedConnector, ScriptedConnector) {
        bench.connector.streams.isEmpty ? (other, bench.connector) : (bench.connector, other)
    }

    /// A stock client's FIN: its dial failed. Nobody has read anything, so that two more are tried.
    @Test func aFailedDialIsTriedElsewhere() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = visit(bench)
        bench.run()
        #expect(visitor.status == 0)
        let (first, spare) = sides(bench, other)
        first.finish(first.streams[0])
        bench.run()
        try #require(spare.streams.count == 1)
        #expect(bench.node.count(.requestsRetried) == 1)
        visitor.write("hello")
        bench.run()
        #expect(spare.streams[0].text == "hello")
        spare.send(spare.streams[0], "answer")
        bench.run()
        #expect(visitor.text == "answer")
        // Behind an answer the end is the end.
        spare.finish(spare.streams[0])
        bench.run(100)
        #expect(visitor.isEnded)
        #expect(first.streams.count == 1)
        bench.run(3_000)
        bench.expectQuiet(connectors: 2)
    }

    @Test func threeConnectorsAreTriedAtMost() throws {
        let bench = try Bench()
        let others = [try bench.secondConnector(), try bench.secondConnector(), try bench.secondConnector()]
        let all = [bench.connector] + others
        let visitor = visit(bench)
        bench.run()
        for _ in 0..<8 {
            for connector in all {
                for stream in connector.streams where !stream.isFinished { connector.finish(stream) }
            }
            bench.run()
        }
        #expect(visitor.isEnded)
        #expect(all.reduce(0) { $0 + $1.streams.count } == 3)
        #expect(bench.node.count(.requestsRetried) == 2)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet(connectors: 4)
    }

    /// With bytes inside: a connector that dies has them replayed once, in order, also those that came meanwhile.
    @Test func aDeadConnectorsBytesGoToAnother() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = visit(bench, early: "early ")
        bench.run()
        visitor.write("later ")
        bench.run()
        let (first, spare) = sides(bench, other)
        #expect(first.streams[0].text == "early later ")
        first.peer.reset()
        bench.run()
        visitor.write("last")
        bench.run()
        try #require(spare.streams.count == 1)
        #expect(spare.streams[0].text == "early later last")
        spare.peer.reset()
        bench.run(100)
        #expect(visitor.isEnded)
        #expect(visitor.payload.isEmpty)
        #expect(bench.node.count(.requestsRetried) == 1)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet(connectors: 0)
    }

    /// Somebody read the bytes and hung up: that is an answer.
    @Test func aFinishBehindBytesIsPassedOn() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = visit(bench)
        bench.run()
        visitor.write("upload")
        bench.run()
        let (first, spare) = sides(bench, other)
        first.finish(first.streams[0])
        bench.run(100)
        #expect(visitor.isEnded)
        #expect(spare.streams.isEmpty)
        #expect(bench.node.count(.requestsRetried) == 0)
    }

    /// A service that hangs up on a silent visitor after a while: the visitor hears it.
    @Test func anIdleEndIsPassedOn() throws {
        let bench = try Bench(limits: [.openedTimeoutMilliseconds: 2_000])
        let other = try bench.secondConnector()
        let visitor = visit(bench)
        bench.run(2_500)
        let (first, spare) = sides(bench, other)
        first.finish(first.streams[0])
        bench.run(100)
        #expect(visitor.isEnded)
        #expect(spare.streams.isEmpty)
    }

    /// More than `replayBytesMax`: nothing is kept, and nothing is repeated.
    @Test func muchIsNotKept() throws {
        let bench = try Bench()
        let other = try bench.secondConnector()
        let visitor = visit(bench)
        bench.run()
        visitor.write(String(repeating: "x", count: 20_000))
        bench.run()
        let (first, spare) = sides(bench, other)
        #expect(bench.node.benches[0].worker.replaysHeld == 0)
        first.peer.reset()
        bench.run(100)
        #expect(visitor.isEnded)
        #expect(spare.streams.isEmpty)
    }

    /// Kept bytes are bounded for the worker as a whole, and given back whatever ends a visit.
    @Test func keptBytesAreBounded() throws {
        let bench = try Bench()
        let most = bench.node.benches[0].worker.replaysHeldMax
        let visitors = (0..<most + 10).map { _ in visit(bench, early: "kept") }
        bench.run(200)
        #expect(visitors.allSatisfy { $0.status == 0 })
        #expect(bench.connector.streams.allSatisfy { $0.text == "kept" })
        #expect(bench.node.benches[0].worker.replaysHeld == most)
        for (number, visitor) in visitors.enumerated() where number % 2 == 0 { visitor.peer.reset() }
        for stream in bench.connector.streams.prefix(most / 2) { bench.connector.finish(stream) }
        bench.run(200)
        bench.connector.peer.reset()
        bench.run(8_000)
        #expect(bench.node.benches[0].worker.replaysHeld == 0)
        for (number, visitor) in visitors.enumerated() where number % 2 == 1 { visitor.peer.close() }
        bench.run(3_000)
        bench.expectQuiet(connectors: 0)
    }

    /// The next connector is on another worker: the visitor goes there, with what it sent and with its half-close.
    @Test(arguments: 1...12 as ClosedRange<UInt64>, [false, true])
    func theNextConnectorMayBeOnAnotherWorker(seed: UInt64, endsEarly: Bool) throws {
        let bench = try Bench(workers: 2, seed: seed)
        let other = try bench.secondConnector()
        let visitors = (0..<4).map { visit(bench, early: "from \($0)") }
        bench.run(50)
        if endsEarly { for visitor in visitors { visitor.peer.endWriting() } }
        bench.run(50)
        bench.connector.peer.reset()
        bench.run(100)
        let ended = Set(bench.connector.streams.map(\.text))
        #expect(Set(other.streams.map(\.text)) == Set((0..<4).map { "from \($0)" }))
        #expect(bench.node.count(.requestsRetried) == UInt64(ended.count))
        for stream in other.streams { other.send(stream, "to " + stream.text) }
        bench.run(50)
        #expect(visitors.map(\.text) == (0..<4).map { "to from \($0)" })
        for visitor in visitors { visitor.peer.close() }
        bench.run(12_000)
        #expect(other.streams.allSatisfy { $0.isFinished })
        bench.expectQuiet()
        #expect(other.violations == [])
    }
}
