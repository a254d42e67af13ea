import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A link's life: accepted (or dialled, see Client), timed, ended.

extension Worker {
    @inline(never) @_semantics("no_performance_analysis")
    mutating func acceptLink(_ descriptor: Int32, _ listener: Listener) {
        counters.add(.linksAccepted)
        guard let service = table.service(listener.service) else { return closeDescriptor(descriptor) }
        var link = Link(
            socket: .max, phase: service.isWebSocket ? .upgrading : .awaitingRequest, service: listener.service,
            isWebSocket: service.isWebSocket, isClient: false, muxVersion: service.muxVersion, now: now)
        switch admitLink() {
        case .granted: break
        case .surplus(let reason): link.surplus = reason
        case .refused(let reason):
            note(reason)
            return closeDescriptor(descriptor)
        }
        guard let slot = links.take(link) else { preconditionFailure("a link was admitted to a full table") }
        guard let socket = openSocket(descriptor, .link, owner: slot) else {
            links.give(slot)
            note(.linksFull)
            return closeDescriptor(descriptor)
        }
        links[slot].pointee.socket = socket
        links[slot].pointee.cipher = LinkCipher(service.cipher)
        if service.takesProxyHeader { links[slot].pointee.phase = .proxied }
        links[slot].pointee.ingress = service.ingress
        // A relay visitor may belong to another worker: until that is known, nothing may be in flight for long.
        sockets[socket].pointee.receivesOnce = workerCount > 1
        readPeerAddress(descriptor, at: UnsafeMutableRawPointer(links[slot]) + offsets.linkPeer)
        setLinkDeadline(slot)
        wantBytes(socket, true)
    }

    /// The next instant at which something must be looked at.
    @_noLocks
    mutating func setLinkDeadline(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let deadline: Tick
        switch link.pointee.phase {
        case .proxied:
            deadline = link.pointee.began.advanced(milliseconds: limits[.proxyHeaderTimeoutMilliseconds])
        case .connecting, .upgradeSent, .requestSent:
            deadline = link.pointee.began.advanced(milliseconds: dialTimeoutMilliseconds(linkSlot))
        case .peerAccepted, .peerChallenged, .peerHelloSent, .peerProofSent:
            deadline = link.pointee.began.advanced(milliseconds: limits[.peerSilenceMilliseconds])
        case .upgrading, .awaitingRequest, .moving:
            deadline = link.pointee.began.advanced(milliseconds: limits[.handshakeTimeoutMilliseconds])
        case .binding:
            deadline = .never
        case .mux:
            let patience = keepAliveTimes(linkSlot)
            let keepAlive = link.pointee.lastKeepAlive.advanced(milliseconds: patience.interval)
            let silence = link.pointee.lastHeard.advanced(milliseconds: patience.timeout)
            deadline =
                link.pointee.isPaused
                ? min(keepAlive, now.advanced(milliseconds: limits[.muxOneStallMilliseconds]))
                : min(min(keepAlive, silence), min(link.pointee.headersDue, suspicionDue(linkSlot)))
        case .visiting, .refused, .lookingUp, .conversing, .raw:
            deadline = .never
        }
        setDeadline(link.pointee.socket, deadline)
    }

    @_noLocks
    mutating func linkTimedOut(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        switch link.pointee.phase {
        case .proxied:
            endLink(linkSlot, link.pointee.pending.isEmpty ? .handshakeTimeout : .proxyTimeout)
        case .upgrading, .awaitingRequest, .peerAccepted, .peerChallenged, .peerHelloSent, .peerProofSent:
            endLink(linkSlot, .handshakeTimeout)
        case .moving:
            linkMoveTimedOut(linkSlot)
        case .lookingUp:
            lookupOverdue(Waiter(link: linkSlot))
        case .connecting, .upgradeSent, .requestSent:
            endLink(linkSlot, .dialTimeout)
        case .binding:
            endLink(linkSlot, .bindTimeout)
        case .mux:
            resetHeaderlessStreams(linkSlot)
            if suspicionDue(linkSlot) <= now { suspectPeer(linkSlot) }
            keepAlive(linkSlot)
        case .visiting:
            relayVisitorTimedOut(linkSlot)
        case .refused:
            refuseRelay(linkSlot, .unauthorized, .unauthorized)
        case .conversing:
            visitTimedOut(linkSlot)
        case .raw:
            return
        }
    }

    /// Sends a NOP when one is due; gives up a peer that was silent too long. A paused version 1 link is not silent by
    /// its own will: its slowest stream is reset instead.
    @_noLocks
    private mutating func keepAlive(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let patience = keepAliveTimes(linkSlot)
        if link.pointee.isPaused {
            resetSlowestStream(linkSlot)
            guard links.isLive(linkSlot) else { return }
        } else if now.milliseconds(since: link.pointee.lastHeard) >= patience.timeout {
            return endLink(linkSlot, .keepAliveTimeout)
        }
        if now.milliseconds(since: link.pointee.lastKeepAlive) >= patience.interval {
            link.pointee.lastKeepAlive = now
            sendControl(linkSlot, .keepAlive, stream: 0)
            if link.pointee.isClient { pingServer(linkSlot) }
            if link.pointee.isClient, link.pointee.streamCount == 0 { buffers.releaseArena() }
        }
        setLinkDeadline(linkSlot)
    }

    /// Resets the stream with unread bytes that has made no progress for longest, if that is long enough.
    @_noLocks
    private mutating func resetSlowestStream(_ linkSlot: UInt32) {
        var slowest: UInt32 = .max
        var cursor = links[linkSlot].pointee.firstStream
        while cursor != .max {
            let stream = streams[cursor]
            if stream.pointee.receiving.unread > 0,
                slowest == .max || stream.pointee.lastProgress < streams[slowest].pointee.lastProgress
            {
                slowest = cursor
            }
            cursor = stream.pointee.nextInLink
        }
        guard slowest != .max,
            now.milliseconds(since: streams[slowest].pointee.lastProgress) >= limits[.muxOneStallMilliseconds]
        else { return }
        dropStalled(slowest)
    }

    /// The peer's end of the connection.
    @_noLocks
    mutating func linkInputEnded(_ linkSlot: UInt32) {
        switch links[linkSlot].pointee.phase {
        case .visiting: relayVisitorInputEnded(linkSlot)
        // It goes on its way, and its half-close with it.
        case .moving, .lookingUp: links[linkSlot].pointee.visit.inputEnded = true
        case .conversing: visitAnswerEnded(linkSlot)
        case .raw: stockNodeEnded(linkSlot)
        case .mux where !links[linkSlot].pointee.isClient && links[linkSlot].pointee.peerLink == .max:
            loseLinkInTurn(linkSlot)
        default: endLink(linkSlot, .peerClosed)
        }
    }

    /// The connection failed, rather than ended.
    @_noLocks
    mutating func linkBroke(_ linkSlot: UInt32, _ reason: Reason) {
        let visit = links[linkSlot].pointee.ownVisit
        if visit != .max { visits[visit].pointee.isCut = true }
        endLink(linkSlot, reason)
    }

    /// Ends the link at once: a connector's streams are lost to their visitors, its place in the directory is given up.
    @_noLocks
    mutating func endLink(_ linkSlot: UInt32, _ reason: Reason) {
        let socket = links[linkSlot].pointee.socket
        note(reason, link: linkSlot)
        releaseLink(linkSlot, reason)
        closeSocket(socket)
    }

    /// Ends the link behind what is queued for the peer.
    @_noLocks
    mutating func endLinkWhenSent(_ linkSlot: UInt32, _ reason: Reason, lingering: Bool = true) {
        let link = links[linkSlot]
        let socket = link.pointee.socket
        note(reason, link: linkSlot)
        let queue = linkQueue(linkSlot)
        buffers.move(&link.pointee.control, behind: &queue.pointee)
        sealLink(linkSlot)
        releaseLink(linkSlot, reason)
        closeSocketWhenSent(socket, lingering: lingering)
    }

    /// Ends the link at the end of the turn: for places that are in the middle of using it.
    @_noLocks
    mutating func endLinkLater(_ linkSlot: UInt32, _ reason: Reason) {
        let link = links[linkSlot]
        guard link.pointee.doom == nil else { return }
        link.pointee.doom = reason
        link.pointee.nextDoomed = firstDoomed
        firstDoomed = linkSlot
    }

    @_noLocks
    mutating func endDoomedLinks() {
        while firstDoomed != .max {
            let slot = firstDoomed
            let link = links[slot]
            firstDoomed = link.pointee.nextDoomed
            guard let reason = link.pointee.doom else { preconditionFailure("a doomed link without a reason") }
            link.pointee.doom = nil
            if link.pointee.stock != .max, reason == .finished {
                endStockLink(slot)
            } else {
                endLink(slot, reason)
            }
        }
    }

    /// Gives back everything but the socket.
    @_noLocks
    private mutating func releaseLink(_ linkSlot: UInt32, _ reason: Reason) {
        let link = links[linkSlot]
        if link.pointee.doom != nil { forgetDoomed(linkSlot) }
        let isPeer = link.pointee.peerLink != .max
        if isPeer { forgetPeerLink(linkSlot) }
        if link.pointee.stock != .max { forgetStockLink(linkSlot, reason) }
        if link.pointee.phase == .lookingUp { stopWaiting(Waiter(link: linkSlot)) }
        let isRegistered = !isPeer && (link.pointee.phase == .mux || link.pointee.isAnswered)
        if isRegistered, !link.pointee.isWithdrawn { withdrawConnector(linkSlot, reason) }
        if link.pointee.phase == .refused { failedLogins.refused(link.pointee.source) }
        forgetReplay(linkSlot)
        forgetAddress(linkSlot)
        stopAwaitingWay(link.pointee.socket)
        let wasVisiting = link.pointee.phase == .visiting
        let phase = link.pointee.phase
        // No frame may go out on what follows: the peer is gone or told.
        link.pointee.phase = .moving
        if wasVisiting, link.pointee.stream != .max {
            let stream = link.pointee.stream
            link.pointee.stream = .max
            finishStream(stream)
        }
        while link.pointee.firstStream != .max { loseStream(link.pointee.firstStream, reason) }
        buffers.clear(&link.pointee.pending)
        buffers.clear(&link.pointee.control)
        buffers.clear(&link.pointee.plain)
        let connection = link.pointee.connection
        let visit = link.pointee.ownVisit
        links.give(linkSlot)
        counters.add(.linksClosed)
        if connection != .max { connectionEnded(connection, reason) }
        if visit != .max { visitLinkEnded(visit, reason, phase) }
    }

    @_noLocks
    private mutating func forgetDoomed(_ linkSlot: UInt32) {
        var cursor = firstDoomed
        if cursor == linkSlot {
            firstDoomed = links[linkSlot].pointee.nextDoomed
        } else {
            while links[cursor].pointee.nextDoomed != linkSlot { cursor = links[cursor].pointee.nextDoomed }
            links[cursor].pointee.nextDoomed = links[linkSlot].pointee.nextDoomed
        }
        links[linkSlot].pointee.doom = nil
    }

    /// The stream's link is gone for a reason: nothing can be sent on it; its partner hears of it.
    @_noLocks
    mutating func loseStream(_ streamSlot: UInt32, _ reason: Reason) {
        let stream = streams[streamSlot]
        let partner = stream.pointee.partner
        let link = links[stream.pointee.link]
        if stream.pointee.forward != .max {
            let told = link.pointee.stock == .max ? .connectorLost : refusal(ofStockNode: reason)
            return openElsewhere(streamSlot, told)
        }
        let connector = link.pointee.connector
        stream.pointee.partner = .none
        var wasTouched = true
        if case .visitor(let visitor) = partner, visitors[visitor].pointee.stream == streamSlot {
            wasTouched = stream.pointee.out.byteCount < visitors[visitor].pointee.requestBytes
        } else if case .relayVisitor(let visitorLink) = partner {
            wasTouched = stream.pointee.out.byteCount < links[visitorLink].pointee.visit.sentBytes
        }
        removeStream(streamSlot)
        switch partner {
        case .visitor(let visitor):
            if visitors[visitor].pointee.stream == streamSlot {
                visitorStreamEnded(visitor, .connectorLost, connector: connector, wasTouched: wasTouched)
            } else {
                forgetParked(visitor, streamSlot)
            }
        case .relayVisitor(let visitorLink):
            relayVisitorStreamEnded(visitorLink, .connectorLost, connector: connector, wasTouched: wasTouched)
        case .target(let socket): clientStreamEnded(socket)
        case .stream(let other): pairedStreamEnded(other, .connectorLost, isUntouched: false)
        case .telling: tellingEnded(streamSlot, isTaken: false)
        case .arriving, .none: return
        }
    }

    // MARK: WebSocket control frames

    @_noLocks
    mutating func sendPong(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let count = link.pointee.webSocket.controlPayloadCount
        guard let room = buffers.cutArena(16 + count) else { return endLinkLater(linkSlot, .buffersFull) }
        let at = buffers.pointer(room)
        let key = link.pointee.isClient ? maskKey() : nil
        let head = WebSocketHeader.write(to: at, opcode: .pong, payload: count, key: key)
        _ = link.pointee.webSocket.copyControlPayload(to: at + head)
        if let key { Mask.apply(at + head, count: count, key: key) }
        queueControl(linkSlot, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(head + count)))
    }

    @_noLocks
    mutating func sendClose(_ linkSlot: UInt32, _ code: UInt16) {
        let link = links[linkSlot]
        guard let room = buffers.cutArena(16) else { return }
        let key = link.pointee.isClient ? maskKey() : nil
        let count = WebSocketClose.write(to: buffers.pointer(room), code: code, key: key)
        buffers.append(
            &link.pointee.control, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(count)))
        queueFlush(link.pointee.socket)
    }
}
