import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors that have to wait for a way to the worker that holds their connector: more of them move at once than there are
/// parcels.
@Suite struct AwaitedWayTests {
    /// The worker whose connector visitors are for, and the other one.
    private func workers(_ bench: Bench) throws -> (owner: Int, other: Int) {
        let owner = try #require(bench.node.benches.firstIndex { $0.worker.ledger.links == 1 })
        return (owner, 1 - owner)
    }

    /// Takes the parcels that visitors may have; binds and routes keep theirs.
    private func takeParcels(_ worker: WorkerBench) -> [UInt32] {
        var taken: [UInt32] = []
        while worker.worker.parcels.room > ParcelPool.reserved {
            guard let parcel = worker.worker.parcels.pack([0 as UInt8], count: 1) else { break }
            taken.append(parcel.buffer)
        }
        return taken
    }

    private func waiting(_ worker: WorkerBench) -> Int {
        var count = 0
        for slot in 0..<worker.worker.sockets.end
        where worker.worker.sockets.isLive(slot) && worker.worker.sockets[slot].pointee.awaitedWorker != .max {
            count += 1
        }
        return count
    }

    /// More visitors than parcels are left, while the worker they have to go to does not run: all wait, none is refused, and
    /// those that leave meanwhile are gone.
    @Test func aBurstOfMovesWaits() throws {
        let bench = try Bench(workers: 2, limits: [.moveTimeoutMilliseconds: 10_000])
        let (owner, other) = try workers(bench)
        let node = bench.node.benches[other]
        let taken = takeParcels(node)
        for parcel in taken.prefix(40) { node.worker.parcels.give(parcel) }
        let visitors = (0..<300).map { _ in bench.visitor() }
        bench.run(20)
        bench.node.benches[owner].isFrozen = true
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(200)
        let waiting = waiting(node)
        #expect(waiting > 50)
        #expect(visitors.allSatisfy { $0.received.isEmpty && !$0.isEnded })
        // Their requests share buffers while they wait.
        #expect(node.worker.ledger.buffersInUse - node.worker.ledger.buffersWithShell < waiting / 2)
        bench.node.benches[owner].isFrozen = false
        bench.run(500)
        #expect(self.waiting(node) == 0)
        #expect(bench.node.count(.workerBusy) == 0)
        #expect(bench.connector.streams.count == visitors.count)
        for stream in bench.connector.streams { bench.connector.send(stream, ExchangeTests.ok) }
        bench.run(200)
        #expect(visitors.allSatisfy { $0.text == ExchangeTests.ok })
        for visitor in visitors { visitor.peer.close() }
        bench.run(200)
        bench.expectQuiet()
    }

    /// Those that came first go first, each with its own bytes; whoever wants to go later stands behind them.
    @Test func inTheOrderOfTheirComing() throws {
        let bench = try Bench(workers: 2)
        let (_, other) = try workers(bench)
        let node = bench.node.benches[other]
        let taken = takeParcels(node)
        var visitors: [ScriptedVisitor] = []
        var number = 0
        while waiting(node) < 6 {
            let visitor = bench.visitor()
            visitor.write(bench.get("/\(number)"))
            bench.run(30)
            visitors.append(visitor)
            number += 1
        }
        let arrived = bench.connector.streams.count
        #expect(arrived + 6 == visitors.count)
        #expect(visitors.allSatisfy { $0.received.isEmpty && !$0.isEnded })
        // One way at a time.
        for parcel in taken.prefix(6) {
            node.worker.parcels.give(parcel)
            node.turn(bench.world.now)
            _ = node.worker.parcels.pack([0 as UInt8], count: 1)
            bench.run(30)
        }
        bench.run(30)
        #expect(waiting(node) == 0)
        let paths = bench.connector.streams.dropFirst(arrived).map {
            Int($0.text.dropFirst(5).prefix { $0 != " " }) ?? -1
        }
        #expect(paths.count == 6)
        #expect(paths == paths.sorted())
    }

    /// No parcel comes home: the wait ends with a reason, in the visitor's language.
    @Test func theWaitEnds() throws {
        let bench = try Bench(workers: 2, limits: [.moveTimeoutMilliseconds: 300])
        let (_, other) = try workers(bench)
        let node = bench.node.benches[other]
        let taken = takeParcels(node)
        var visitors: [ScriptedVisitor] = []
        var relays: [ScriptedRelayVisitor] = []
        var secure: [ScriptedVisitor] = []
        for _ in 0..<8 {
            let visitor = bench.visitor()
            visitor.write(bench.get())
            visitors.append(visitor)
            relays.append(
                ScriptedRelayVisitor(
                    bench.world, bench.node, bench.outside, .init(tunnel: Bench.tunnel, host: bench.host)))
            let hello = bench.visitor()
            hello.peer.write(Hello.bytes(bench.host))
            secure.append(hello)
        }
        bench.run(100)
        #expect(waiting(node) > 3)
        #expect(visitors.allSatisfy { $0.received.isEmpty } && relays.allSatisfy { $0.status != 5 })
        bench.run(600)
        let refused = visitors.filter { $0.status == 503 }
        #expect(refused.allSatisfy { $0.isEnded && $0.text.contains(Reason.workerBusy.label) })
        let told = relays.filter { $0.status == RelayStatus.serviceUnavailable.rawValue }
        let alerted = secure.filter { $0.received.first == 0x15 }
        let count = refused.count + told.count + alerted.count
        #expect(count > 3 && bench.node.count(.workerBusy) == UInt64(count))
        #expect(bench.node.refusals(.workerBusy).isEmpty == false)
        #expect(waiting(node) == 0 && node.worker.awaitedWays == 0)
        for parcel in taken { node.worker.parcels.give(parcel) }
        bench.world.closeEverything()
        bench.run(5_000)
        #expect(node.worker.ledger.sockets == 0 && node.worker.ledger.nodes == 0)
    }

    /// A visitor that does not read what it was answered, and asks for a host of another worker behind it.
    @Test func aMoverThatNeverReads() throws {
        let bench = try Bench(workers: 2, limits: [.keepAliveIdleMilliseconds: 1_000])
        let (owner, other) = try workers(bench)
        let tunnel = TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0001)
        let host = "\(Endpoint.label(of: tunnel).string).localhost"
        var second = ScriptedConnector(bench.world, bench.node, bench.clientHost, tunnel: tunnel)
        bench.run(50)
        while bench.node.benches[other].worker.ledger.links == 0 {
            second.peer.reset()
            second = ScriptedConnector(bench.world, bench.node, bench.clientHost, tunnel: tunnel)
            bench.run(50)
        }
        let visitor = bench.visitor()
        // Two answers: more than the kernel takes, and less than stops requests from being read.
        for count in [250_000, 250_000] {
            visitor.write(bench.get())
            bench.run(20)
            visitor.peer.pauseReading()
            bench.connector.send(try bench.stream(), "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
            bench.connector.send(try bench.stream(), [UInt8](repeating: 1, count: count))
            bench.run(50)
        }
        visitor.write("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        bench.run(500)
        #expect(bench.node.benches.contains { $0.hasMover })
        #expect(second.streams.isEmpty && !visitor.isEnded)
        bench.run(1_500)
        #expect(
            bench.node.benches[owner].worker.ledger.visitors + bench.node.benches[other].worker.ledger.visitors == 0)
        #expect(bench.node.count(.keepAliveIdle) == 1)
        bench.run(8_000)
        bench.expectQuiet(connectors: 2)
    }
}

extension WorkerBench {
    /// Whether a visitor is on its way from here.
    fileprivate var hasMover: Bool {
        for slot in 0..<worker.visitors.end
        where worker.visitors.isLive(slot) && worker.visitors[slot].pointee.phase == .moving {
            return true
        }
        return false
    }
}
