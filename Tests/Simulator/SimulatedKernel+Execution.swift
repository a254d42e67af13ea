import CLinux
import Operations
import Primitives

/// Operations that reach the kernel.
extension SimulatedKernel {
    /// All that a worker submitted, in order.
    func enter(_ port: SimulatedPort) {
        let operations = port.submissions
        port.submissions = []
        for operation in operations { execute(operation, of: port) }
    }

    private func execute(_ operation: Operation, of port: SimulatedPort) {
        guard !port.isDetached else { return }
        switch operation.kind {
        case .accept, .receive, .receiveOnce, .receiveMessage, .receiveDatagram, .send, .sendVector, .sendMessage,
            .sendDatagram, .connect:
            begin(operation, of: port)
        case .openSocket:
            let isUnix = DialFamily(rawValue: operation.length) == .unix
            precondition(DialFamily(rawValue: operation.length) != nil, "a socket of no family")
            let type = SocketType(rawValue: operation.argument)
            precondition(type != nil, "a socket of no type")
            let socket = makeSocket(on: port.process.host, isUnix: isUnix, isDatagram: type == .datagram)
            complete(operation, of: port, port.process.install(OpenFile(.socket(socket))))
        case .shutdown:
            complete(operation, of: port, shutdown(operation, of: port.process))
        case .close:
            endOperations(on: operation.descriptor, of: port)
            if operation.length == 1, let socket = port.process.file(operation.descriptor)?.socket { reset(socket) }
            complete(operation, of: port, port.process.close(operation.descriptor))
        case .cancel:
            cancel(operation, of: port)
        case .wake:
            let worker = Int(operation.length)
            precondition(worker < port.process.ports.count, "a worker that is not connected was woken")
            schedule(.wake(port.process.ports[worker], Token(.woken, slot: 0, generation: 0)), afterNanoseconds: 1_000)
        case .provideBuffer, .provideDatagramBuffer, .peerAddress, .randomBytes, .mapFile, .unmapFile, .releaseMemory,
            .limitUnacknowledged, .forget, .woken:
            preconditionFailure("not an operation that is submitted")
        }
    }

    /// An operation that may wait on a socket.
    private func begin(_ operation: Operation, of port: SimulatedPort) {
        guard let file = port.process.file(operation.descriptor) else {
            return complete(operation, of: port, -EBADF)
        }
        guard let socket = file.socket else { return complete(operation, of: port, -ENOTSOCK) }
        let pending = PendingOperation(operation, port: port)
        pending.memoryHash = memoryHash(operation)
        port.pending[operation.token.raw, default: []].append((pending, socket))
        switch operation.kind {
        case .accept, .receive, .receiveOnce, .receiveMessage, .receiveDatagram:
            let isReceive = operation.kind == .receive || operation.kind == .receiveOnce
            if isReceive && !port.hasBuffer { return finish(pending, on: socket, -ENOBUFS) }
            if operation.kind == .receiveDatagram && !port.hasDatagramBuffer {
                return finish(pending, on: socket, -ENOBUFS)
            }
            socket.reads.append(pending)
            progressReads(socket)
        case .connect:
            startConnect(pending, socket)
        default:
            socket.writes.append(pending)
            progressWrites(socket)
        }
    }

    private func shutdown(_ operation: Operation, of process: SimulatedProcess) -> Int32 {
        precondition(operation.length == 1 || operation.length == 2)
        guard let file = process.file(operation.descriptor) else { return -EBADF }
        guard let socket = file.socket else { return -ENOTSOCK }
        guard socket.phase == .connected else { return -ENOTCONN }
        endWriting(socket)
        if operation.length == 2 { socket.isReadShut = true }
        progress(socket)
        return 0
    }

    private func cancel(_ operation: Operation, of port: SimulatedPort) {
        guard let target = port.pending[operation.argument]?.first else {
            return complete(operation, of: port, -ENOENT)
        }
        complete(operation, of: port, 0)
        finish(target.operation, on: target.socket, -ECANCELED, wasCancelled: true)
    }

    /// What waits on a descriptor that is being closed ends, as the shells do it.
    private func endOperations(on descriptor: Int32, of port: SimulatedPort) {
        guard let socket = port.process.file(descriptor)?.socket else { return }
        let waiting = (socket.reads + socket.writes).filter {
            $0.port === port && $0.operation.descriptor == descriptor
        }
        for operation in waiting { finish(operation, on: socket, -ECANCELED, wasCancelled: true) }
    }

    // MARK: - Completing

    /// Completes an operation that never waits, now.
    func complete(_ operation: Operation, of port: SimulatedPort, _ result: Int32) {
        let completion = Completion(token: operation.token, result: result)
        schedule(.completed(port, completion, nil), afterNanoseconds: 0)
    }

    /// A completion of an operation that goes on.
    func give(_ pending: PendingOperation, _ result: Int32, buffer: UInt32?) {
        let flags = Completion.flags(buffer: buffer, more: true)
        deliver(pending, Completion(token: pending.operation.token, result: result, flags: flags), delay: delay())
    }

    /// The last completion of an operation, which waits no more.
    func finish(
        _ pending: PendingOperation, on socket: SimulatedSocket, _ result: Int32, buffer: UInt32? = nil,
        wasCancelled: Bool = false
    ) {
        socket.reads.removeAll { $0 === pending }
        socket.writes.removeAll { $0 === pending }
        pending.port.forget(pending)
        let flags = Completion.flags(buffer: buffer, more: false)
        var delay = delay()
        if wasCancelled && happens(faults.lateAfterCancel) {
            delay += 1_000 * UInt64(random.below(max(1, faults.completionDelayMicroseconds)))
        }
        let completion = Completion(token: pending.operation.token, result: result, flags: flags)
        deliver(pending, completion, delay: delay)
    }

    private func delay() -> UInt64 {
        guard happens(faults.delayedCompletion) else { return 0 }
        return 1_000 * UInt64(random.below(max(1, faults.completionDelayMicroseconds)))
    }

    /// Completions of one operation never overtake each other.
    private func deliver(_ pending: PendingOperation, _ completion: Completion, delay: UInt64) {
        let time = max(Tick(nanoseconds: now.nanoseconds + delay), pending.lastCompletion)
        pending.lastCompletion = time
        heap.schedule(.completed(pending.port, completion, pending), at: time)
    }
}
