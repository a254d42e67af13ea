import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Sending and closing. Bytes wait in the socket's queue; once per turn every socket with bytes and no send in flight gets
// one send, gathered over as many slices as fit.

extension Worker {
    /// A slot for a connection, or nil when all are taken.
    @_noLocks
    mutating func openSocket(_ descriptor: Int32, _ role: SocketRole, owner: UInt32) -> UInt32? {
        guard let slot = sockets.take(Socket(descriptor: descriptor, role: role, owner: owner)) else { return nil }
        descriptorsHeld += 1
        return slot
    }

    /// Lists the socket to be flushed at the end of the turn.
    @_noLocks
    mutating func queueFlush(_ slot: UInt32) {
        let socket = sockets[slot]
        guard !socket.pointee.isInFlushList else { return }
        socket.pointee.isInFlushList = true
        socket.pointee.nextToFlush = firstToFlush
        firstToFlush = slot
    }

    /// Sends what this turn produced.
    @_noLocks
    mutating func flushSockets() {
        while firstToFlush != .max {
            let slot = firstToFlush
            let socket = sockets[slot]
            firstToFlush = socket.pointee.nextToFlush
            socket.pointee.isInFlushList = false
            socket.pointee.nextToFlush = .max
            flush(slot)
        }
    }

    @_noLocks
    private mutating func flush(_ slot: UInt32) {
        let socket = sockets[slot]
        guard !socket.pointee.isSending, !socket.pointee.isClosing else { return }
        if socket.pointee.isDatagram { return sendDatagrams(slot) }
        if socket.pointee.role == .link { fillLink(socket.pointee.owner) }
        if socket.pointee.out.isEmpty {
            sentEverything(slot)
        } else {
            submitSend(slot)
        }
    }

    @_noLocks
    private mutating func submitSend(_ slot: UInt32) {
        let socket = sockets[slot]
        let token = Token(.send, slot: slot, generation: sockets.generation(of: slot))
        socket.pointee.isSending = true
        socket.pointee.inFlight += 1
        if socket.pointee.out.count > 1, let index = vectors.take() {
            let vector = vectors[index]
            var cursor = socket.pointee.out.head
            var count = 0
            var bytes: UInt32 = 0
            while count < SendVector.capacity, let slice = buffers.next(&cursor) {
                vector.pointee.ranges[count] = SendRange(
                    address: UInt(bitPattern: buffers.pointer(slice)), count: UInt(slice.count))
                bytes += slice.count
                count += 1
            }
            vector.pointee.count = UInt32(count)
            vector.pointee.bytes = bytes
            socket.pointee.vector = index
            operations.append(
                Operation(
                    .sendVector, token: token, descriptor: socket.pointee.descriptor,
                    address: UInt(bitPattern: vector)))
        } else {
            let slice = buffers.first(socket.pointee.out).unsafelyUnwrapped
            operations.append(
                Operation(
                    .send, token: token, descriptor: socket.pointee.descriptor,
                    address: UInt(bitPattern: buffers.pointer(slice)), length: slice.count))
        }
    }

    @_noLocks
    mutating func completeSend(_ completion: Completion) {
        let slot = completion.token.slot
        precondition(sockets.isCurrent(slot, completion.token.generation), "a send outlived its socket")
        let socket = sockets[slot]
        socket.pointee.isSending = false
        socket.pointee.inFlight -= 1
        if socket.pointee.vector != .max {
            vectors.give(socket.pointee.vector)
            socket.pointee.vector = .max
        }
        if socket.pointee.isClosing { return finishClosing(slot) }
        if completion.result >= 0 {
            buffers.dropFirst(&socket.pointee.out, Int(completion.result))
            sent(slot, Int(completion.result))
            guard sockets.isCurrent(slot, completion.token.generation), !socket.pointee.isClosing else { return }
            queueFlush(slot)
        } else if completion.result == -SystemError.again || completion.result == -SystemError.interrupted {
            queueFlush(slot)
        } else {
            socketFailed(slot, .peerClosed)
            guard sockets.isCurrent(slot, completion.token.generation) else { return }
            settle(slot)
        }
    }

    /// Tells the owner that bytes left, so that it may fetch more from its source.
    @_noLocks
    private mutating func sent(_ slot: UInt32, _ count: Int) {
        let socket = sockets[slot]
        switch socket.pointee.role {
        case .visitor: visitorDrained(socket.pointee.owner)
        case .link:
            counters.add(.bytesToLinks, UInt64(count))
            linkDrained(socket.pointee.owner)
        case .target: targetDrained(socket.pointee.owner)
        case .visit: visitDrained(socket.pointee.owner)
        case .datagrams, .none: break
        }
    }

    /// The queue is empty: end the sending side or the connection if that was waiting for it.
    @_noLocks
    private mutating func sentEverything(_ slot: UInt32) {
        let socket = sockets[slot]
        if socket.pointee.shutsDownWhenSent, !socket.pointee.hasShutDown { shutDownSending(slot) }
        guard socket.pointee.closesWhenSent else { return moveIfQuiet(slot) }
        if socket.pointee.lingers, !socket.pointee.endOfInput, !socket.pointee.resetsWhenClosed {
            if !socket.pointee.hasShutDown { shutDownSending(slot) }
            socket.pointee.role = .none
            setDeadline(slot, now.advanced(milliseconds: limits[.lingerMilliseconds]))
            wantBytes(slot, true)
        } else {
            closeSocket(slot)
        }
    }

    @_noLocks
    private mutating func shutDownSending(_ slot: UInt32) {
        let socket = sockets[slot]
        socket.pointee.hasShutDown = true
        socket.pointee.inFlight += 1
        operations.append(
            Operation(
                .shutdown, token: Token(.shutdown, slot: slot, generation: sockets.generation(of: slot)),
                descriptor: socket.pointee.descriptor, length: 1))
    }

    /// After what is queued: end the sending side.
    @_noLocks
    mutating func shutDownWhenSent(_ slot: UInt32) {
        sockets[slot].pointee.shutsDownWhenSent = true
        queueFlush(slot)
    }

    /// After what is queued: close. `lingering`: read and drop the peer's bytes for a while, so that it gets the answer
    /// rather than a reset. The owner is detached from now on.
    @_noLocks
    mutating func closeSocketWhenSent(_ slot: UInt32, lingering: Bool) {
        let socket = sockets[slot]
        guard !socket.pointee.isClosing else { return }
        socket.pointee.closesWhenSent = true
        socket.pointee.lingers = lingering
        socket.pointee.role = .none
        setDeadline(slot, now.advanced(milliseconds: limits[.lingerMilliseconds] &+ 60_000))
        queueFlush(slot)
    }

    /// Closes now; queued bytes are dropped. The owner is detached.
    @_noLocks
    mutating func closeSocket(_ slot: UInt32) {
        let socket = sockets[slot]
        guard !socket.pointee.isClosing else { return }
        socket.pointee.isClosing = true
        socket.pointee.role = .none
        timers.clear(slot)
        if !socket.pointee.isSending, socket.pointee.receiving != .idle, socket.pointee.inFlight == 1 {
            // The shell ends a receive that waits on what it closes: no need to ask for that first.
            return submitClose(slot)
        }
        cancelReceiving(slot)
        if socket.pointee.isSending { cancelOperation(.send, slot) }
        if socket.pointee.dialBuffer != .max { cancelOperation(.connect, slot) }
        finishClosing(slot)
    }

    /// Asks the shell to end what is in flight on a socket; both completions are awaited.
    @_noLocks
    private mutating func cancelOperation(_ kind: OperationKind, _ slot: UInt32) {
        let generation = sockets.generation(of: slot)
        sockets[slot].pointee.inFlight += 1
        operations.append(
            Operation(
                .cancel, token: Token(.cancel, slot: slot, generation: generation), descriptor: -1,
                argument: Token(kind, slot: slot, generation: generation).raw))
    }

    /// Closes now, and lets the peer see that the connection was cut.
    @_noLocks
    mutating func resetSocket(_ slot: UInt32) {
        sockets[slot].pointee.resetsWhenClosed = true
        closeSocket(slot)
    }

    /// Closes the descriptor when nothing is in flight any more; gives the slot back when that is done.
    @_noLocks
    mutating func finishClosing(_ slot: UInt32) {
        let socket = sockets[slot]
        guard socket.pointee.inFlight == 0, !socket.pointee.isStarved else { return }
        guard !socket.pointee.isCloseSubmitted else { return releaseClosed(slot) }
        submitClose(slot)
    }

    @_noLocks
    private mutating func submitClose(_ slot: UInt32) {
        let socket = sockets[slot]
        if socket.pointee.isBeingDropped { bytesBeingDropped -= socket.pointee.out.byteCount }
        buffers.clear(&socket.pointee.out)
        socket.pointee.isCloseSubmitted = true
        descriptorsHeld -= 1
        socket.pointee.inFlight += 1
        operations.append(
            Operation(
                .close, token: Token(.close, slot: slot, generation: sockets.generation(of: slot)),
                descriptor: socket.pointee.descriptor, length: socket.pointee.resetsWhenClosed ? 1 : 0))
    }

    /// A cancel, shutdown or close is done.
    @_noLocks
    mutating func completeControl(_ completion: Completion, _ kind: OperationKind) {
        let slot = completion.token.slot
        // A listener's accept or the plane link: nothing hangs on it.
        guard slot != .max else { return }
        precondition(sockets.isCurrent(slot, completion.token.generation), "a completion outlived its socket")
        let socket = sockets[slot]
        socket.pointee.inFlight -= 1
        if kind == .close { socket.pointee.descriptor = -1 }
        settle(slot)
    }

    /// The descriptor is closed and its last operation over. A socket in the flush list keeps its slot until the list
    /// has passed it.
    @_noLocks
    private mutating func releaseClosed(_ slot: UInt32) {
        precondition(sockets[slot].pointee.descriptor == -1, "a slot is given back before its descriptor is closed")
        if sockets[slot].pointee.isInFlushList { flushSockets() }
        sockets.give(slot)
    }
}
