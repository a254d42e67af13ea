internal import CLiburing
internal import CLinux
package import Operations
internal import Primitives

// How each operation becomes an entry of the ring.

extension RingShell {
    /// Takes the operations of a turn, in order. They reach the kernel when the turn waits, or before when there are
    /// more than the ring has entries.
    @_noLocks
    package mutating func submit(_ queue: inout OperationQueue) {
        for index in 0..<queue.count { prepare(queue[index]) }
        queue.removeAll()
    }

    @_noLocks
    private mutating func prepare(_ operation: Operation) {
        let descriptor = operation.descriptor
        let token = operation.token
        switch operation.kind {
        case .receive, .receiveOnce:
            guard notes(operation) else { return }
            let isMultishot: Int32 = operation.kind == .receive ? 1 : 0
            culvert_prep_receive(
                entry(), descriptor, isMultishot, bundles ? isMultishot : 0, ProvidedRing.group, token.raw)
        case .send:
            guard notes(operation) else { return }
            let bytes = UnsafeRawPointer(bitPattern: operation.address)
            culvert_prep_send(entry(), descriptor, bytes, operation.length, token.raw)
        case .sendVector:
            guard notes(operation) else { return }
            culvert_prep_sendmsg(
                entry(), descriptor, OperationCalls.header(ofVectorAt: operation.address), token.raw)
        case .receiveDatagram:
            prepareReceiveDatagram(operation)
        case .sendDatagram:
            guard notes(operation) else { return }
            culvert_prep_sendmsg(
                entry(), descriptor, OperationCalls.header(ofDatagramAt: operation.address), token.raw)
        case .provideBuffer:
            provided.streams.provide(operation.length)
        case .provideDatagramBuffer:
            provided.datagrams?.provide(operation.length)
        case .close:
            prepareClose(operation)
        case .cancel:
            _ = accepts.take(Token(raw: operation.argument))
            culvert_prep_cancel(entry(), operation.argument, token.raw)
        case .wake:
            prepareWake(of: operation.length)
        case .accept:
            prepareAccept(operation)
        case .openSocket:
            precondition(token.kind == .openSocket)
            culvert_prep_socket(
                entry(), OperationCalls.domain(operation.length), OperationCalls.type(operation.argument), token.raw)
        case .connect:
            prepareConnect(operation)
        case .sendMessage:
            guard notes(operation) else { return }
            let header = OperationCalls.header(ofMessageAt: operation.address, sending: true)
            culvert_prep_sendmsg(entry(), descriptor, header, token.raw)
        case .receiveMessage:
            prepareReceiveMessage(operation)
        case .shutdown:
            shutdownNow(operation)
        case .peerAddress, .randomBytes, .mapFile, .unmapFile, .releaseMemory, .limitUnacknowledged:
            var result: Int32?
            _ = OperationCalls.performAtOnce(operation, result: &result)
            if let result { early.append(token, result) }
        case .forget:
            tokens.forget(descriptor)
        case .woken:
            preconditionFailure("a completion was submitted")
        }
    }

    /// Notes the token on the descriptor; false (and completed) when there can be no such descriptor.
    @_noLocks
    private mutating func notes(_ operation: Operation) -> Bool {
        guard tokens.holds(operation.descriptor) else {
            early.append(operation.token, -EBADF)
            return false
        }
        tokens.note(operation.token, on: operation.descriptor)
        return true
    }

    /// Cancels what waits on the descriptor, then closes it; both run in this order when they are submitted.
    @_noLocks
    private mutating func prepareClose(_ operation: Operation) {
        guard tokens.holds(operation.descriptor) else {
            early.append(operation.token, -EBADF)
            return
        }
        accepts.forget(word: UInt(operation.descriptor) + 1)
        if operation.length == 1 { culvert_reset_on_close(operation.descriptor) }
        let note = tokens.take(operation.descriptor)
        if note.isCrowded {
            culvert_prep_cancel_descriptor(entry(), operation.descriptor, RingShell.ownToken)
        } else {
            for index in 0..<Int(note.count) {
                culvert_prep_cancel_token(entry(), note.tokens[index], RingShell.ownToken)
            }
        }
        culvert_prep_close(entry(), operation.descriptor, operation.token.raw)
    }

    /// A connect to a Unix socket never waits: 0, refused, or -EAGAIN when the listener's queue is full. The ring would
    /// hand the last to a kernel thread.
    @_noLocks
    private mutating func prepareConnect(_ operation: Operation) {
        guard notes(operation) else { return }
        let address = OperationCalls.socketAddress(of: operation.address)
        if address.isUnix {
            early.append(operation.token, culvert_connect(operation.descriptor, address.room, address.count))
        } else {
            culvert_prep_connect(
                entry(), operation.descriptor, address.room, address.count, operation.token.raw)
        }
    }

    @_noLocks
    private mutating func prepareWake(of worker: UInt32) {
        let target = wakes.worker(worker)
        if target == wakeDescriptor {
            early.append(Wakes.token, 0)
        } else {
            culvert_prep_message(entry(), target, Wakes.token.raw, RingShell.ownToken)
        }
    }

    @_noLocks
    private mutating func prepareAccept(_ operation: Operation) {
        precondition(operation.token.kind == .accept)
        guard notes(operation) else { return }
        guard accepts.note(operation.token, UInt(operation.descriptor) + 1) else {
            early.append(operation.token, -ENOMEM)
            return
        }
        culvert_prep_accept(entry(), operation.descriptor, operation.token.raw)
    }

    @_noLocks
    private mutating func prepareReceiveMessage(_ operation: Operation) {
        precondition(operation.token.kind == .receiveMessage)
        guard notes(operation) else { return }
        guard messages.note(operation.token, operation.address) else {
            early.append(operation.token, -ENOMEM)
            return
        }
        let header = OperationCalls.header(ofMessageAt: operation.address, sending: false)
        culvert_prep_recvmsg(entry(), operation.descriptor, header, operation.token.raw)
    }

    @_noLocks
    private mutating func prepareReceiveDatagram(_ operation: Operation) {
        precondition(operation.token.kind == .receiveDatagram)
        guard notes(operation) else { return }
        culvert_prep_datagrams(
            entry(), operation.descriptor, datagramShape, MemoryRooms.datagramNameBytes, ProvidedRing.datagramGroup,
            operation.token.raw)
    }

    /// The ring would hand a shutdown to a kernel thread; the call itself is far cheaper. What was submitted before it
    /// goes first.
    @_noLocks
    private mutating func shutdownNow(_ operation: Operation) {
        while culvert_unsubmitted(ring) > 0 { makeRoom() }
        let direction = OperationCalls.direction(operation.length)
        early.append(operation.token, culvert_shutdown(operation.descriptor, direction))
    }

    /// A free submission entry; when there is none, what is prepared is submitted.
    @_noLocks
    mutating func entry() -> UnsafeMutablePointer<io_uring_sqe> {
        while true {
            if let entry = culvert_entry(ring) { return entry }
            makeRoom()
        }
    }

    /// Submits what is prepared; when the kernel takes nothing before its completions are read, reads them.
    @_noLocks
    private mutating func makeRoom() {
        let before = culvert_unsubmitted(ring)
        enter(wait: 0, timeout: -1)
        if culvert_unsubmitted(ring) == before { drain() }
    }
}
