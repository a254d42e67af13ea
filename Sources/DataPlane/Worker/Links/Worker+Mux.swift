import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Inbound: what a connector sends. WebSocket frames are unmasked where they lie, smux frames are read from what that
// leaves, payload goes to its stream's partner without a copy.

extension Worker {
    /// Plain bytes of a link: WebSocket frames are taken apart, everything else goes on.
    @_noLocks
    mutating func linkOpened(_ linkSlot: UInt32, _ slice: Slice) {
        guard links[linkSlot].pointee.isWebSocket, links[linkSlot].pointee.phase != .upgrading,
            links[linkSlot].pointee.phase != .upgradeSent
        else { return linkDecoded(linkSlot, slice) }
        readWebSocket(linkSlot, slice)
    }

    /// Takes WebSocket frames apart; their payload goes on.
    @_noLocks
    mutating func readWebSocket(_ linkSlot: UInt32, _ slice: Slice) {
        let generation = links.generation(of: linkSlot)
        let bytes = buffers.bytes(slice)
        var cursor = 0
        while links.isCurrent(linkSlot, generation), links[linkSlot].pointee.doom == nil {
            switch links[linkSlot].pointee.webSocket.next(bytes, &cursor) {
            case .needMore:
                return
            case .payload(let offset, let count):
                linkDecoded(
                    linkSlot,
                    Slice(buffer: slice.buffer, offset: slice.offset + UInt32(offset), count: UInt32(count)))
            case .ping:
                sendPong(linkSlot)
            case .pong:
                continue
            case .close(let code):
                sendClose(linkSlot, code == 1005 ? 1000 : code)
                return endLinkWhenSent(linkSlot, .peerClosed)
            case .broken(let fault):
                sendClose(linkSlot, fault.closeCode)
                return endLinkWhenSent(linkSlot, .webSocketFault)
            }
        }
    }

    /// Bytes below all framing layers, by the link's phase.
    @_noLocks
    private mutating func linkDecoded(_ linkSlot: UInt32, _ slice: Slice) {
        switch links[linkSlot].pointee.phase {
        case .mux:
            readFrames(linkSlot, slice)
        case .visiting:
            relayVisitorSent(linkSlot, slice)
        case .conversing:
            visitAnswered(linkSlot, slice)
        case .raw:
            rawReceived(linkSlot, slice)
        case .upgrading, .awaitingRequest, .upgradeSent, .requestSent, .peerAccepted, .peerChallenged, .peerHelloSent,
            .peerProofSent:
            gatherHandshake(linkSlot, slice)
        case .proxied:
            preconditionFailure("bytes passed the header of a proxy that is not complete")
        case .binding, .connecting:
            // Early bytes wait for the answer.
            gatherHandshake(linkSlot, slice)
        case .moving, .lookingUp:
            gatherWhileMoving(linkSlot, slice)
        case .refused:
            return
        }
    }

    /// Reads smux frames until the slice is used up or the link is gone.
    @_noLocks
    mutating func readFrames(_ linkSlot: UInt32, _ slice: Slice) {
        let generation = links.generation(of: linkSlot)
        let bytes = UnsafeRawBufferPointer(buffers.bytes(slice))
        var cursor = 0
        while links.isCurrent(linkSlot, generation), links[linkSlot].pointee.phase == .mux,
            links[linkSlot].pointee.doom == nil
        {
            switch links[linkSlot].pointee.smux.next(bytes.bytes, &cursor) {
            case .needMore:
                return
            case .data(let id, let offset, let count):
                guard let stream = findStream(linkSlot, id) else { continue }
                streamReceived(
                    stream, Slice(buffer: slice.buffer, offset: slice.offset + UInt32(offset), count: UInt32(count)))
            case .finish(let id):
                guard let stream = findStream(linkSlot, id) else { continue }
                streamFinished(stream)
            case .window(let id, let consumed, let window):
                guard let stream = findStream(linkSlot, id) else { continue }
                guard streams[stream].pointee.sending.update(consumed: consumed, window: window) else {
                    failStream(stream, .smuxFault)
                    continue
                }
                markReadyIfAllowed(stream)
            case .open(let id):
                peerOpened(linkSlot, id)
            case .keepAlive:
                counters.add(.keepAlives)
            case .halfClose(let id):
                guard let stream = findStream(linkSlot, id) else { continue }
                streamHalfClosed(stream)
            case .reset(let id, let code):
                guard let stream = findStream(linkSlot, id) else { continue }
                if links[linkSlot].pointee.peerLink != .max {
                    peerReset(stream, code)
                } else {
                    streamWasReset(stream, reason(ofReset: code))
                }
            case .goAway:
                if links[linkSlot].pointee.isClient { serverGoesAway(linkSlot) } else { clientGoesAway(linkSlot) }
            case .opened(let id):
                // Of a client it says nothing that is needed: what matters there is a dial that failed, which is a reset.
                guard links[linkSlot].pointee.peerLink != .max, let stream = findStream(linkSlot, id) else { continue }
                forwardAccepted(stream)
            case .instance:
                // Not agreed upon.
                continue
            case .notice(let offset, let count, let isLast):
                noticeReceived(
                    linkSlot, UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]), isLast: isLast)
            case .broken(let fault):
                return endLink(linkSlot, fault == .wrongVersion ? .smuxVersion : .smuxFault)
            }
        }
    }

    /// Bytes of a link that carries one stream and no frames.
    @_noLocks
    mutating func rawReceived(_ linkSlot: UInt32, _ slice: Slice) {
        let stream = links[linkSlot].pointee.firstStream
        if stream != .max { streamReceived(stream, slice) }
    }

    /// Payload of a stream: judged against its window and handed to the partner.
    @_noLocks
    private mutating func streamReceived(_ streamSlot: UInt32, _ slice: Slice) {
        let stream = streams[streamSlot]
        let link = links[stream.pointee.link]
        guard !stream.pointee.flags.contains(.finishes), !stream.pointee.flags.contains(.peerFinished) else { return }
        if stream.pointee.receiving.unread == 0 { stream.pointee.lastTaken = now }
        guard stream.pointee.receiving.receive(slice.count) else { return failStream(streamSlot, .windowExceeded) }
        if link.pointee.smux.version == 1 {
            link.pointee.unreadBytes += Int(slice.count)
            adjustLinkReading(stream.pointee.link)
        }
        stream.pointee.lastProgress = now
        switch stream.pointee.partner {
        case .visitor(let visitor):
            visitorAnswered(visitor, streamSlot, slice)
        case .relayVisitor(let visitorLink):
            sendToRelayVisitor(visitorLink, slice)
        case .target(let socket):
            clientStreamReceived(streamSlot, socket, slice)
        case .stream(let other):
            sendOnStream(other, slice)
        case .arriving:
            forwardReceived(streamSlot, slice)
        case .telling, .none:
            return
        }
        guard streams.isLive(streamSlot), streams[streamSlot].pointee.partner != .none else { return }
        creditStream(streamSlot, waiting: bytesWaiting(streamSlot))
    }

    /// Bytes that came on a stream and have not left for its partner yet.
    @_noLocks
    private func bytesWaiting(_ streamSlot: UInt32) -> Int {
        let stream = streams[streamSlot]
        switch stream.pointee.partner {
        case .visitor(let visitor):
            let head = visitors[visitor].pointee.answerHead.byteCount
            return sockets[visitors[visitor].pointee.socket].pointee.out.byteCount + head
        case .relayVisitor(let link):
            return bytesQueued(link)
        case .target(let socket):
            return stream.pointee.pending.byteCount
                + (socket == .max ? 0 : sockets[socket].pointee.out.byteCount)
        case .stream(let other):
            return streams[other].pointee.out.byteCount
        case .arriving:
            return stream.pointee.pending.byteCount
        case .telling, .none:
            return 0
        }
    }

    /// Notes how much of what came on a stream still waits for its reader, and grants the peer more when it is due.
    @_noLocks
    mutating func creditStream(_ streamSlot: UInt32, waiting: Int) {
        let stream = streams[streamSlot]
        let unread = Int(stream.pointee.receiving.unread)
        guard waiting < unread else { return }
        let count = unread - waiting
        stream.pointee.receiving.consume(UInt32(count))
        stream.pointee.lastProgress = now
        stream.pointee.lastTaken = now
        let link = links[stream.pointee.link]
        if link.pointee.smux.version == 2 {
            guard stream.pointee.receiving.isUpdateDue(window: stream.pointee.window) else { return }
            listWindowUpdate(streamSlot)
        } else {
            stream.pointee.receiving.announce(window: UInt32(Int32.max))
            link.pointee.unreadBytes -= count
            adjustLinkReading(stream.pointee.link)
        }
    }

    /// The stream's unread bytes do not count any more: it ends.
    @_noLocks
    mutating func settleUnread(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let link = links[stream.pointee.link]
        let unread = stream.pointee.receiving.unread
        guard unread > 0 else { return }
        stream.pointee.receiving.consume(unread)
        guard link.pointee.smux.version == 1 else { return }
        link.pointee.unreadBytes -= Int(unread)
        adjustLinkReading(stream.pointee.link)
    }

    /// A version 1 connector has no brake but its connection: it is not read while too much of it waits. Nor is a link to a
    /// stock node, where only one visitor waits for that.
    @_noLocks
    mutating func adjustLinkReading(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let max = Int(limits[link.pointee.stock == .max ? .muxOneUnreadBytesMax : .visitorQueueBytesMax])
        if link.pointee.unreadBytes >= max, !link.pointee.isPaused {
            link.pointee.isPaused = true
            wantBytes(link.pointee.socket, false)
            setLinkDeadline(linkSlot)
        } else if link.pointee.isPaused, link.pointee.unreadBytes < max / 2 {
            link.pointee.isPaused = false
            wantBytes(link.pointee.socket, true)
        }
    }

    // MARK: The peer ends a stream

    /// What a peer of ours says a stream was reset for.
    @inline(never) @_semantics("no_performance_analysis")
    private func reason(ofReset code: UInt32) -> Reason {
        UInt8(exactly: code).flatMap { Reason(rawValue: $0) } ?? .streamEndedEarly
    }

    /// FIN: the peer neither sends nor reads any more.
    @_noLocks
    mutating func streamFinished(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard !stream.pointee.flags.contains(.peerFinished) else { return }
        stream.pointee.flags.insert(.peerFinished)
        partnerLosesStream(streamSlot, .streamEndedEarly)
    }

    /// Half-close (private extension): the answer is complete, our bytes are still read.
    @_noLocks
    private mutating func streamHalfClosed(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        switch stream.pointee.partner {
        case .relayVisitor(let link):
            if stream.pointee.flags.contains(.halfCloses) { return streamFinished(streamSlot) }
            stream.pointee.flags.insert(.peerHalfClosed)
            shutDownWhenSent(links[link].pointee.socket)
        case .target(let socket):
            clientStreamHalfClosed(streamSlot, socket)
        case .visitor(let visitor):
            // Ended before it said anything, it may not have been reached at all: as its FIN.
            if visitors[visitor].pointee.phase == .raw, visitors[visitor].pointee.answerStarted,
                visitors[visitor].pointee.stream == streamSlot, !stream.pointee.flags.contains(.halfCloses)
            {
                stream.pointee.flags.insert(.peerHalfClosed)
                shutDownWhenSent(visitors[visitor].pointee.socket)
            } else {
                streamFinished(streamSlot)
            }
        case .stream(let other):
            if stream.pointee.flags.contains(.halfCloses) { return streamFinished(streamSlot) }
            pairedStreamHalfClosed(streamSlot, other)
        case .arriving, .telling, .none:
            return
        }
    }

    @_noLocks
    private mutating func streamWasReset(_ streamSlot: UInt32, _ reason: Reason) {
        streams[streamSlot].pointee.flags.insert(.peerFinished)
        partnerLosesStream(streamSlot, reason)
    }

    /// The peer broke the rules of this stream only: it is reset, its visitor hears of it.
    @_noLocks
    private mutating func failStream(_ streamSlot: UInt32, _ reason: Reason) {
        note(reason, stream: streamSlot)
        partnerLosesStream(streamSlot, reason)
    }

    /// Whether a client that ends a stream for this reason has passed nothing of it on.
    @_noLocks
    private func saysUntouched(_ reason: Reason) -> Bool {
        switch reason {
        case .dialFailed, .dialTimeout, .noRoute, .shutdown: true
        default: false
        }
    }

    /// Ends the stream towards the peer and tells its partner. `reason` as for `visitorStreamEnded`.
    @_noLocks
    mutating func partnerLosesStream(_ streamSlot: UInt32, _ reason: Reason, isUntouched: Bool = false) {
        let stream = streams[streamSlot]
        let partner = stream.pointee.partner
        let connector = links[stream.pointee.link].pointee.connector
        let id = stream.pointee.id
        let link = stream.pointee.link
        var wasTouched = !isUntouched && !saysUntouched(reason)
        if case .visitor(let visitor) = partner, visitors[visitor].pointee.stream == streamSlot {
            // Nothing was framed: the whole request still waits here.
            if stream.pointee.out.byteCount >= visitors[visitor].pointee.requestBytes { wasTouched = false }
        } else if case .relayVisitor(let visitorLink) = partner {
            if stream.pointee.out.byteCount >= links[visitorLink].pointee.visit.sentBytes { wasTouched = false }
        }
        if stream.pointee.flags.contains(.peerFinished) {
            finishStream(streamSlot)
        } else {
            resetStream(streamSlot, reason)
        }
        precondition(findStream(link, id) == nil, "an ended stream stays in the table")
        switch partner {
        case .visitor(let visitor):
            if visitors[visitor].pointee.stream == streamSlot {
                visitorStreamEnded(visitor, reason, connector: connector, wasTouched: wasTouched)
            } else {
                forgetParked(visitor, streamSlot)
            }
        case .relayVisitor(let visitorLink):
            relayVisitorStreamEnded(visitorLink, reason, connector: connector, wasTouched: wasTouched)
        case .target(let socket):
            clientStreamEnded(socket)
        case .stream(let other):
            pairedStreamEnded(other, reason, isUntouched: !wasTouched)
        case .telling:
            // A peer that ends it by itself has taken it; what it refuses it resets.
            tellingEnded(streamSlot, isTaken: reason == .streamEndedEarly)
        case .arriving, .none:
            return
        }
    }

    /// Only tunnel servers and other data planes open streams; one that a client opens is closed at once (protocol mux §3.1).
    @_noLocks
    private mutating func peerOpened(_ linkSlot: UInt32, _ id: UInt32) {
        if links[linkSlot].pointee.isClient {
            clientStreamOpened(linkSlot, id)
        } else if links[linkSlot].pointee.peerLink != .max {
            forwardOpened(linkSlot, id)
        } else {
            note(.peerOpenedStream, link: linkSlot)
            sendControl(linkSlot, .finish, stream: id)
        }
    }
}
