internal import CLinux
package import Operations
internal import Primitives

// How each operation is performed, or kept until its descriptor is ready.

extension PollShell {
    /// Takes the operations of a turn, in order, and performs what is possible at once.
    @_noLocks
    package mutating func submit(_ queue: inout OperationQueue) {
        for index in 0..<queue.count { start(queue[index]) }
        queue.removeAll()
    }

    @_noLocks
    private mutating func start(_ operation: Operation) {
        let token = operation.token
        switch operation.kind {
        case .receive, .receiveOnce, .receiveMessage, .receiveDatagram, .accept:
            startReading(operation)
        case .send, .sendVector, .sendMessage, .sendDatagram, .connect:
            startWriting(operation)
        case .provideBuffer:
            buffers.provide(operation.length)
        case .provideDatagramBuffer:
            datagrams.provide(operation.length)
        case .close:
            close(operation)
        case .cancel:
            cancel(operation)
        case .wake:
            let result = culvert_wake(wakes.worker(operation.length))
            precondition(result > 0 || result == -EAGAIN, "a worker's wake is gone")
        case .openSocket:
            let result = culvert_socket(
                OperationCalls.domain(operation.length), OperationCalls.type(operation.argument))
            if result >= 0 {
                descriptors.renew(result)
                culvert_tune_socket(result)
            }
            completions.append(token, result)
        case .shutdown:
            let direction = OperationCalls.direction(operation.length)
            completions.append(token, culvert_shutdown(operation.descriptor, direction))
        case .peerAddress, .randomBytes, .mapFile, .unmapFile, .releaseMemory, .limitUnacknowledged:
            var result: Int32?
            _ = OperationCalls.performAtOnce(operation, result: &result)
            if let result { completions.append(token, result) }
        case .forget:
            forget(operation.descriptor)
        case .woken:
            preconditionFailure("a completion was submitted")
        }
    }

    /// The number goes to another worker's loop, or comes from one: nothing that was learnt here holds.
    @_noLocks
    private mutating func forget(_ descriptor: Int32) {
        guard descriptors.holds(descriptor) else { return }
        unregister(descriptor)
        descriptors.renew(descriptor)
    }

    /// False, and completed, when there can be no such descriptor or nothing more may wait.
    @_noLocks
    private mutating func isAcceptable(_ operation: Operation) -> Bool {
        if !descriptors.holds(operation.descriptor) {
            completions.append(operation.token, -EBADF)
            return false
        }
        if pending.isFull {
            completions.append(operation.token, -ENOMEM)
            return false
        }
        return true
    }

    @_noLocks
    private mutating func startReading(_ operation: Operation) {
        guard isAcceptable(operation) else { return }
        let descriptor = operation.descriptor
        let record = descriptors.record(descriptor)
        let wasIdle = record.pointee.isIdle
        if operation.kind == .accept {
            // A listener may come from another process, which need not have made it non-blocking.
            let result = culvert_set_nonblocking(descriptor)
            guard result == 0 else { return completions.append(operation.token, result) }
        }
        let isFirst = record.pointee.reads.isEmpty
        pending.append(operation, to: &record.pointee.reads)
        if isFirst {
            record.pointee.mayRead = true
            performReads(descriptor)
        }
        settle(descriptor, wasIdle: wasIdle)
    }

    @_noLocks
    private mutating func startWriting(_ operation: Operation) {
        guard isAcceptable(operation) else { return }
        let descriptor = operation.descriptor
        let record = descriptors.record(descriptor)
        if record.pointee.writes.isEmpty {
            // Most writes go out at once: they are never filed.
            switch attemptWrite(operation) {
            case .more(let completion), .done(let completion): return completions.append(completion)
            case .blocked: record.pointee.mayWrite = false
            }
        }
        let wasIdle = record.pointee.isIdle
        pending.append(operation, to: &record.pointee.writes)
        settle(descriptor, wasIdle: wasIdle)
    }

    /// After a try: what waits is registered, what may go on is listed.
    @_noLocks
    private mutating func settle(_ descriptor: Int32, wasIdle: Bool) {
        let record = descriptors.record(descriptor)
        if record.pointee.isIdle { return }
        let registered = register(descriptor, wasIdle: wasIdle)
        guard registered == 0 else {
            end(descriptor, with: registered)
            return
        }
        if record.pointee.hasWork { descriptors.list(descriptor) }
    }

    /// Completes everything that waits on the descriptor.
    @_noLocks
    private mutating func end(_ descriptor: Int32, with result: Int32) {
        let record = descriptors.record(descriptor)
        while !record.pointee.reads.isEmpty {
            completions.append(pending.operation(at: record.pointee.reads.first).token, result)
            pending.removeFirst(of: &record.pointee.reads)
        }
        while !record.pointee.writes.isEmpty {
            completions.append(pending.operation(at: record.pointee.writes.first).token, result)
            pending.removeFirst(of: &record.pointee.writes)
        }
    }

    @_noLocks
    private mutating func close(_ operation: Operation) {
        let descriptor = operation.descriptor
        guard descriptors.holds(descriptor) else { return completions.append(operation.token, -EBADF) }
        end(descriptor, with: -ECANCELED)
        unregister(descriptor)
        descriptors.renew(descriptor)
        if operation.length == 1 { culvert_reset_on_close(descriptor) }
        completions.append(operation.token, culvert_close(descriptor))
    }

    @_noLocks
    private mutating func cancel(_ operation: Operation) {
        let target = Token(raw: operation.argument)
        let place = pending.find(target)
        guard place != 0 else { return completions.append(operation.token, -ENOENT) }
        let waiting = pending.operation(at: place)
        let record = descriptors.record(waiting.descriptor)
        switch waiting.kind {
        case .receive, .receiveOnce, .receiveMessage, .receiveDatagram, .accept:
            pending.remove(place, from: &record.pointee.reads)
        default:
            pending.remove(place, from: &record.pointee.writes)
        }
        completions.append(target, -ECANCELED)
        completions.append(operation.token, 0)
    }
}
