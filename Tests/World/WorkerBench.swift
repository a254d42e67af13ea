import EventLoop
package import Observe
package import Operations
package import Primitives
package import Simulator
package import Worker

/// One real worker on a port of the simulated kernel, with its memory: what a thread of the data plane is.
package final class WorkerBench {
    package static let bufferCountStandard = 512

    package let port: SimulatedPort
    package let counters: CounterPage
    package var worker: Worker
    /// Called in every turn between the last completion and `end()`: where a test plants its bugs.
    package var beforeEnd: ((inout Worker) -> Void)?
    /// Called before every completion: the same.
    package var beforeCompletion: ((inout Worker, Completion) -> Void)?
    /// Its thread does not run, as when the kernel stopped it: nothing is lost, everything waits.
    package var isFrozen = false
    /// What the worker had to tell the log, in order.
    package private(set) var refusals: [Refusal] = []
    /// Turns so far, and operations that they asked the shell for.
    package private(set) var turns = 0
    package private(set) var operations = 0
    /// Messages to other workers so far.
    package var messages: Int { outboxes.reduce(0) { $0 + $1.putCount } }

    private let outboxes: [Mailbox]
    private let memory: BufferMemory
    private let datagramMemory: BufferMemory?
    private let page: UnsafeMutableRawBufferPointer

    /// A worker of `process`; workers of one process are made in their order. `configure` completes its setup.
    package init(
        _ kernel: SimulatedKernel, _ process: SimulatedProcess, index: Int = 0, seed: UInt64,
        bufferCount: Int = bufferCountStandard, datagramCount: Int = 0, configure: (inout WorkerSetup) -> Void
    ) throws {
        memory = try BufferMemory(byteCount: UInt64(bufferCount * BufferStore.stride))
        page = UnsafeMutableRawBufferPointer.allocate(byteCount: CounterFile.bytes(workers: 1), alignment: 64)
        page.initializeMemory(as: UInt8.self, repeating: 0)
        counters = CounterFile.format(page, workers: 1)[0]
        var datagrams: BufferGeometry?
        if datagramCount > 0 {
            let room = try BufferMemory(byteCount: UInt64(datagramCount * DatagramBuffer.strideBytes))
            datagrams = .datagrams(base: room.base, count: UInt32(datagramCount))
            datagramMemory = consume room
        } else {
            datagramMemory = nil
        }
        port = kernel.attach(
            worker: index, of: process,
            buffers: BufferGeometry(
                base: memory.base, strideBytes: UInt32(BufferStore.stride),
                headroomBytes: UInt32(BufferStore.headroom), payloadBytes: UInt32(BufferStore.payload),
                count: UInt32(bufferCount)),
            datagramBuffers: datagrams)
        var setup = WorkerSetup(
            now: kernel.now, seed: seed, counters: counters,
            bufferBase: UnsafeMutableRawPointer(bitPattern: memory.base)!, bufferCount: bufferCount)
        setup.index = index
        setup.datagramBase = datagrams.flatMap { UnsafeMutableRawPointer(bitPattern: $0.base) }
        setup.datagramBufferCount = datagramCount
        setup.buffersWithShellMax = 32
        configure(&setup)
        outboxes = setup.outboxes.compactMap { $0 }
        worker = Worker(setup)
        port.submit(&worker.operations)
    }

    deinit { page.deallocate() }

    /// Whether something waits for a turn.
    package func isDue(_ now: Tick) -> Bool {
        !isFrozen && !port.isDetached && (port.hasCompletion || turns == 0 || deadline <= now)
    }

    /// When the worker wants its next turn, as it said at the end of the last one.
    package private(set) var deadline = Tick.never

    /// One turn, as the loop of a real thread makes it.
    package func turn(_ now: Tick) {
        turns += 1
        worker.begin(now)
        while worker.hasRoom, let completion = port.next() {
            beforeCompletion?(&worker, completion)
            worker.complete(completion)
        }
        beforeEnd?(&worker)
        worker.end()
        while let refusal = worker.takeRefusal() { refusals.append(refusal) }
        operations += worker.operations.count
        port.submit(&worker.operations)
        deadline = worker.nextDeadline
    }
}
