import Model
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// What the worker does when more waits for readers than may: those that take nothing end, nobody else.
@Suite struct SheddingTests {
    static let limits: [Limit: UInt64] = [.stalledBytesMax: 4_194_304, .streamWindowBytesMax: 2_097_152]
    private static let whole = 6_000_000

    /// A visitor that asks and reads nothing; its answer waits.
    private func stalled(_ bench: Bench, _ number: Int, bytes: Int) throws -> ScriptedVisitor {
        let visitor = bench.visitor()
        visitor.peer.pauseReading()
        visitor.write(bench.get("/stalled/\(number)"))
        bench.run(10)
        let stream = try #require(bench.connector.streams.last)
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n")
        bench.connector.send(stream, [UInt8](repeating: 1, count: bytes))
        bench.run(10)
        return visitor
    }

    /// One download that has earned a large window and then reads in sips, more slowly than it comes, so that it holds
    /// most of all; beside it readers that take nothing. These end, the download comes whole.
    @Test func whoeverTakesSomethingStays() throws {
        let bench = try Bench(limits: Self.limits)
        let visitor = bench.visitor()
        visitor.write(bench.get("/download"))
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: \(Self.whole)\r\n\r\n")
        bench.connector.send(stream, [UInt8](repeating: 2, count: Self.whole / 2))
        bench.run(1_000)
        #expect(visitor.received.count > Self.whole / 2)
        #expect(bench.connector.updates.map(\.window).max() == 2_097_152)

        visitor.peer.pauseReading()
        bench.connector.send(stream, [UInt8](repeating: 2, count: Self.whole / 2))
        func sip(_ rounds: Int) {
            for _ in 0..<rounds {
                bench.run(40)
                visitor.peer.resumeReading()
                visitor.peer.pauseReading()
            }
        }
        sip(1)
        let others = try (0..<12).map { number in
            let other = try stalled(bench, number, bytes: 600_000)
            sip(1)
            return other
        }
        sip(20)
        #expect(bench.node.count(.stalled) >= 1)
        for other in others { other.peer.resumeReading() }
        visitor.peer.resumeReading()
        bench.run(5_000)
        #expect(!visitor.peer.isReset)
        #expect(visitor.received.suffix(Self.whole).allSatisfy { $0 == 2 })
        #expect(visitor.received.count > Self.whole)
        #expect(others.filter(\.peer.isReset).count == Int(bench.node.count(.stalled)))
        #expect(bench.connector.violations == [])
    }

    /// While much waits for readers the windows of those that keep up do not grow, and afterwards they do.
    @Test func windowsGrowWhenThereIsMemory() throws {
        let bench = try Bench(limits: Self.limits)
        let others = try (0..<5).map { try stalled(bench, $0, bytes: 600_000) }
        let visitor = bench.visitor()
        visitor.write(bench.get("/download"))
        bench.run()
        let stream = try #require(bench.connector.streams.last)
        bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: \(2 * Self.whole)\r\n\r\n")
        bench.connector.send(stream, [UInt8](repeating: 2, count: Self.whole))
        bench.run(2_000)
        func windows() -> [UInt32] { bench.connector.updates.filter { $0.stream == stream.id }.map(\.window) }
        #expect(visitor.received.count > Self.whole)
        #expect(windows().max() == 262_144)
        for other in others { other.peer.reset() }
        bench.run(100)
        bench.connector.send(stream, [UInt8](repeating: 2, count: Self.whole))
        bench.run(2_000)
        #expect(visitor.received.count > 2 * Self.whole)
        #expect((windows().max() ?? 0) > 1_000_000)
        #expect(bench.node.count(.stalled) == 0)
    }

    /// Nobody is stalled, and yet there is too much: one at a time ends, so that what is given back may suffice.
    @Test func wherePatienceWouldCostTooMuchTheWorstEnds() throws {
        let bench = try Bench(limits: Self.limits)
        let visitors = try (0..<30).map { try stalled(bench, $0, bytes: 600_000) }
        // All within less than the patience: 20 ms each.
        #expect(bench.node.count(.stalled) >= 1)
        let ledger = bench.node.benches[0].worker.ledger
        let held = (ledger.buffersInUse - ledger.buffersWithShell) * BufferStore.stride
        #expect(held <= 4_194_304 * 5 / 4)
        for visitor in visitors { visitor.peer.resumeReading() }
        bench.run(2_000)
        #expect(visitors.filter(\.peer.isReset).count == Int(bench.node.count(.stalled)))
    }

    /// A client's services say more, all together, than it has memory for, to visitors that do not read: the services
    /// wait, nobody is cut off, and a visitor that reads is answered.
    @Test func servicesThatSayTooMuchWait() throws {
        let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001)])])
        let (server, target) = (client.server(), client.target(3_001))
        server.capabilities = [.reset]
        let session = try client.session(of: server)
        // The server grants no stream more than its first window.
        let streams = (0..<25).map { number in
            let stream = session.open(host: "x")
            session.send(stream, "visit \(number)")
            return stream
        }
        client.run(200)
        try #require(target.connections.count == streams.count)
        for connection in target.connections { connection.write([UInt8](repeating: 1, count: 1_000_000)) }
        client.run(2_000)
        #expect(session.resets.isEmpty && session.finished.isEmpty)
        #expect(streams.allSatisfy { session.received[$0]?.count == 262_144 })
        let ledger = client.bench.worker.ledger
        #expect(ledger.buffersInUse - ledger.buffersWithShell < WorkerBench.bufferCountStandard * 3 / 4)
        let other = session.open(host: "x")
        session.send(other, "another visit")
        client.run(100)
        target.connections.last?.write(Array("answer".utf8))
        client.run(100)
        #expect(session.text(other) == "answer")
    }
}
