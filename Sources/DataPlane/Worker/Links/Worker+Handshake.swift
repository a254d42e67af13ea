import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What happens on a link before it carries frames: the WebSocket upgrade, the relay request, and our own dials' answers.

extension Worker {
    /// Collects bytes of a handshake and reads on.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func gatherHandshake(_ linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        guard link.pointee.pending.byteCount + Int(slice.count) <= BufferStore.payload else {
            return endLink(linkSlot, .relayFault)
        }
        guard buffers.appendCopy(&link.pointee.pending, UnsafeRawBufferPointer(buffers.bytes(slice))),
            buffers.join(&link.pointee.pending, first: link.pointee.pending.byteCount)
        else { return endLink(linkSlot, .buffersFull) }
        readHandshake(linkSlot)
    }

    mutating func readHandshake(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard let front = buffers.first(link.pointee.pending) else { return }
        switch link.pointee.phase {
        case .upgrading: readUpgrade(linkSlot, front)
        case .awaitingRequest: readRelayRequest(linkSlot, front)
        case .upgradeSent: readUpgradeAnswer(linkSlot, front)
        case .requestSent: readRelayAnswer(linkSlot, front)
        case .peerAccepted, .peerChallenged, .peerHelloSent, .peerProofSent: readPeerHandshake(linkSlot, front)
        case .proxied, .binding, .mux, .visiting, .moving, .refused, .lookingUp, .connecting, .conversing, .raw:
            return
        }
    }

    // MARK: The accepting side

    private mutating func readUpgrade(_ linkSlot: UInt32, _ front: Slice) {
        let link = links[linkSlot]
        guard let service = table.service(link.pointee.service) else { return endLink(linkSlot, .shutdown) }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        let step = HTTPRequestHead.read(bytes.bytes, limit: Int(limits[.headBytesMax]))
        switch step {
        case .needMore:
            return buffers.pack(&link.pointee.pending)
        case .fault(let fault):
            refuseUpgrade(linkSlot, status: fault.status == 431 ? 431 : 400, .badUpgrade)
        case .head(let head):
            if let reason = link.pointee.surplus { return refuseUpgrade(linkSlot, status: 503, reason) }
            switch WebSocketUpgrade.judge(head, bytes.bytes, path: service.path) {
            case .refuse(let status, let reason):
                refuseUpgrade(linkSlot, status: status, reason)
            case .accept(let key):
                acceptUpgrade(linkSlot, service, key, headCount: head.byteCount)
            }
        }
    }

    private mutating func acceptUpgrade(
        _ linkSlot: UInt32, _ service: NodeTable.Service, _ key: WebSocketUpgrade.Key, headCount: Int
    ) {
        let link = links[linkSlot]
        guard let buffer = buffers.take() else { return endLink(linkSlot, .buffersFull) }
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        var field = service.urlTemplates.first.map { "Culvert-URL: \($0)\r\n" } ?? ""
        let written = field.withUTF8 {
            WebSocketUpgrade.writeAcceptance(of: key, extra: UnsafeRawBufferPointer($0), into: target)
        }
        guard let count = written else {
            buffers.release(buffer)
            return endLink(linkSlot, .badUpgrade)
        }
        let queue = linkQueue(linkSlot)
        buffers.append(
            &queue.pointee, Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        queueFlush(link.pointee.socket)
        link.pointee.phase = .awaitingRequest
        readFramesBehind(linkSlot, headCount: headCount)
    }

    /// Bytes that came together with an HTTP head are WebSocket frames already.
    mutating func readFramesBehind(_ linkSlot: UInt32, headCount: Int) {
        let link = links[linkSlot]
        buffers.dropFirst(&link.pointee.pending, headCount)
        guard let rest = buffers.popFirst(&link.pointee.pending) else { return }
        readWebSocket(linkSlot, rest)
        buffers.release(rest.buffer)
    }

    private mutating func refuseUpgrade(_ linkSlot: UInt32, status: Int, _ reason: Reason) {
        guard let buffer = buffers.take() else { return endLink(linkSlot, .buffersFull) }
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        let count = WebSocketUpgrade.writeRefusal(status: status, reason, into: target) ?? 0
        precondition(count > 0)
        let queue = linkQueue(linkSlot)
        buffers.append(
            &queue.pointee, Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        endLinkWhenSent(linkSlot, reason)
    }

    /// The relay request (protocol relay §5): judged in the order stock servers judge it.
    private mutating func readRelayRequest(_ linkSlot: UInt32, _ front: Slice) {
        let link = links[linkSlot]
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch RelayRequest.read(bytes.bytes, limit: Int(limits[.relayHeadBytesMax])) {
        case .needMore:
            return buffers.pack(&link.pointee.pending)
        case .fault(let fault):
            endLink(linkSlot, fault == .wrongVersion ? .relayVersion : .relayFault)
        case .message(let request, let count):
            buffers.dropFirst(&link.pointee.pending, count)
            judge(linkSlot, request)
        }
    }

    private mutating func judge(_ linkSlot: UInt32, _ request: RelayRequest) {
        let link = links[linkSlot]
        if let reason = link.pointee.surplus { return refuseRelay(linkSlot, .serviceUnavailable, reason) }
        guard let tunnel = request.tunnel, !tunnel.tunnelID.isZero else {
            return refuseRelay(linkSlot, .badRequest, .noTunnel)
        }
        guard let service = table.service(link.pointee.service) else { return endLink(linkSlot, .shutdown) }
        guard admits(linkSlot, service, request) else { return }
        switch request.command {
        // Visitors' ports bind nothing, even where relay visitors are welcome.
        case .bind where link.pointee.isAtEntrypoint: refuseRelay(linkSlot, .forbidden, .relayAtEntrypoint)
        case .bind: beginBind(linkSlot, request, tunnel)
        case .connect: beginVisit(linkSlot, request, tunnel.tunnelID, service)
        case .other: refuseRelay(linkSlot, .badRequest, .unknownCommand)
        }
    }

    /// Answers with a bare status and closes (protocol relay §3).
    @_noLocks
    mutating func refuseRelay(_ linkSlot: UInt32, _ status: RelayStatus, _ reason: Reason) {
        sendRelayResponse(linkSlot, RelayResponse(status))
        endLinkWhenSent(linkSlot, reason)
    }

    @_noLocks
    mutating func sendRelayResponse(_ linkSlot: UInt32, _ response: RelayResponse) {
        guard let room = buffers.cutArena(BufferStore.headroom + 640) else {
            return endLinkLater(linkSlot, .buffersFull)
        }
        let target = UnsafeMutableRawBufferPointer(start: buffers.pointer(room) + BufferStore.headroom, count: 640)
        guard let count = response.write(into: target) else { preconditionFailure("a relay response outgrew its room") }
        sendRaw(
            linkSlot,
            Slice(
                buffer: room.buffer, offset: room.offset + UInt32(BufferStore.headroom), count: UInt32(count)))
    }

    // MARK: After the handshake

    /// The link is a connector from now on; frames that came early are read.
    mutating func enterMux(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        link.pointee.phase = .mux
        link.pointee.lastHeard = now
        link.pointee.lastKeepAlive = now
        sockets[link.pointee.socket].pointee.receivesOnce = false
        setLinkDeadline(linkSlot)
        wantBytes(link.pointee.socket, true)
        guard let early = buffers.popFirst(&link.pointee.pending) else { return }
        readFrames(linkSlot, early)
        buffers.release(early.buffer)
    }
}
