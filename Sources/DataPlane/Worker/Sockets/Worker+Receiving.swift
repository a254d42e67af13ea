import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Receiving: arming, pausing, and the traps of multishot receives. After a pause is asked for, the shell still delivers
// what it has; a lack of buffers or a cancellation ends the shot; it is armed again exactly once, here.

extension Worker {
    /// States whether the socket's owner wants bytes, and arms or cancels accordingly.
    @_noLocks
    mutating func wantBytes(_ slot: UInt32, _ wanted: Bool) {
        sockets[slot].pointee.wantsBytes = wanted
        updateReceiving(slot)
    }

    @_noLocks
    mutating func updateReceiving(_ slot: UInt32) {
        let socket = sockets[slot]
        guard !socket.pointee.isClosing else { return }
        switch socket.pointee.receiving {
        case .idle:
            guard socket.pointee.wantsBytes, !socket.pointee.endOfInput, !socket.pointee.isStarved else { return }
            let isOnce = socket.pointee.receivesOnce || (isMemoryShort && mayWait(socket.pointee.role))
            socket.pointee.receiving = isOnce ? .once : .shot
            socket.pointee.inFlight += 1
            let kind: OperationKind = socket.pointee.isDatagram ? .receiveDatagram : isOnce ? .receiveOnce : .receive
            operations.append(
                Operation(kind, token: receiveToken(slot), descriptor: socket.pointee.descriptor))
        case .shot:
            guard !socket.pointee.wantsBytes || socket.pointee.receivesOnce else { return }
            cancelReceiving(slot)
        case .once, .cancelling:
            return
        }
    }

    /// Whether a socket's peer may be made to wait: one conversation's does, a link's would make all of its streams wait.
    @_noLocks
    private func mayWait(_ role: SocketRole) -> Bool {
        switch role {
        case .visitor, .target, .visit: true
        case .link, .datagrams, .none: false
        }
    }

    /// Asks the shell to end the receive in flight; its last completion says when.
    @_noLocks
    mutating func cancelReceiving(_ slot: UInt32) {
        let socket = sockets[slot]
        let receiving = socket.pointee.receiving
        guard receiving == .shot || receiving == .once else { return }
        socket.pointee.receiving = .cancelling
        socket.pointee.inFlight += 1
        operations.append(
            Operation(
                .cancel, token: Token(.cancel, slot: slot, generation: sockets.generation(of: slot)), descriptor: -1,
                argument: receiveToken(slot).raw))
    }

    /// What carries a socket's receive, of whichever kind.
    @_noLocks
    private func receiveToken(_ slot: UInt32) -> Token {
        Token(
            sockets[slot].pointee.isDatagram ? .receiveDatagram : .receive, slot: slot,
            generation: sockets.generation(of: slot))
    }

    @_noLocks
    mutating func completeReceive(_ completion: Completion) {
        let slot = completion.token.slot
        if completion.hasBuffer {
            buffersWithShell -= 1
        }
        precondition(sockets.isCurrent(slot, completion.token.generation), "a receive outlived its socket")
        let socket = sockets[slot]
        if !completion.isMore {
            socket.pointee.receiving = .idle
            socket.pointee.inFlight -= 1
        }
        if completion.result > 0 {
            precondition(completion.hasBuffer)
            let slice = Slice(
                buffer: completion.bufferID, offset: UInt32(BufferStore.headroom), count: UInt32(completion.result))
            if !socket.pointee.isClosing { deliver(slot, slice) }
            buffers.release(slice.buffer)
        } else {
            if completion.hasBuffer { buffers.release(completion.bufferID) }
            receiveEnded(slot, completion.result)
        }
        guard sockets.isCurrent(slot, completion.token.generation) else { return }
        settle(slot)
    }

    @_noLocks
    private mutating func receiveEnded(_ slot: UInt32, _ result: Int32) {
        let socket = sockets[slot]
        guard !socket.pointee.isClosing else { return }
        switch result {
        case 0:
            socket.pointee.endOfInput = true
            inputEnded(slot)
        case -SystemError.noBuffers:
            counters.add(.buffersExhausted)
            socket.pointee.isStarved = true
            socket.pointee.nextStarved = firstStarved
            firstStarved = slot
        case -SystemError.cancelled, -SystemError.interrupted, -SystemError.again:
            return
        default:
            socket.pointee.endOfInput = true
            socketFailed(slot, .socketError)
        }
    }

    /// After any completion: arm again if wanted, or go on closing.
    @_noLocks
    mutating func settle(_ slot: UInt32) {
        if sockets[slot].pointee.isClosing {
            finishClosing(slot)
        } else {
            updateReceiving(slot)
            moveIfQuiet(slot)
        }
    }

    /// Hands received bytes to the socket's owner. The slice's buffer is held by the caller during the call.
    @_noLocks
    private mutating func deliver(_ slot: UInt32, _ slice: Slice) {
        let socket = sockets[slot]
        switch socket.pointee.role {
        case .visitor: visitorReceived(socket.pointee.owner, slice)
        case .link: linkReceived(socket.pointee.owner, slice)
        case .target: targetReceived(socket.pointee.owner, slice)
        case .visit: visitReceived(socket.pointee.owner, slice)
        case .datagrams, .none: break
        }
    }

    @_noLocks
    private mutating func inputEnded(_ slot: UInt32) {
        let socket = sockets[slot]
        switch socket.pointee.role {
        case .visitor: visitorInputEnded(socket.pointee.owner)
        case .link: linkInputEnded(socket.pointee.owner)
        case .target: targetInputEnded(socket.pointee.owner)
        case .visit: visitInputEnded(socket.pointee.owner)
        case .datagrams: break
        case .none:
            // What is still queued is sent first; the end of the queue then closes.
            if socket.pointee.out.isEmpty, !socket.pointee.isSending { closeSocket(slot) }
        }
    }

    /// The connection broke: its owner ends what depends on it.
    @_noLocks
    mutating func socketFailed(_ slot: UInt32, _ reason: Reason) {
        let socket = sockets[slot]
        switch socket.pointee.role {
        case .visitor: endVisitor(socket.pointee.owner, reason)
        case .link: linkBroke(socket.pointee.owner, reason)
        case .target: targetFailed(socket.pointee.owner, reason)
        case .visit: visitBroke(socket.pointee.owner, reason)
        case .datagrams: break
        case .none: closeSocket(slot)
        }
    }

    /// Tops up the buffers the shell may receive into, and arms the sockets that had found none.
    @_noLocks
    mutating func refillShell() {
        // The last buffers are kept for what must be said: reading pauses before frames and answers fail. A few are
        // always lent, because what frees the others may have to be received. One connection may fill all that are lent
        // before it can be paused: where memory is short they are fewer.
        let lentMax =
            isMemoryScarce ? buffersWithShellMax / 16 : isMemoryShort ? buffersWithShellMax / 4 : buffersWithShellMax
        while buffersWithShell < max(lentMax, Worker.buffersLentMin),
            buffers.buffersFree > Worker.buffersReserved || buffersWithShell < Worker.buffersLentMin
        {
            guard let buffer = buffers.take() else { break }
            buffersWithShell += 1
            operations.append(Operation(.provideBuffer, token: Token(raw: 0), descriptor: -1, length: buffer))
        }
        guard buffersWithShell > 0 else { return }
        var slot = firstStarved
        firstStarved = .max
        while slot != .max {
            let following = sockets[slot].pointee.nextStarved
            sockets[slot].pointee.isStarved = false
            sockets[slot].pointee.nextStarved = .max
            settle(slot)
            slot = following
        }
    }
}
