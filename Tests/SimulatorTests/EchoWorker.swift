import CLinux
import EventLoop
import Operations
import Primitives
import Simulator

/// A worker small enough to be believed: sends every byte back from the buffer it came in, in order.
final class EchoWorker {
    /// Bugs that a simulation must find.
    enum Bug { case none, keepsABuffer, providesTwice, changesBytesInFlight, forgetsToReArm }

    private struct Connection {
        var chunks: [(buffer: UInt32, count: Int)] = []
        /// Bytes of the first chunk that went out.
        var sent = 0
        var isSending = false
        var isReceiving = false
        var isEnded = false
    }

    static let strideBytes: UInt32 = 4_096

    let port: SimulatedPort
    let geometry: BufferGeometry
    private let memory: BufferMemory
    private var queue = OperationQueue(capacity: 1_024)
    private var connections: [Int32: Connection] = [:]
    private let bug: Bug
    private var buffersSeen = 0
    /// Buffers that are the worker's, and connections that wait for one.
    private var held = 0
    private var starved: [Int32] = []
    private(set) var accepted = 0
    private(set) var woken = 0
    private(set) var outOfBuffers = 0
    private(set) var shortSends = 0
    private(set) var broken = 0

    init(
        _ kernel: SimulatedKernel, _ process: SimulatedProcess, worker: Int = 0, listener: Int32,
        bufferCount: UInt32 = 16,
        bug: Bug = .none
    ) throws {
        memory = try BufferMemory(byteCount: UInt64(bufferCount * EchoWorker.strideBytes))
        geometry = BufferGeometry(
            base: memory.base, strideBytes: EchoWorker.strideBytes, headroomBytes: 32, payloadBytes: 2_000,
            count: bufferCount)
        port = kernel.attach(worker: worker, of: process, buffers: geometry)
        self.bug = bug
        held = Int(bufferCount)
        for id in 0..<bufferCount { provide(id) }
        emit(.accept, listener)
        port.submit(&queue)
    }

    var openCount: Int { connections.count }

    /// Takes what is there. False when nothing was.
    func turn() -> Bool {
        guard port.hasCompletion else { return false }
        while let completion = port.next() { complete(completion) }
        port.submit(&queue)
        return true
    }

    func wake(worker: UInt32) {
        queue.append(Operation(.wake, token: Token(.wake, slot: 0, generation: 0), descriptor: -1, length: worker))
        port.submit(&queue)
    }

    private func emit(_ kind: OperationKind, _ descriptor: Int32, address: UInt = 0, length: UInt32 = 0) {
        let token = Token(kind, slot: UInt32(bitPattern: descriptor), generation: 1)
        queue.append(Operation(kind, token: token, descriptor: descriptor, address: address, length: length))
    }

    private func provide(_ id: UInt32) {
        emit(.provideBuffer, -1, length: id)
        held -= 1
        feedStarved()
    }

    /// Receives again where buffers had run out, now that there is one.
    private func feedStarved() {
        guard held < Int(geometry.count) else { return }
        for descriptor in starved where connections[descriptor] != nil { receive(on: descriptor) }
        starved = []
    }

    private func complete(_ completion: Completion) {
        let descriptor = Int32(bitPattern: completion.token.slot)
        switch completion.token.kind {
        case .accept:
            guard completion.result >= 0 else { return }
            accepted += 1
            connections[completion.result] = Connection()
            receive(on: completion.result)
        case .receive: received(completion, on: descriptor)
        case .send: sent(completion.result, on: descriptor)
        case .woken: woken += 1
        default: break
        }
    }

    private func receive(on descriptor: Int32) {
        connections[descriptor]?.isReceiving = true
        emit(.receive, descriptor)
    }

    private func received(_ completion: Completion, on descriptor: Int32) {
        if completion.hasBuffer { held += 1 }
        guard connections[descriptor] != nil else {
            if completion.hasBuffer { provide(completion.bufferID) }
            return
        }
        if !completion.isMore { connections[descriptor]?.isReceiving = false }
        if completion.result > 0 {
            buffersSeen += 1
            connections[descriptor]?.chunks.append((completion.bufferID, Int(completion.result)))
            if !completion.isMore && bug != .forgetsToReArm { receive(on: descriptor) }
            send(on: descriptor)
        } else if completion.result == -ENOBUFS {
            outOfBuffers += 1
            starved.append(descriptor)
            feedStarved()
        } else {
            if completion.result < 0 { breakOff(descriptor) }
            connections[descriptor]?.isEnded = true
            finishIfDone(descriptor)
        }
    }

    private func send(on descriptor: Int32) {
        guard let connection = connections[descriptor], !connection.isSending, let chunk = connection.chunks.first
        else { return }
        connections[descriptor]?.isSending = true
        let address = geometry.payloadAddress(of: chunk.buffer) + UInt(connection.sent)
        emit(.send, descriptor, address: address, length: UInt32(chunk.count - connection.sent))
        if bug == .changesBytesInFlight && buffersSeen % 7 == 0 {
            port.submit(&queue)
            UnsafeMutablePointer<UInt8>(bitPattern: address)!.pointee &+= 1
        }
    }

    private func sent(_ result: Int32, on descriptor: Int32) {
        guard let chunk = connections[descriptor]?.chunks.first else { return }
        connections[descriptor]?.isSending = false
        guard result > 0 else {
            breakOff(descriptor)
            return finishIfDone(descriptor)
        }
        connections[descriptor]!.sent += Int(result)
        if connections[descriptor]!.sent == chunk.count {
            connections[descriptor]!.chunks.removeFirst()
            connections[descriptor]!.sent = 0
            giveBack(chunk.buffer)
        } else {
            shortSends += 1
        }
        send(on: descriptor)
        finishIfDone(descriptor)
    }

    private func giveBack(_ buffer: UInt32) {
        if bug == .keepsABuffer && buffersSeen % 7 == 0 { return }
        provide(buffer)
        if bug == .providesTwice && buffersSeen % 7 == 0 { provide(buffer) }
    }

    /// Nothing more goes out; the buffers return, but for the one that is being sent.
    private func breakOff(_ descriptor: Int32) {
        guard let connection = connections[descriptor] else { return }
        broken += 1
        let kept = connection.isSending ? 1 : 0
        for chunk in connection.chunks.dropFirst(kept) { provide(chunk.buffer) }
        connections[descriptor]?.chunks = Array(connection.chunks.prefix(kept))
        connections[descriptor]?.isEnded = true
    }

    private func finishIfDone(_ descriptor: Int32) {
        guard let connection = connections[descriptor], connection.isEnded, connection.chunks.isEmpty else { return }
        connections[descriptor] = nil
        emit(.close, descriptor)
    }
}
