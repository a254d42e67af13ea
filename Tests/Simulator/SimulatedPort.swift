package import EventLoop
package import Operations
import Primitives

/// One worker's side of the simulated kernel: what a `Shell` is for the real one.
package final class SimulatedPort {
    /// Buffers are filled with this when they are provided: whoever still reads them, reads garbage.
    static let poison: UInt8 = 0xDB

    package let id: UInt64
    package let process: SimulatedProcess
    let kernel: SimulatedKernel
    package let buffers: BufferGeometry
    package let datagramBuffers: BufferGeometry?
    /// Ids the kernel may fill, first in, first out like its ring.
    private var provided: [UInt32] = []
    private var isProvided: [Bool]
    private var providedDatagrams: [UInt32] = []
    private var early: [Completion] = []
    private var completions: [Completion] = []
    private var firstCompletion = 0
    var submissions: [Operation] = []
    /// Operations that wait, by token.
    var pending: [UInt64: [(operation: PendingOperation, socket: SimulatedSocket)]] = [:]
    /// Its process is gone: nothing reaches it any more.
    package internal(set) var isDetached = false

    init(
        id: UInt64, kernel: SimulatedKernel, process: SimulatedProcess, buffers: BufferGeometry,
        datagramBuffers: BufferGeometry?
    ) {
        self.id = id
        self.kernel = kernel
        self.process = process
        self.buffers = buffers
        self.datagramBuffers = datagramBuffers
        isProvided = [Bool](repeating: false, count: Int(buffers.count))
    }

    // MARK: - The worker's side

    /// Takes the operations of a turn. They reach the kernel with the next steps, in order.
    package func submit(_ queue: inout OperationQueue) {
        guard !isDetached else { return queue.removeAll() }
        let isFirst = submissions.isEmpty
        for index in 0..<queue.count where !kernel.performAtOnce(queue[index], of: self) {
            submissions.append(queue[index])
        }
        queue.removeAll()
        if isFirst && !submissions.isEmpty { kernel.schedule(.entered(self), afterNanoseconds: 1_000) }
    }

    /// The next completion that is there.
    package func next() -> Completion? {
        if !early.isEmpty { return early.removeFirst() }
        guard firstCompletion < completions.count else { return nil }
        let completion = completions[firstCompletion]
        firstCompletion += 1
        if firstCompletion == completions.count {
            completions.removeAll(keepingCapacity: true)
            firstCompletion = 0
        }
        return completion
    }

    package var hasCompletion: Bool { !early.isEmpty || firstCompletion < completions.count }

    /// As an `ExternalWake` of the same slot does.
    package func signal(slot: UInt32) {
        precondition(slot > 0, "slot 0 is the wake between workers")
        kernel.schedule(.wake(self, Token(.woken, slot: slot, generation: 0)), afterNanoseconds: 1_000)
    }

    /// Buffers the kernel has now.
    package var providedCount: Int { provided.count }
    package var providedDatagramCount: Int { providedDatagrams.count }
    /// Operations that are not completed.
    package var pendingCount: Int { submissions.count + pending.values.reduce(0) { $0 + $1.count } }

    // MARK: - The kernel's side

    func provide(_ id: UInt32) {
        guard id < buffers.count, !isProvided[Int(id)] else {
            return kernel.violate("buffer \(id) was provided twice, or is none", self)
        }
        isProvided[Int(id)] = true
        provided.append(id)
        let room = UnsafeMutableRawPointer(bitPattern: buffers.payloadAddress(of: id))
        room?.initializeMemory(as: UInt8.self, repeating: SimulatedPort.poison, count: Int(buffers.payloadBytes))
    }

    func provideDatagram(_ id: UInt32) {
        guard let geometry = datagramBuffers, id < geometry.count, !providedDatagrams.contains(id) else {
            return kernel.violate("datagram buffer \(id) was provided twice, or is none", self)
        }
        providedDatagrams.append(id)
        let room = UnsafeMutableRawPointer(bitPattern: geometry.payloadAddress(of: id))
        room?.initializeMemory(as: UInt8.self, repeating: SimulatedPort.poison, count: Int(geometry.payloadBytes))
    }

    var hasDatagramBuffer: Bool { !providedDatagrams.isEmpty }

    func takeDatagramBuffer() -> (id: UInt32, room: UnsafeMutableRawPointer) {
        let id = providedDatagrams.removeFirst()
        return (id, UnsafeMutableRawPointer(bitPattern: datagramBuffers!.payloadAddress(of: id))!)
    }

    /// Where the bytes of a completion with a buffer lie.
    func bytes(_ completion: Completion) -> UnsafeRawBufferPointer {
        let isDatagram = completion.token.kind == .receiveDatagram
        let start =
            isDatagram
            ? datagramBuffers!.payloadAddress(of: completion.bufferID) + UInt(DatagramBuffer.headBytes)
            : buffers.payloadAddress(of: completion.bufferID)
        return UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: start), count: Int(completion.result))
    }

    var hasBuffer: Bool { !provided.isEmpty }

    func takeBuffer() -> (id: UInt32, room: UnsafeMutableRawPointer) {
        let id = provided.removeFirst()
        isProvided[Int(id)] = false
        return (id, UnsafeMutableRawPointer(bitPattern: buffers.payloadAddress(of: id))!)
    }

    /// A completion that comes before those of the kernel.
    func completeAtOnce(_ completion: Completion) {
        early.append(completion)
        kernel.note(completion, self)
    }

    func deliver(_ completion: Completion, of pending: PendingOperation?) {
        guard !isDetached else { return }
        if let pending { kernel.check(pending, self) }
        completions.append(completion)
        kernel.note(completion, self)
    }

    func wake(_ token: Token) { deliver(Completion(token: token, result: 0), of: nil) }

    /// Forgets that an operation waits.
    func forget(_ operation: PendingOperation) {
        let token = operation.operation.token.raw
        pending[token]?.removeAll { $0.operation === operation }
        if pending[token]?.isEmpty == true { pending[token] = nil }
    }
}
