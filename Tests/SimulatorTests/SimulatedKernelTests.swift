import CLinux
import EventLoop
import Operations
import Primitives
import Simulator
import Testing

@Suite struct SimulatedKernelTests {
    static let address = SimulatedAddress(low: 0xFFFF_0A00_0001, port: 80)

    /// One node with echo workers, and visitors from another host.
    final class World {
        let kernel: SimulatedKernel
        let node: SimulatedProcess
        let outside: SimulatedHost
        private(set) var workers: [EchoWorker] = []

        init(seed: UInt64, faults: Faults, workers count: Int = 1, bug: EchoWorker.Bug = .none) throws {
            kernel = SimulatedKernel(seed: seed, faults: faults)
            node = kernel.makeProcess(on: kernel.makeHost(low: address.low))
            outside = kernel.makeHost(low: 0xFFFF_0A00_0002)
            for index in 0..<count {
                let listener = node.listen(at: address, backlog: 128)
                workers.append(try EchoWorker(kernel, node, worker: index, listener: listener, bug: bug))
            }
        }

        /// Until nothing happens any more. False when the world does not come to rest.
        func run(stepsMax: Int = 400_000) -> Bool {
            for _ in 0..<stepsMax {
                var isBusy = false
                for worker in workers where worker.turn() { isBusy = true }
                if !kernel.step() && !isBusy { return true }
            }
            return false
        }

        func visitors(_ count: Int) -> [SimulatedPeer] {
            (0..<count).map { _ in kernel.connect(from: outside, to: address) }
        }

        /// What must hold at rest when every visitor has left: nothing is kept.
        var leaks: [String] {
            var found = kernel.violations
            for (index, worker) in workers.enumerated() {
                if worker.port.providedCount != Int(worker.geometry.count) {
                    found.append(
                        "worker \(index) keeps \(Int(worker.geometry.count) - worker.port.providedCount) buffers")
                }
                if worker.openCount != 0 { found.append("worker \(index) keeps \(worker.openCount) connections") }
                // The shot that accepts is all that waits.
                if worker.port.pendingCount != 1 { found.append("worker \(index) has operations pending") }
            }
            if node.openCount != workers.count { found.append("\(node.openCount) descriptors are open") }
            return found
        }
    }

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = Random(seed: seed)
        return [UInt8](unsafeUninitializedCapacity: count + 8) { room, filled in
            for start in stride(from: 0, to: count, by: 8) {
                UnsafeMutableRawPointer(room.baseAddress!).storeBytes(
                    of: random.next(), toByteOffset: start, as: UInt64.self)
            }
            filled = count
        }
    }

    /// A run's history and what came of it.
    private static func play(
        seed: UInt64, faults: Faults, bug: EchoWorker.Bug = .none
    ) throws -> (hash: UInt64, problems: [String], world: World) {
        let world = try World(seed: seed, faults: faults, workers: 2, bug: bug)
        let visitors = world.visitors(6)
        let sent = (0..<visitors.count).map { bytes(3_000 * ($0 + 1), seed: seed &+ UInt64($0)) }
        for (index, visitor) in visitors.enumerated() {
            visitor.write(sent[index])
            visitor.endWriting()
        }
        var problems: [String] = []
        if !world.run() { problems.append("no rest") }
        for (index, visitor) in visitors.enumerated() {
            let back = visitor.take()
            let isWhole = back == sent[index] && visitor.isEnded
            let isBroken = visitor.isReset || visitor.connected != 0
            if isBroken {
                if faults.reset == 0 && faults.refusal == 0 { problems.append("visitor \(index) was broken off") }
                if !sent[index].starts(with: back) { problems.append("visitor \(index) got wrong bytes") }
            } else if !isWhole {
                problems.append("visitor \(index) got \(back.count) of \(sent[index].count) bytes")
            }
            visitor.close()
        }
        if !world.run() { problems.append("no rest") }
        return (world.kernel.trace.hash, problems + world.leaks, world)
    }

    @Test(arguments: [Faults.none, .lossless, .all])
    func everyByteComesBack(faults: Faults) throws {
        for seed in UInt64(1)...40 {
            let (_, problems, _) = try Self.play(seed: seed, faults: faults)
            #expect(problems == [], "seed \(seed)")
        }
    }

    @Test func theSameSeedIsTheSameHistory() throws {
        var hashes = Set<UInt64>()
        for seed in UInt64(1)...20 {
            let first = try Self.play(seed: seed, faults: .all)
            let second = try Self.play(seed: seed, faults: .all)
            #expect(first.hash == second.hash, "seed \(seed)")
            #expect(first.world.kernel.trace.events == second.world.kernel.trace.events)
            hashes.insert(first.hash)
        }
        #expect(hashes.count == 20)
    }

    @Test(arguments: [
        EchoWorker.Bug.keepsABuffer, .providesTwice, .changesBytesInFlight, .forgetsToReArm,
    ])
    func plantedBugsAreFound(bug: EchoWorker.Bug) throws {
        let found = try (UInt64(1)...200).first {
            try !Self.play(seed: $0, faults: .lossless, bug: bug).problems.isEmpty
        }
        #expect(found != nil)
    }

    /// Each fault does what it says: with it alone, its mark is seen, and without it, never.
    @Test func faultsAreSeen() throws {
        func world(_ change: (inout Faults) -> Void) throws -> World {
            var faults = Faults.none
            faults.completionDelayMicroseconds = 2_000
            change(&faults)
            return try Self.play(seed: 7, faults: faults).world
        }
        let calm = try world { _ in }
        #expect(calm.workers.allSatisfy { $0.shortSends == 0 && $0.outOfBuffers == 0 && $0.broken == 0 })
        #expect(try world { $0.shortSend = 500 }.workers.contains { $0.shortSends > 0 })
        #expect(try world { $0.noBuffers = 300 }.workers.contains { $0.outOfBuffers > 0 })
        #expect(try world { $0.reset = 300 }.workers.contains { $0.broken > 0 })
        #expect(try world { $0.refusal = 1_000 }.workers.allSatisfy { $0.accepted == 0 })
        for change in [
            { $0.shortReceive = 500 }, { $0.endedShot = 500 }, { $0.delayedCompletion = 500 },
            {
                $0.acceptBurst = 1_000; $0.acceptDelayMicroseconds = 9_000
            },
        ] as [(inout Faults) -> Void] {
            #expect(try world(change).kernel.trace.hash != calm.kernel.trace.hash)
        }
    }
}
