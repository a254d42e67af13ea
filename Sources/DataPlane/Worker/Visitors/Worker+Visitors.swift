import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A visitor's life: accepted, fed with bytes, ended. What it asks for is in Worker+Requests, what it gets in
// Worker+Answers.

extension Worker {
    @_noLocks
    mutating func acceptVisitor(_ descriptor: Int32, _ listener: Listener) {
        counters.add(.visitorsAccepted)
        var visitor = Visitor(socket: .max, service: listener.service, ingress: listener.ingress, now: now)
        switch admitVisitor() {
        case .granted: break
        case .surplus(let reason): visitor.surplus = reason
        case .refused(let reason):
            note(reason)
            return closeDescriptor(descriptor)
        }
        guard let slot = visitors.take(visitor) else { preconditionFailure("a visitor was admitted to a full table") }
        guard let socket = openSocket(descriptor, .visitor, owner: slot) else {
            visitors.give(slot)
            note(.visitorsFull)
            return closeDescriptor(descriptor)
        }
        visitors[slot].pointee.socket = socket
        sockets[socket].pointee.receivesOnce = workerCount > 1
        readPeerAddress(descriptor, at: UnsafeMutableRawPointer(visitors[slot]) + offsets.visitorPeer)
        visitors[slot].pointee.namesClientByField = listener.namesClientByField
        beginArrival(slot, isProxied: listener.takesProxyHeader)
        wantBytes(socket, true)
    }

    @_noLocks
    mutating func visitorReceived(_ slot: UInt32, _ slice: Slice) {
        let visitor = visitors[slot]
        counters.add(.bytesFromVisitors, UInt64(slice.count))
        if visitor.pointee.phase == .head, visitor.pointee.input.isEmpty {
            visitor.pointee.headBegan = now
            buffers.appendShared(&visitor.pointee.input, slice)
        } else if visitor.pointee.phase == .exchange || visitor.pointee.phase == .raw {
            keep(&visitor.pointee.input, slice)
        } else if !buffers.appendCopy(&visitor.pointee.input, UnsafeRawBufferPointer(buffers.bytes(slice))) {
            // A head comes in small pieces: each is copied behind the others, so that it stays in one buffer.
            return endVisitor(slot, .buffersFull)
        }
        serveVisitor(slot)
    }

    /// Goes on with whatever the visitor waits for, as far as its bytes and the queues allow.
    @_noLocks
    mutating func serveVisitor(_ slot: UInt32) {
        while visitors.isLive(slot) {
            let visitor = visitors[slot]
            switch visitor.pointee.phase {
            case .proxied:
                guard readProxyHeader(ofVisitor: slot) else { return }
            case .head:
                guard readHead(slot) else { return }
            case .hello:
                return readHello(slot)
            case .exchange:
                guard forwardBody(slot) else { return }
            case .discarding:
                guard discardBody(slot) else { return }
            case .raw:
                return forwardRaw(slot)
            case .moving, .lookingUp:
                return
            }
        }
    }

    /// The visitor ended its sending side, or is gone: the two look alike until something is sent to it.
    @_noLocks
    mutating func visitorInputEnded(_ slot: UInt32) {
        let visitor = visitors[slot]
        visitor.pointee.inputEnded = true
        switch visitor.pointee.phase {
        case .proxied, .hello:
            // Cut short, they say nothing that could be answered.
            endVisitor(slot, .peerClosed)
        case .head, .discarding:
            // What it was answered is still on its way; a request cut short is none.
            if sockets[visitor.pointee.socket].pointee.out.isEmpty {
                endVisitor(slot, .peerClosed)
            } else if visitor.pointee.input.isEmpty || visitor.pointee.phase == .discarding {
                endVisitorWhenSent(slot, lingering: false)
            } else {
                serveVisitor(slot)
            }
        case .moving, .lookingUp:
            return
        case .exchange:
            // A request cut short can never be completed; a complete one is answered.
            if !visitor.pointee.requestIsDone { endVisitor(slot, .peerClosed) }
        case .raw:
            halfCloseFromVisitor(slot)
        }
    }

    /// The visitor will send no more, but may still read: see the closing table in Stream.swift.
    @_noLocks
    mutating func halfCloseFromVisitor(_ slot: UInt32) {
        let visitor = visitors[slot]
        let stream = visitor.pointee.stream
        if streams[stream].pointee.flags.contains(.peerHalfClosed) {
            // Both sides have ended: nothing is owed any more.
            endVisitorWhenSent(slot, lingering: false)
        } else if links[streams[stream].pointee.link].pointee.capabilities.contains(.halfClose) {
            halfCloseStream(stream)
        } else {
            setDeadline(visitor.pointee.socket, now.advanced(milliseconds: limits[.halfCloseGraceMilliseconds]))
        }
    }

    /// Bytes reached the visitor: its stream gets credit, a waiting pipelined request its turn.
    @_noLocks
    mutating func visitorDrained(_ slot: UInt32) {
        let visitor = visitors[slot]
        let waiting = sockets[visitor.pointee.socket].pointee.out.byteCount
        if visitor.pointee.stream != .max { creditStream(visitor.pointee.stream, waiting: waiting) }
        // Also without input: the time until the next request begins now.
        if visitor.pointee.phase == .head { serveVisitor(slot) }
    }

    /// The stream took some of the visitor's bytes.
    @_noLocks
    mutating func visitorMayContinue(_ slot: UInt32) { serveVisitor(slot) }

    /// Whether more bytes of the visitor are wanted now: not while many wait unread.
    @_noLocks
    mutating func adjustVisitorReading(_ slot: UInt32) {
        let visitor = visitors[slot]
        wantBytes(visitor.pointee.socket, visitor.pointee.input.byteCount < Int(limits[.visitorQueueBytesMax]))
    }

    /// Ends the visitor at once: its streams are ended, its connection is closed, what was queued is dropped.
    @_noLocks
    mutating func endVisitor(_ slot: UInt32, _ reason: Reason) {
        let socket = visitors[slot].pointee.socket
        note(reason, visitor: slot)
        if isAnswerCut(slot) { sockets[socket].pointee.resetsWhenClosed = true }
        releaseVisitor(slot)
        closeSocket(socket)
    }

    /// Ends the visitor when what is queued for it is sent, by a reset: part of its answer will not come, and framed
    /// by the end of the connection it would look complete.
    @_noLocks
    mutating func cutVisitorWhenSent(_ slot: UInt32) {
        let socket = visitors[slot].pointee.socket
        sockets[socket].pointee.resetsWhenClosed = true
        releaseVisitor(slot)
        closeSocketWhenSent(socket, lingering: false)
    }

    /// Whether part of an answer is out and the rest of it is not.
    @_noLocks
    private func isAnswerCut(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        return visitor.pointee.phase == .exchange && visitor.pointee.answerStarted && visitor.pointee.answer != .done
    }

    /// Ends the visitor when what is queued for it is sent.
    @_noLocks
    mutating func endVisitorWhenSent(_ slot: UInt32, lingering: Bool) {
        let socket = visitors[slot].pointee.socket
        releaseVisitor(slot)
        closeSocketWhenSent(socket, lingering: lingering)
    }

    /// Gives back everything but the socket.
    @_noLocks
    private mutating func releaseVisitor(_ slot: UInt32) {
        let visitor = visitors[slot]
        if visitor.pointee.stream != .max {
            let stream = visitor.pointee.stream
            visitor.pointee.stream = .max
            if visitor.pointee.requestIsDone || visitor.pointee.phase == .raw {
                finishStream(stream)
            } else {
                resetStream(stream, .peerClosed)
            }
        }
        if visitor.pointee.phase == .lookingUp { stopWaiting(Waiter(visitor: slot)) }
        finishParkedStreams(slot)
        leaveSource(slot)
        stopAwaitingWay(visitor.pointee.socket)
        buffers.clear(&visitor.pointee.input)
        buffers.clear(&visitor.pointee.replay)
        buffers.clear(&visitor.pointee.answerHead)
        visitors.give(slot)
        counters.add(.visitorsClosed)
    }

    @_noLocks
    mutating func finishParkedStreams(_ slot: UInt32) {
        let visitor = visitors[slot]
        while visitor.pointee.parkedCount > 0 {
            visitor.pointee.parkedCount -= 1
            finishStream(visitor.pointee.parked[visitor.pointee.parkedCount])
        }
    }

    @_noLocks
    mutating func visitorTimedOut(_ slot: UInt32) {
        let visitor = visitors[slot]
        switch visitor.pointee.phase {
        case .proxied:
            endVisitor(slot, visitor.pointee.input.isEmpty ? .firstByteTimeout : .proxyTimeout)
        case .hello:
            refuseTLS(slot, .internalError, .helloTimeout)
        case .head where isArriving(slot):
            if admitSource(slot) { awaitHead(slot) }
        case .head:
            if !visitor.pointee.input.isEmpty {
                refuse(slot, status: 408, .headTimeout, closes: true)
            } else {
                endVisitor(slot, visitor.pointee.requestCount == 0 ? .firstByteTimeout : .keepAliveIdle)
            }
        case .exchange:
            guard visitor.pointee.requestIsDone else { return bodyTimedOut(slot) }
            guard visitor.pointee.answer == .awaitingHead else { return }
            let stream = visitor.pointee.stream
            visitor.pointee.stream = .max
            resetStream(stream, .answerTimeout)
            refuse(slot, status: 504, .answerTimeout, closes: !visitor.pointee.keepsConnection)
            if visitors.isLive(slot) { serveVisitor(slot) }
        case .raw:
            let end = streams[visitor.pointee.stream].pointee.lastProgress.advanced(
                milliseconds: limits[.halfCloseGraceMilliseconds])
            if visitor.pointee.inputEnded, now < end {
                setDeadline(visitor.pointee.socket, end)
            } else {
                note(.finished, visitor: slot)
                endVisitorWhenSent(slot, lingering: false)
            }
        case .moving:
            moveTimedOut(slot)
        case .lookingUp:
            lookupOverdue(Waiter(visitor: slot))
        case .discarding:
            endVisitor(slot, .headTimeout)
        }
    }

    /// The visitor fell silent inside its request's body.
    @_noLocks
    private mutating func bodyTimedOut(_ slot: UInt32) {
        let visitor = visitors[slot]
        guard !visitor.pointee.answerStarted else { return endVisitor(slot, .bodyTimeout) }
        let stream = visitor.pointee.stream
        visitor.pointee.stream = .max
        resetStream(stream, .bodyTimeout)
        refuse(slot, status: 408, .bodyTimeout, closes: true)
    }
}
