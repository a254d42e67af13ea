import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The customer's local service behind a stream that a server opened: its header is read, the service is dialled
// (Worker+TargetDials), bytes are passed on. Every stream waits for its own service only.

extension Worker {
    @inline(never) @_semantics("no_performance_analysis")
    mutating func clientStreamOpened(_ linkSlot: UInt32, _ id: UInt32) {
        guard findStream(linkSlot, id) == nil else { return }
        guard targets(of: linkSlot) != nil else { return refuseStream(linkSlot, id, .shutdown) }
        guard let slot = addStream(linkSlot, id: id, partner: .target(socket: .max)) else {
            return refuseStream(linkSlot, id, .streamsFull)
        }
        streams[slot].pointee.lastProgress = now
        awaitHeader(linkSlot)
    }

    /// The stream ends before it began; a server of ours learns why, and repeats it elsewhere.
    private mutating func refuseStream(_ linkSlot: UInt32, _ id: UInt32, _ reason: Reason) {
        note(reason, link: linkSlot)
        guard links[linkSlot].pointee.capabilities.has(.reset) else {
            return sendControl(linkSlot, .finish, stream: id)
        }
        var code = UInt32(reason.rawValue).littleEndian
        sendControl(linkSlot, .reset, stream: id, payload: &code, count: MemoryLayout<UInt32>.size)
    }

    @_noLocks
    mutating func clientStreamReceived(_ streamSlot: UInt32, _ socket: UInt32, _ slice: Slice) {
        let stream = streams[streamSlot]
        if stream.pointee.flags.contains(.connected) {
            let target = sockets[socket]
            keep(&target.pointee.out, slice)
            return queueFlush(socket)
        }
        keep(&stream.pointee.pending, slice)
        if !stream.pointee.flags.contains(.headerRead) { readStreamHeader(streamSlot) }
    }

    /// Visitor's address and host (protocol mux §6). The host is the visitor's word: it never says where we dial.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func readStreamHeader(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let count = min(stream.pointee.pending.byteCount, BufferStore.payload)
        guard buffers.join(&stream.pointee.pending, first: count),
            let front = buffers.first(stream.pointee.pending)
        else { return targetUnreachable(streamSlot, .buffersFull) }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch RelayResponse.read(bytes.bytes, limit: Int(limits[.relayHeadBytesMax])) {
        case .needMore: return
        case .fault: targetUnreachable(streamSlot, .relayFault)
        case .message(let header, let count):
            guard header.status == RelayStatus.ok.number else { return targetUnreachable(streamSlot, .relayFault) }
            buffers.dropFirst(&stream.pointee.pending, count)
            stream.pointee.flags.insert(.headerRead)
            beginTargetDial(
                streamSlot, visitor: header.source?.socketAddress ?? .unknown,
                host: header.destination?.hostText ?? InlineText(), port: header.destination?.port ?? 0)
        }
    }

    mutating func targetConnected(_ streamSlot: UInt32, _ socket: UInt32) {
        let stream = streams[streamSlot]
        timers.clear(socket)
        stream.pointee.flags.insert(.connected)
        guard targetAnswered(streamSlot, socket) else { return }
        if links[stream.pointee.link].pointee.capabilities.has(.opened) {
            sendControl(stream.pointee.link, .opened, stream: stream.pointee.id)
        }
        buffers.move(&stream.pointee.pending, behind: &sockets[socket].pointee.out)
        if stream.pointee.flags.contains(.peerHalfClosed) { sockets[socket].pointee.shutsDownWhenSent = true }
        if !sockets[socket].pointee.out.isEmpty || sockets[socket].pointee.shutsDownWhenSent { queueFlush(socket) }
        creditStream(streamSlot, waiting: sockets[socket].pointee.out.byteCount)
        if sockets[socket].pointee.isDatagram { expireWhenIdle(streamSlot, socket) }
        wantBytes(socket, true)
    }

    /// No service can be reached, or none takes the stream: the server may try another connector.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func targetUnreachable(_ streamSlot: UInt32, _ reason: Reason) {
        note(reason, stream: streamSlot)
        let connection = links[streams[streamSlot].pointee.link].pointee.connection
        client?.targetFailed(connection, reason, now: now)
        client?.dials[streamSlot] = nil
        if case .target(let socket) = streams[streamSlot].pointee.partner, socket != .max { closeSocket(socket) }
        resetStream(streamSlot, reason)
    }

    @_noLocks
    mutating func targetTimedOut(_ streamSlot: UInt32) {
        guard streams[streamSlot].pointee.flags.contains(.connected) else {
            return targetAttemptFailed(streamSlot, .dialTimeout)
        }
        if case .target(let socket) = streams[streamSlot].pointee.partner { expireWhenIdle(streamSlot, socket) }
    }

    /// The service answered.
    @_noLocks
    mutating func targetReceived(_ streamSlot: UInt32, _ slice: Slice) {
        sendOnStream(streamSlot, slice)
        if pausesSource(streamSlot), case .target(let socket) = streams[streamSlot].pointee.partner {
            wantBytes(socket, false)
        }
    }

    @_noLocks
    mutating func targetMayContinue(_ streamSlot: UInt32, _ socket: UInt32) {
        if socket != .max { wantBytes(socket, true) }
    }

    /// The service ended its side. With the extension the visitor may still send; otherwise this ends the stream behind
    /// what was answered.
    @_noLocks
    mutating func targetInputEnded(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard case .target(let socket) = stream.pointee.partner else { return }
        if links[stream.pointee.link].pointee.capabilities.has(.halfClose),
            !stream.pointee.flags.contains(.peerHalfClosed)
        {
            halfCloseStream(streamSlot)
        } else {
            finishStream(streamSlot)
            closeSocketWhenSent(socket, lingering: false)
        }
    }

    /// Bytes reached the service.
    @_noLocks
    mutating func targetDrained(_ streamSlot: UInt32) {
        guard case .target(let socket) = streams[streamSlot].pointee.partner, socket != .max else { return }
        creditStream(streamSlot, waiting: sockets[socket].pointee.out.byteCount)
    }

    @_noLocks
    mutating func targetFailed(_ streamSlot: UInt32, _ reason: Reason) {
        guard case .target(let socket) = streams[streamSlot].pointee.partner else { return }
        closeSocket(socket)
        // An answer that ends with its connection must not look complete.
        streams[streamSlot].pointee.flags.insert(.isCut)
        finishStream(streamSlot)
    }

    /// The visitor ended its sending side, but still reads.
    @_noLocks
    mutating func clientStreamHalfClosed(_ streamSlot: UInt32, _ socket: UInt32) {
        streams[streamSlot].pointee.flags.insert(.peerHalfClosed)
        if streams[streamSlot].pointee.flags.contains(.halfCloses) {
            // The service ended first: now both sides have, and nothing is owed.
            finishStream(streamSlot)
            return closeSocketWhenSent(socket, lingering: false)
        }
        if streams[streamSlot].pointee.flags.contains(.connected) { shutDownWhenSent(socket) }
    }

    /// The stream is gone: what came from it still reaches the service, then its connection ends.
    @_noLocks
    mutating func clientStreamEnded(_ socket: UInt32) {
        guard socket != .max else { return }
        if sockets[socket].pointee.dialBuffer != .max {
            closeSocket(socket)
        } else {
            closeSocketWhenSent(socket, lingering: false)
        }
    }
}
