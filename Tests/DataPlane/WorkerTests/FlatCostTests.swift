import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// What a request costs does not grow with the number of workers, nor with that of tunnels: counted in operations of the
/// shell and messages between workers, which is what time goes into.
@Suite struct FlatCostTests {
    private static let workers = [1, 2, 4, 8]
    private static let tunnels = [10, 100, 1_000, 10_000]
    private static let visitors = 24
    private static let requests = 25

    /// What one request costs at the median bench, and how far any bench may be from another.
    private static let tolerance = 0.15

    struct Cost: Equatable {
        var operations: Double
        var messages: Double
    }

    /// A bench with so many tunnels known to every worker; those beside the first have their connectors on a link that
    /// nobody asks for.
    private func bench(workers: Int, tunnels: Int) throws -> Bench {
        let bench = try Bench(workers: workers, limits: [.bodyIdleMilliseconds: 600_000], bufferCount: 256)
        var added = 0
        for node in bench.node.benches {
            for number in 1..<tunnels {
                let entry = ConnectorEntry(
                    connector: ConnectorID(randomHigh: UInt64(number), randomLow: 7), worker: 0, isUDP: false,
                    weight: 0,
                    service: ServiceIndex(0), link: .max - 1, linkGeneration: 0)
                let id = TunnelID(high: 0xCCCC_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(number))
                if node.worker.directory.add(entry, to: id) == .added { added += 1 }
            }
        }
        #expect(added == workers * (tunnels - 1))
        return bench
    }

    private func spent(_ bench: Bench) -> Cost {
        Cost(
            operations: Double(bench.node.benches.reduce(0) { $0 + $1.operations }),
            messages: Double(bench.node.benches.reduce(0) { $0 + $1.messages }))
    }

    /// Answers whatever the connector was asked since the last time.
    private func answer(_ bench: Bench, _ answered: inout [UInt32: Int]) {
        for stream in bench.connector.streams where stream.received.count > answered[stream.id, default: 0] {
            answered[stream.id] = stream.received.count
            bench.connector.send(stream, ExchangeTests.ok)
        }
    }

    /// Per request: connections that stay, a request at a time.
    private func keptAlive(workers: Int, tunnels: Int) throws -> Cost {
        let bench = try bench(workers: workers, tunnels: tunnels)
        let visitors = (0..<FlatCostTests.visitors).map { _ in bench.visitor() }
        bench.run(10)
        var answered: [UInt32: Int] = [:]
        var before = spent(bench)
        for round in 0...FlatCostTests.requests {
            // The first request of a connection finds out which worker it is for.
            if round == 1 { before = spent(bench) }
            for visitor in visitors { visitor.write(bench.get()) }
            bench.run(10)
            answer(bench, &answered)
            bench.run(10)
            #expect(visitors.allSatisfy { $0.text == ExchangeTests.ok })
            for visitor in visitors { visitor.forget() }
        }
        let after = spent(bench)
        let count = Double(FlatCostTests.visitors * FlatCostTests.requests)
        return Cost(
            operations: (after.operations - before.operations) / count,
            messages: (after.messages - before.messages) / count)
    }

    @Test func aRequestOnAConnectionThatStays() throws {
        var costs: [String: Cost] = [:]
        for workers in FlatCostTests.workers {
            for tunnels in FlatCostTests.tunnels {
                costs["\(workers) workers, \(tunnels) tunnels"] = try keptAlive(workers: workers, tunnels: tunnels)
            }
        }
        let sums = costs.values.map { $0.operations + $0.messages }
        let least = try #require(sums.min())
        let most = try #require(sums.max())
        #expect(least > 1 && most < 12)
        #expect(most <= least * (1 + FlatCostTests.tolerance), "\(costs)")
        #expect(costs.values.allSatisfy { $0.messages == 0 })
    }

    /// A request that changes worker: so many messages and operations more, however many workers there are.
    @Test func aRequestThatChangesWorker() throws {
        var costs: [Cost] = []
        for workers in FlatCostTests.workers.dropFirst() {
            for tunnels in FlatCostTests.tunnels {
                let bench = try bench(workers: workers, tunnels: tunnels)
                var answered: [UInt32: Int] = [:]
                var perMove: Cost?
                for _ in 0..<40 where perMove == nil {
                    let visitor = bench.visitor()
                    bench.run(10)
                    let before = (spent(bench), bench.node.count(.visitorsMoved))
                    visitor.write(bench.get())
                    bench.run(10)
                    answer(bench, &answered)
                    bench.run(10)
                    #expect(visitor.text == ExchangeTests.ok)
                    let after = spent(bench)
                    if bench.node.count(.visitorsMoved) > before.1 {
                        perMove = Cost(
                            operations: after.operations - before.0.operations,
                            messages: after.messages - before.0.messages)
                    }
                    visitor.peer.close()
                    bench.run(20)
                }
                costs.append(try #require(perMove))
            }
        }
        // Its bytes and itself there, and both parcels home.
        #expect(costs.allSatisfy { $0.messages == 4 })
        let operations = costs.map(\.operations)
        let least = try #require(operations.min())
        let most = try #require(operations.max())
        #expect(most <= least * (1 + FlatCostTests.tolerance), "\(operations)")
    }
}
