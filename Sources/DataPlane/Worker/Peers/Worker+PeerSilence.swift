import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A peer that falls silent: its process is stopped, its machine is gone, the network swallows what is sent. No word
// says so, and it may only be slow; so what is done grows with the silence, of which heartbeats are the measure:
//
//     a new stream, `opened` is missing    after `forwardTimeoutMilliseconds` it is opened at the next candidate, bytes
//                                          and all: none of them had been sent (Worker+Forwarding). What may not be
//                                          repeated always goes on a new one, where there is another way
//     `peerSuspectMilliseconds`            nothing new goes there, on streams that were parked neither, as long as
//                                          there is another way. What waits there for the first byte of its answer,
//                                          may be repeated (Worker+AnswerFailures, Worker+VisitRetries) and has
//                                          another way is repeated there at once; whatever else waits goes on waiting
//     `peerSilenceMilliseconds`            the link is given up, as one that was lost
//
// Silence is looked at by the link's deadline: once per silence, and never per request.

extension Worker {
    /// What is between a heartbeat and suspicion at least, in milliseconds: a timer's coarseness on either side, and
    /// some.
    private static var suspicionSlack: UInt64 { 150 }
    /// A worker that looks so much later than it meant to, in milliseconds, did not hear for as long itself: its
    /// process was stopped, or its machine. It first takes what has come meanwhile.
    private static var latenessMax: UInt64 { 128 }
    private static var secondLook: UInt64 { 64 }

    /// Silence that makes a peer suspect, in milliseconds.
    private var suspectMilliseconds: UInt64 {
        @_noLocks get {
            max(limits[.peerSuspectMilliseconds], limits[.peerHeartbeatMilliseconds] + Worker.suspicionSlack)
        }
    }

    /// Whether new requests should rather go elsewhere.
    @_noLocks
    func isSuspect(peerLink linkSlot: UInt32) -> Bool {
        now.milliseconds(since: links[linkSlot].pointee.lastHeard) >= suspectMilliseconds
    }

    /// When a link's silence must be looked at, unless the peer is heard before; never where it was, or of other links.
    @_noLocks
    func suspicionDue(_ linkSlot: UInt32) -> Tick {
        let link = links[linkSlot]
        guard link.pointee.peerLink != .max else { return .never }
        let state = peers.links[link.pointee.peerLink]
        guard state.pointee.silentSince != link.pointee.lastHeard else { return .never }
        return max(link.pointee.lastHeard.advanced(milliseconds: suspectMilliseconds), state.pointee.silenceDue)
    }

    /// A peer has become suspect: what may be repeated elsewhere is.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func suspectPeer(_ linkSlot: UInt32) {
        let state = peers.links[links[linkSlot].pointee.peerLink]
        let heard = links[linkSlot].pointee.lastHeard
        let lateness = now.milliseconds(since: heard.advanced(milliseconds: suspectMilliseconds))
        if lateness > Worker.latenessMax, state.pointee.silenceDue <= heard {
            state.pointee.silenceDue = now.advanced(milliseconds: Worker.secondLook)
            return
        }
        state.pointee.silentSince = heard
        var cursor = links[linkSlot].pointee.firstStream
        while cursor != .max {
            let slot = cursor
            cursor = streams[slot].pointee.nextInLink
            repeatElsewhere(slot)
            // What follows may have ended with it.
            if cursor != .max, !streams.isLive(cursor) || streams[cursor].pointee.link != linkSlot {
                cursor = links[linkSlot].pointee.firstStream
            }
        }
    }

    /// Repeats what waits on a stream of a suspect link, if it may be and has another way.
    private mutating func repeatElsewhere(_ streamSlot: UInt32) {
        // One that is not accepted yet goes on by itself in a moment.
        guard streams[streamSlot].pointee.forward == .max, !isShortOfBuffers else { return }
        switch streams[streamSlot].pointee.partner {
        case .visitor(let visitor): repeatElsewhere(streamSlot, visitor: visitor)
        case .relayVisitor(let link): repeatElsewhere(streamSlot, relayVisitor: link)
        case .target, .stream, .arriving, .telling, .none: return
        }
    }

    private mutating func repeatElsewhere(_ streamSlot: UInt32, visitor slot: UInt32) {
        let visitor = visitors[slot], stream = streams[streamSlot]
        guard visitor.pointee.stream == streamSlot, awaitsFirstByte(slot) else { return }
        let wasTouched = stream.pointee.out.byteCount < visitor.pointee.requestBytes
        guard mayRepeat(slot, wasTouched: wasTouched), !wasTouched || repetitions.isLeft,
            hasOtherWay(slot, than: stream.pointee.link)
        else { return }
        // It is the node that is avoided, whatever the stream served before.
        visitor.pointee.streamWasParked = false
        let connector = leaveSilent(streamSlot)
        visitorStreamEnded(slot, .connectorLost, connector: connector, wasTouched: wasTouched)
    }

    private mutating func repeatElsewhere(_ streamSlot: UInt32, relayVisitor linkSlot: UInt32) {
        let link = links[linkSlot], stream = streams[streamSlot]
        let wasTouched = stream.pointee.out.byteCount < link.pointee.visit.sentBytes
        guard link.pointee.stream == streamSlot,
            mayRetryVisit(linkSlot, .connectorLost, wasTouched: wasTouched), !wasTouched || repetitions.isLeft,
            isReached(
                link.pointee.tunnel, isUDP: link.pointee.isUDP, staysInNode: link.pointee.visit.isForwarded,
                otherThan: stream.pointee.link)
        else { return }
        let connector = leaveSilent(streamSlot)
        relayVisitorStreamEnded(linkSlot, .connectorLost, connector: connector, wasTouched: wasTouched)
    }

    /// Resets a stream that nobody waits on any more; gives what stands for its node where that is to be avoided.
    private mutating func leaveSilent(_ streamSlot: UInt32) -> ConnectorID {
        let connector = links[streams[streamSlot].pointee.link].pointee.connector
        streams[streamSlot].pointee.partner = .none
        resetStream(streamSlot, .connectorLost)
        return connector
    }

    /// Whether nothing has come back for a visitor's request.
    private func awaitsFirstByte(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        guard !visitor.pointee.answerStarted else { return false }
        if visitor.pointee.phase == .raw { return true }
        return visitor.pointee.phase == .exchange && visitor.pointee.answer == .awaitingHead
            && visitor.pointee.answerHead.isEmpty
    }

    // MARK: Other ways

    /// Whether a visitor's tunnel is reached without the peer at a link's other end.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func hasOtherWay(_ slot: UInt32, than linkSlot: UInt32) -> Bool {
        let visitor = visitors[slot]
        return isReached(
            visitor.pointee.tunnel, isUDP: false, staysInNode: visitor.pointee.isForwarded, otherThan: linkSlot)
    }

    /// Whether a tunnel has a connector here, or at a peer that is heard and not the one at the link's other end.
    private mutating func isReached(
        _ tunnel: TunnelID, isUDP: Bool, staysInNode: Bool, otherThan linkSlot: UInt32
    ) -> Bool {
        if directory.isKnown(tunnel, isUDP: isUDP) { return true }
        let suspect = peers.links[links[linkSlot].pointee.peerLink].pointee.peer
        guard let remote = peers.directory.find(tunnel, now: now) else { return false }
        for place in 0..<Int(remote.count) {
            let candidate = remote.candidates[place]
            guard candidate.isUDP == isUDP, candidate.peer != suspect, Int(candidate.peer) < peers.count,
                !staysInNode || peers[candidate.peer].pointee.isSibling
            else { continue }
            if isHeard(peers[candidate.peer]) { return true }
        }
        return false
    }

    private func isHeard(_ peer: UnsafeMutablePointer<Peer>) -> Bool {
        for worker in 0..<Int(peer.pointee.workers) {
            let link = peer.pointee.links[worker]
            if link != .max, mayForward(link), !isSuspect(peerLink: link) { return true }
        }
        return false
    }
}
