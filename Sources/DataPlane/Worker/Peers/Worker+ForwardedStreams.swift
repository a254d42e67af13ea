import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A stream that another data plane opened: its header says whose visitor it is (or that it is nobody's: Worker+PeerWords);
// it is paired with a stream on a connector of this worker, and from then on bytes pass from one to the other. Never with
// another peer link: one hop.
//
//     a connector of ours takes it            → `opened`, then its bytes
//     it lives on another worker of ours      → reset, naming that worker
//     none here, or none takes a stream       → reset with the reason, nothing touched
//
// Closing, as for visitors (Stream.swift); either of the two streams may end first:
//
//     FIN, or a reset behind bytes            → the other ends behind what it has, as cut if this one was
//     a reset before any byte, its link lost  → the other is reset with the reason
//     half-closed                             → the other too; where its peer is a stock client, which would lose the
//                                               answer, it is ended after `halfCloseGrace` of silence

extension Worker {
    /// SYN of another data plane. One of our own numbers is no peer's.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func forwardOpened(_ linkSlot: UInt32, _ id: UInt32) {
        let isOurs = id & 1 == links[linkSlot].pointee.nextStreamID & 1
        guard !isOurs, id != 0, findStream(linkSlot, id) == nil else { return endLinkLater(linkSlot, .smuxFault) }
        guard addStream(linkSlot, id: id, partner: .arriving) != nil else {
            note(.streamsFull, link: linkSlot)
            return refuseForward(linkSlot, id, ForwardRefusal(.streamsFull, isUntouched: true))
        }
        lookAtStreams(of: linkSlot, by: now.advanced(milliseconds: limits[.streamHeaderTimeoutMilliseconds]))
    }

    private mutating func refuseForward(_ linkSlot: UInt32, _ id: UInt32, _ refusal: ForwardRefusal) {
        var code = refusal.code.littleEndian
        sendControl(linkSlot, .reset, stream: id, payload: &code, count: MemoryLayout<UInt32>.size)
    }

    /// Ends a stream of another data plane that is not taken, and says why.
    mutating func refuseForward(_ streamSlot: UInt32, _ refusal: ForwardRefusal) {
        let stream = streams[streamSlot]
        refuseForward(stream.pointee.link, stream.pointee.id, refusal)
        removeStream(streamSlot)
    }

    /// Bytes of a stream whose header is not complete.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func forwardReceived(_ streamSlot: UInt32, _ slice: Slice) {
        let stream = streams[streamSlot]
        guard buffers.appendCopy(&stream.pointee.pending, UnsafeRawBufferPointer(buffers.bytes(slice))),
            buffers.join(&stream.pointee.pending, first: min(stream.pointee.pending.byteCount, BufferStore.payload)),
            let front = buffers.first(stream.pointee.pending)
        else { return refuseForward(streamSlot, ForwardRefusal(.buffersFull, isUntouched: true)) }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        if WordsHeader.begins(with: bytes[0]) { return wordsReceived(streamSlot, bytes) }
        switch ForwardHeader.read(bytes) {
        case .needMore: return
        case .fault:
            note(.relayFault, stream: streamSlot)
            refuseForward(streamSlot, ForwardRefusal(.relayFault, isUntouched: true))
        case .looped:
            note(.loopDetected, stream: streamSlot)
            refuseForward(streamSlot, ForwardRefusal(.loopDetected, isUntouched: true))
        case .header(let header, let count):
            buffers.dropFirst(&stream.pointee.pending, count)
            pair(streamSlot, header)
        }
    }

    /// Finds a connector for a forwarded stream, among those of this worker first.
    private mutating func pair(_ streamSlot: UInt32, _ header: ForwardHeader) {
        var wish = Directory.Wish()
        wish.isUDP = header.isUDP
        wish.preferredWorker = index
        var reason = Reason.tunnelOffline
        for _ in 0..<3 {
            guard let entry = directory.choose(header.tunnel, wish, &random) else { break }
            guard Int(entry.worker) == index else {
                let refusal = ForwardRefusal(.peerElsewhere, worker: Int(entry.worker), isUntouched: true)
                return refuseForward(streamSlot, refusal)
            }
            precondition(links.isCurrent(entry.link, entry.linkGeneration), "the directory names a dead link")
            if let other = openStream(
                entry.link, partner: .stream(streamSlot), source: header.source, destination: header.destination)
            {
                return join(streamSlot, other)
            }
            reason = .streamsFull
            wish.avoiding = entry.connector
        }
        refuseForward(streamSlot, ForwardRefusal(reason, isUntouched: true))
    }

    private mutating func join(_ streamSlot: UInt32, _ other: UInt32) {
        let stream = streams[streamSlot]
        stream.pointee.partner = .stream(other)
        counters.add(.forwardsAccepted)
        sendControl(stream.pointee.link, .opened, stream: stream.pointee.id)
        guard !stream.pointee.pending.isEmpty else { return }
        buffers.move(&stream.pointee.pending, behind: &streams[other].pointee.out)
        markReadyIfAllowed(other)
    }

    // MARK: Ends

    /// One of two paired streams is over, and gone: the other hears of it. `isUntouched`: nothing of what came for it
    /// was passed on.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func pairedStreamEnded(_ streamSlot: UInt32, _ reason: Reason, isUntouched: Bool) {
        let stream = streams[streamSlot]
        let link = links[stream.pointee.link]
        if reason == .streamEndedEarly { return finishStream(streamSlot) }
        if !stream.pointee.out.isEmpty {
            stream.pointee.flags.insert(.isCut)
            return finishStream(streamSlot)
        }
        if link.pointee.peerLink != .max, !stream.pointee.flags.contains(.peerFinished) {
            return refuseForward(streamSlot, ForwardRefusal(reason, isUntouched: isUntouched))
        }
        resetStream(streamSlot, reason)
    }

    /// One of two paired streams will bring no more, but still takes bytes.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func pairedStreamHalfClosed(_ streamSlot: UInt32, _ other: UInt32) {
        streams[streamSlot].pointee.flags.insert(.peerHalfClosed)
        if links[streams[other].pointee.link].pointee.capabilities.has(.halfClose) { return halfCloseStream(other) }
        let linkSlot = streams[streamSlot].pointee.link
        lookAtStreams(of: linkSlot, by: now.advanced(milliseconds: limits[.halfCloseGraceMilliseconds]))
    }

    // MARK: What is looked at from time to time

    /// Looks at a peer link's streams: answers that are overdue, headers that do not come, half-closed ones that are
    /// silent. Notes when to look again.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func lookAtPeerStreams(_ linkSlot: UInt32) {
        links[linkSlot].pointee.headersDue = .never
        var next = Tick.never
        var cursor = links[linkSlot].pointee.firstStream
        while cursor != .max {
            let slot = cursor
            cursor = streams[slot].pointee.nextInLink
            guard let due = due(ofPeerStream: slot) else { continue }
            if due > now {
                next = min(next, due)
                continue
            }
            overdue(slot)
            // What follows may have ended with it.
            guard links.isLive(linkSlot), links[linkSlot].pointee.peerLink != .max else { return }
            if cursor != .max, !streams.isLive(cursor) || streams[cursor].pointee.link != linkSlot {
                cursor = links[linkSlot].pointee.firstStream
            }
        }
        links[linkSlot].pointee.headersDue = min(links[linkSlot].pointee.headersDue, next)
    }

    private func due(ofPeerStream slot: UInt32) -> Tick? {
        let stream = streams[slot]
        if stream.pointee.forward != .max {
            return stream.pointee.opened.advanced(milliseconds: limits[.forwardTimeoutMilliseconds])
        }
        switch stream.pointee.partner {
        case .arriving: return stream.pointee.opened.advanced(milliseconds: limits[.streamHeaderTimeoutMilliseconds])
        case .telling: return stream.pointee.opened.advanced(milliseconds: limits[.lookupTimeoutMilliseconds])
        case .stream(let other) where stream.pointee.flags.contains(.peerHalfClosed):
            guard !streams[other].pointee.flags.contains(.halfCloses) else { return nil }
            return streams[other].pointee.lastProgress.advanced(milliseconds: limits[.halfCloseGraceMilliseconds])
        default: return nil
        }
    }

    private mutating func overdue(_ slot: UInt32) {
        if streams[slot].pointee.forward != .max {
            note(.forwardTimeout, stream: slot)
            return openElsewhere(slot, .forwardTimeout)
        }
        if streams[slot].pointee.partner == .telling { return tellingOverdue(slot) }
        if case .stream(let other) = streams[slot].pointee.partner {
            streams[slot].pointee.partner = .none
            finishStream(other)
            return finishStream(slot)
        }
        note(.streamHeaderTimeout, stream: slot)
        refuseForward(slot, ForwardRefusal(.streamHeaderTimeout, isUntouched: true))
    }
}
