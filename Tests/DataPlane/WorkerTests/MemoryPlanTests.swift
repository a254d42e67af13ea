import Model
import Primitives
import Simulator
import Testing
import World

@testable import Worker

/// Memory on paper is the memory that a worker is made of.
@Suite struct MemoryPlanTests {
    private func plan(_ limits: Limits = Limits(), workers: Int) -> MemoryPlan {
        MemoryPlan(limits, workers: workers, bufferCount: WorkerBench.bufferCountStandard, mailboxCells: 32_768)
    }

    private func count(_ plan: MemoryPlan, _ name: String) throws -> Int {
        try #require(plan.perWorker.first { $0.name == name }).count
    }

    /// Row by row, what a worker that was made with the same limits has room for.
    @Test(arguments: [1, 2, 3])
    func theRowsAreWhatAWorkerHas(_ workers: Int) throws {
        let bench = try Bench(workers: workers)
        let plan = plan(workers: workers)
        for node in bench.node.benches {
            #expect(try count(plan, "visitors") == Int(node.worker.visitors.capacity))
            #expect(try count(plan, "links") == Int(node.worker.links.capacity))
            #expect(try count(plan, "addresses of links") == Int(node.worker.addresses.capacity))
            #expect(try count(plan, "sockets") == Int(node.worker.sockets.capacity))
            #expect(try count(plan, "streams") == Int(node.worker.streams.capacity))
            #expect(
                try count(plan, "streams by number") == IndexTable.cells(capacity: node.worker.streamIndex.capacity))
            #expect(try count(plan, "buffers") == node.worker.buffers.capacity)
            #expect(try count(plan, "parcels") == node.worker.parcels.room)
            #expect(
                try count(plan, "links that wait")
                    == node.worker.lostLinks.capacity + node.worker.acceptedLinks.capacity)
            #expect(try count(plan, "mailboxes to others") == (workers - 1) * 32_768)
            #expect(try count(plan, "peer links") == Int(node.worker.peers.links.capacity))
            #expect(try count(plan, "streams to be accepted there") == Int(node.worker.peers.forwards.capacity))
        }
    }

    @Test func layouts() throws {
        let plan = plan(workers: 2)
        let each = Dictionary(uniqueKeysWithValues: plan.perWorker.map { ($0.name, $0.bytesEach) })
        #expect(each["visitors"] == MemoryLayout<Visitor>.stride + 8)
        #expect(each["links"] == MemoryLayout<Link>.stride + 8)
        #expect(each["sockets"] == MemoryLayout<Socket>.stride + 8)
        #expect(each["buffers"] == 16_384 + 4 + 16 * 12)
        #expect(each["deadlines"] == 24)
        #expect(each["mailboxes to others"] == 64)
        #expect(plan.perWorker.allSatisfy { $0.count > 0 && $0.bytesEach > 0 })
        #expect(
            plan.bytes == 2 * plan.perWorker.reduce(0) { $0 + $1.bytes } + plan.perProcess.reduce(0) { $0 + $1.bytes })
    }

    /// Half the visitors, half their tables; what does not depend on them stays.
    @Test func itFollowsTheLimits() throws {
        var limits = Limits()
        limits.set(.visitorsPerWorkerMax, to: 1_000)
        limits.set(.tunnelsMax, to: 500)
        let small = plan(limits, workers: 2)
        #expect(try count(small, "visitors") == 1_000 + Int(Worker.surplusMax))
        #expect(try count(small, "tunnels") == 500)
        #expect(try count(small, "links") == count(plan(workers: 2), "links"))
        #expect(small.bytes < plan(workers: 2).bytes)
    }

    /// A million connections, on paper: eight workers of 65,536 visitors and as many tunnel clients.
    @Test func aMillionConnections() {
        let plan = plan(workers: 8)
        #expect(plan.connections >= 1_048_576)
        #expect(plan.text.contains("Room for 1,049,600 connections"))
        #expect(plan.text.contains("visitors"))
        #expect(plan.text.split(separator: "\n").allSatisfy { $0.utf8.count <= 120 })
    }
}
