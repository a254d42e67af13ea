import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The bytes of a visit by TCP: from the local connection to the link and back, each way held back by the other's queue.

extension Worker {
    /// The local visitor sent something.
    @_noLocks
    mutating func visitReceived(_ slot: UInt32, _ slice: Slice) {
        let visit = visits[slot]
        counters.add(.bytesFromVisitors, UInt64(slice.count))
        visit.pointee.lastProgress = now
        let link = visit.pointee.link
        sendToServer(link, slice)
        if bytesQueued(link) >= Int(limits[.visitorQueueBytesMax]) { wantBytes(visit.pointee.socket, false) }
    }

    /// Sends payload on a visit's link, which carries nothing else. The caller holds the slice's buffer, and nobody else
    /// reads those bytes: they are masked where they are.
    @_noLocks
    mutating func sendToServer(_ linkSlot: UInt32, _ payload: Slice) {
        let link = links[linkSlot]
        let queue = linkQueue(linkSlot)
        if !link.pointee.isWebSocket {
            keep(&queue.pointee, payload)
        } else if Int(payload.offset) == BufferStore.headroom {
            var framed = payload
            wrapInPlace(linkSlot, &framed)
            keep(&queue.pointee, framed)
        } else {
            let key = maskKey()
            let headerCount = WebSocketHeader.byteCount(payload: Int(payload.count), masked: true)
            guard let header = buffers.cutArena(headerCount) else { return endLinkLater(linkSlot, .buffersFull) }
            _ = WebSocketHeader.write(
                to: buffers.pointer(header), opcode: .binary, payload: Int(payload.count), key: key)
            Mask.apply(buffers.pointer(payload), count: Int(payload.count), key: key)
            buffers.append(&queue.pointee, header)
            keep(&queue.pointee, payload)
        }
        queueFlush(link.pointee.socket)
    }

    /// The server sent something. The caller holds the slice's buffer.
    @_noLocks
    mutating func visitAnswered(_ linkSlot: UInt32, _ slice: Slice) {
        let slot = links[linkSlot].pointee.ownVisit
        let visit = visits[slot]
        visit.pointee.lastProgress = now
        if visit.pointee.isDatagram {
            keep(&visit.pointee.inbound, slice)
            return answerWithDatagrams(slot)
        }
        counters.add(.bytesToVisitors, UInt64(slice.count))
        let socket = sockets[visit.pointee.socket]
        keep(&socket.pointee.out, slice)
        queueFlush(visit.pointee.socket)
        if socket.pointee.out.byteCount >= Int(limits[.visitorQueueBytesMax]) {
            wantBytes(links[linkSlot].pointee.socket, false)
        }
    }

    /// The local visitor took something: the server may send more.
    @_noLocks
    mutating func visitDrained(_ slot: UInt32) {
        let visit = visits[slot]
        visit.pointee.lastProgress = now
        guard visit.pointee.isOpen, visit.pointee.link != .max,
            sockets[visit.pointee.socket].pointee.out.byteCount < Int(limits[.visitorQueueBytesMax]) / 2
        else { return }
        wantBytes(links[visit.pointee.link].pointee.socket, true)
    }

    /// The server took something: the local visitor may send more.
    @_noLocks
    mutating func visitLinkDrained(_ linkSlot: UInt32) {
        let slot = links[linkSlot].pointee.ownVisit
        let visit = visits[slot]
        if visit.pointee.isDatagram { return sendDatagramsToServer(slot) }
        guard bytesQueued(linkSlot) < Int(limits[.visitorQueueBytesMax]) / 2 else { return }
        wantBytes(visit.pointee.socket, true)
    }

    // MARK: Ends

    /// The local visitor will send no more, but still reads. A server of ours is told, by the end of the connection's one
    /// direction; a stock server would take that for the end of both (quirks C5): it is told when it has been silent.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func visitInputEnded(_ slot: UInt32) {
        let visit = visits[slot]
        visit.pointee.localEnded = true
        visit.pointee.lastProgress = now
        let link = visit.pointee.link
        if visit.pointee.answerEnded { return endLinkWhenSent(link, .finished) }
        if links[link].pointee.capabilities.has(.halfClose) { shutDownWhenSent(links[link].pointee.socket) }
        setVisitDeadline(slot)
    }

    /// The server will send no more. A server of ours may still take what the local visitor sends.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func visitAnswerEnded(_ linkSlot: UInt32) {
        let slot = links[linkSlot].pointee.ownVisit
        let visit = visits[slot]
        visit.pointee.answerEnded = true
        visit.pointee.lastProgress = now
        guard !visit.pointee.isDatagram, !visit.pointee.localEnded,
            links[linkSlot].pointee.capabilities.has(.halfClose)
        else { return endLinkWhenSent(linkSlot, .finished) }
        shutDownWhenSent(visit.pointee.socket)
        setVisitDeadline(slot)
    }

    /// The local connection failed: nobody is left to answer.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func visitBroke(_ slot: UInt32, _ reason: Reason) { abandonVisit(slot, reason) }
}
