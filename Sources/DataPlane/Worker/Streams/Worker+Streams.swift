import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Streams: opening, sending, ending. The peer's frames come in by Worker+Mux.

extension Worker {
    @_noLocks
    private func streamKey(_ link: UInt32, _ id: UInt32) -> UInt64 { UInt64(link) << 32 | UInt64(id) }

    @_noLocks
    func findStream(_ link: UInt32, _ id: UInt32) -> UInt32? { streamIndex.first(streamKey(link, id)) }

    /// Makes the local end of a stream; nil when a limit is reached.
    @_noLocks
    mutating func addStream(_ linkSlot: UInt32, id: UInt32, partner: StreamPartner) -> UInt32? {
        guard hasRoomForStream(linkSlot) else { return nil }
        let link = links[linkSlot]
        let stream = Stream(
            link: linkSlot, id: id, partner: partner, flags: Stream.Flags(rawValue: 0),
            window: UInt32(limits[.streamWindowBytes]), opened: now, lastProgress: now,
            lastTaken: now)
        guard let slot = streams.take(stream) else { return nil }
        guard streamIndex.insert(streamKey(linkSlot, id), slot) else {
            streams.give(slot)
            return nil
        }
        // Version 1 has no windows: what a link may keep unread is counted for all its streams together.
        if link.pointee.smux.version == 1 { streams[slot].pointee.receiving.announce(window: UInt32(Int32.max)) }
        link.pointee.streamCount += 1
        streams[slot].pointee.nextInLink = link.pointee.firstStream
        if link.pointee.firstStream != .max { streams[link.pointee.firstStream].pointee.previousInLink = slot }
        link.pointee.firstStream = slot
        counters.add(.streamsOpened)
        return slot
    }

    /// Opens a stream to a tunnel client: SYN and, in the same flush, the header that names visitor and host (protocol
    /// mux §6). nil when a limit is reached.
    @_noLocks
    mutating func openStream(
        _ linkSlot: UInt32, partner: StreamPartner, source: SocketAddress, destination: RelayAddress
    ) -> UInt32? {
        let link = links[linkSlot]
        guard link.pointee.phase == .mux, link.pointee.nextStreamID < .max - 2 else {
            return nil
        }
        let id = link.pointee.nextStreamID + 2
        guard let slot = addStream(linkSlot, id: id, partner: partner) else { return nil }
        link.pointee.nextStreamID = id
        sendControl(linkSlot, .open, stream: id)
        var header = InlineArray<320, UInt8>(repeating: 0)
        let count = StreamHeader.write(to: &header, source: source, destination: destination)
        sendControl(linkSlot, .data, stream: id, payload: &header, count: count)
        streams[slot].pointee.sending.spend(UInt32(count))
        return slot
    }

    /// Queues bytes toward the peer; the queue gets a reference of its own, or a copy of what is small.
    @_noLocks
    mutating func sendOnStream(_ streamSlot: UInt32, _ slice: Slice) {
        let stream = streams[streamSlot]
        if stream.pointee.out.isEmpty { stream.pointee.lastTaken = now }
        keep(&stream.pointee.out, slice)
        stream.pointee.lastProgress = now
        markReadyIfAllowed(streamSlot)
    }

    @_noLocks
    mutating func markReadyIfAllowed(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard stream.pointee.forward == .max else { return }
        let hasWindows = links[stream.pointee.link].pointee.smux.version == 2
        if stream.pointee.out.isEmpty || !hasWindows || stream.pointee.sending.allowed > 0 { markReady(streamSlot) }
    }

    /// What may wait for a stream before its source is not read further: less where memory is short, because a source
    /// can wait, and what was read of it cannot be given back.
    private var sourceQueueBytesMax: Int {
        @_noLocks get {
            let most = Int(limits[.visitorQueueBytesMax])
            guard isMemoryShort else { return most }
            return min(most, isMemoryScarce ? BufferStore.stride : 4 * BufferStore.stride)
        }
    }

    /// Whether the source should stop reading: the queue toward the peer is long.
    @_noLocks
    mutating func pausesSource(_ streamSlot: UInt32) -> Bool {
        let stream = streams[streamSlot]
        guard stream.pointee.out.byteCount >= sourceQueueBytesMax else { return false }
        stream.pointee.flags.insert(.sourcePaused)
        return true
    }

    /// Some of the queue was framed: its source may go on.
    @_noLocks
    mutating func streamOutDrained(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        stream.pointee.lastProgress = now
        if case .stream(let other) = stream.pointee.partner {
            return creditStream(other, waiting: stream.pointee.out.byteCount)
        }
        guard stream.pointee.flags.contains(.sourcePaused),
            stream.pointee.out.byteCount < sourceQueueBytesMax / 2
        else { return }
        stream.pointee.flags.remove(.sourcePaused)
        switch stream.pointee.partner {
        case .visitor(let visitor): visitorMayContinue(visitor)
        case .relayVisitor(let link): relayVisitorMayContinue(link)
        case .target(let socket): targetMayContinue(streamSlot, socket)
        case .stream, .arriving, .telling, .none: break
        }
    }

    /// Everything that was queued is framed.
    @_noLocks
    mutating func streamOutEmptied(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        if stream.pointee.flags.contains(.finishes) {
            sendFinish(streamSlot)
        } else if stream.pointee.flags.contains(.halfCloses), !stream.pointee.flags.contains(.halfClosed) {
            stream.pointee.flags.insert(.halfClosed)
            frameBehindData(streamSlot, .halfClose)
        }
    }

    /// FIN behind what is queued; the stream is detached from its partner now and given back when FIN is framed.
    @_noLocks
    mutating func finishStream(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        // Nothing of it was sent: there is no end to come behind.
        if stream.pointee.forward != .max { return resetStream(streamSlot, .peerClosed) }
        stream.pointee.partner = .none
        buffers.clear(&stream.pointee.pending)
        stream.pointee.flags.insert(.finishes)
        settleUnread(streamSlot)
        if stream.pointee.out.isEmpty || stream.pointee.flags.contains(.peerFinished) {
            buffers.clear(&stream.pointee.out)
            sendFinish(streamSlot)
        } else {
            markReadyIfAllowed(streamSlot)
        }
    }

    /// Ends the stream at once; what was queued is dropped. The peer hears the reason if it understands it.
    @_noLocks
    mutating func resetStream(_ streamSlot: UInt32, _ reason: Reason) {
        let stream = streams[streamSlot]
        let link = links[stream.pointee.link]
        stream.pointee.partner = .none
        buffers.clear(&stream.pointee.out)
        if link.pointee.capabilities.contains(.reset), !stream.pointee.flags.contains(.peerFinished) {
            var code = UInt32(reason.rawValue).littleEndian
            sendControl(
                stream.pointee.link, .reset, stream: stream.pointee.id, payload: &code,
                count: MemoryLayout<UInt32>.size)
            removeStream(streamSlot)
        } else if link.pointee.stock != .max, !stream.pointee.flags.contains(.peerFinished) {
            removeStream(streamSlot)
        } else {
            sendFinish(streamSlot)
        }
    }

    @_noLocks
    private mutating func sendFinish(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        if links[stream.pointee.link].pointee.stock != .max { return finishStockStream(streamSlot) }
        let isTold = links[stream.pointee.link].pointee.capabilities.contains(.reset)
        if stream.pointee.flags.contains(.isCut), isTold, !stream.pointee.flags.contains(.peerFinished) {
            var code = UInt32(Reason.socketError.rawValue).littleEndian
            frameBehindData(streamSlot, .reset, payload: &code, count: MemoryLayout<UInt32>.size)
        } else {
            frameBehindData(streamSlot, .finish)
        }
        removeStream(streamSlot)
    }

    /// A frame that must not overtake the stream's own data: into the socket's queue, where that data already is.
    @_noLocks
    private mutating func frameBehindData(
        _ streamSlot: UInt32, _ command: SmuxCommand, payload: UnsafeRawPointer? = nil, count: Int = 0
    ) {
        let stream = streams[streamSlot]
        sendControlBehindData(stream.pointee.link, command, stream: stream.pointee.id, payload: payload, count: count)
    }

    /// Ends our side's sending by the private extension; only when the peer understands it.
    @_noLocks
    mutating func halfCloseStream(_ streamSlot: UInt32) {
        streams[streamSlot].pointee.flags.insert(.halfCloses)
        guard streams[streamSlot].pointee.forward == .max else { return }
        if streams[streamSlot].pointee.out.isEmpty { streamOutEmptied(streamSlot) }
    }

    /// Takes the stream out of every list and gives its slot back. Nothing is sent.
    @_noLocks
    mutating func removeStream(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let linkSlot = stream.pointee.link
        let link = links[linkSlot]
        forgetReady(streamSlot)
        forgetWindowUpdate(streamSlot)
        settleUnread(streamSlot)
        if stream.pointee.flags.contains(.parked) { parkedEnded(streamSlot) }
        if stream.pointee.forward != .max { peers.forwards.give(stream.pointee.forward) }
        buffers.clear(&stream.pointee.out)
        buffers.clear(&stream.pointee.pending)
        let previous = stream.pointee.previousInLink
        let following = stream.pointee.nextInLink
        if previous == .max {
            link.pointee.firstStream = following
        } else {
            streams[previous].pointee.nextInLink = following
        }
        if following != .max { streams[following].pointee.previousInLink = previous }
        let isIndexed = streamIndex.remove(streamKey(linkSlot, stream.pointee.id), streamSlot)
        precondition(isIndexed)
        link.pointee.streamCount -= 1
        streams.give(streamSlot)
        counters.add(.streamsClosed)
        if link.pointee.stock != .max { stockStreamGone(linkSlot) }
    }
}
