import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A visitor's stream at a stock node (protocol tunnel-server §9): a connection of its own to the node's entrypoint, on
// which nothing but that visitor's bytes pass; a link with one stream and without frames. As at any other node the stream
// is a forward, of which nothing leaves, until it is accepted:
//
//     HTTP             connected               → the head, with its fields for nodes; one request on each connection
//     TLS              connected               → the hello as it came
//     relay visitor    connected               → its request, with the tunnel that was found and without its login;
//                      the answer says OK      → its bytes
//     not connected, no answer, another answer → the next candidate, with all that waits
//
// The ends of the stream are those of the connection; half-closes are kept from a stock node, which would take them for
// the end of both directions (tunnel-server §10):
//
//     FIN              ⇄ the connection ends, behind what is queued
//     reset, cut       → the connection is reset
//     it broke         → the stream is lost, as with its connector
//
// One hop: a stock node whose knowledge is old may send a visitor back to us. What comes from an address of one is never
// forwarded (Worker+ForwardedVisitors). One that comes from where it is not expected, behind a translation of addresses,
// is known by what it cannot change: a request by its fields (HTTPNodeFields), a hello by its random bytes, as long as the
// first connection stands, by the worker that forwarded it; that ends after as many rounds as there are workers. A relay
// visitor does not come back: stock nodes forward none that came to an entrypoint (quirks C13).

extension Worker {
    /// For how long a stock node that could not be reached comes last.
    private static var stockPauseMilliseconds: UInt64 { 5_000 }

    /// Dials a stock node for a forward; the stream that waits for it, or nil when there is no room.
    mutating func openStockForward(_ place: UInt32, _ partner: StreamPartner, at number: UInt16) -> UInt32? {
        guard case .ip(let address)? = peers[number].pointee.address,
            peers.stockLinks < UInt32(limits[.stockLinksPerWorkerMax]),
            links.count < UInt32(limits[.linksPerWorkerMax]), !sockets.isFull, hasDescriptor(reservedShare: 1)
        else { return nil }
        // Without windows, as version 1 has it.
        var link = Link(
            socket: .max, phase: .connecting, service: ServiceIndex(0), isWebSocket: false, isClient: false,
            muxVersion: 1, now: now)
        link.stock = number
        link.connector = Worker.connector(ofPeer: number)
        link.source = address
        link.tunnel = peers.forwards[place].pointee.header.tunnel
        guard let linkSlot = links.take(link) else { return nil }
        guard let stream = addStream(linkSlot, id: 1, partner: partner) else {
            links.give(linkSlot)
            return nil
        }
        streams[stream].pointee.forward = place
        peers.stockLinks += 1
        openDial(.ip(address), .link, owner: linkSlot)
        counters.add(.forwardsOpened)
        counters.add(.stockForwardsOpened)
        return stream
    }

    // MARK: Accepted

    /// The node's entrypoint is connected.
    mutating func stockNodeReached(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let stream = link.pointee.firstStream
        // Its visitor has left in this turn.
        guard stream != .max else { return }
        noteStockNode(link.pointee.stock, isThere: true)
        guard case .visitor(let visitor) = streams[stream].pointee.partner else {
            return sendStockRequest(linkSlot, peers.forwards[streams[stream].pointee.forward].pointee.header)
        }
        if visitors[visitor].pointee.isTLS {
            markHello(linkSlot, stream)
        } else if !addNodeFields(visitor, stream) {
            return endVisitor(visitor, .buffersFull)
        }
        beginConversation(linkSlot, stream)
    }

    /// From here on the visitor's bytes pass, both ways.
    private mutating func beginConversation(_ linkSlot: UInt32, _ stream: UInt32) {
        links[linkSlot].pointee.phase = .raw
        beginForwarding(stream)
    }

    /// A relay visitor's request, as this node has judged it: the tunnel's own id, and no login (protocol tunnel-server
    /// §7, §8.5).
    private mutating func sendStockRequest(_ linkSlot: UInt32, _ header: ForwardHeader) {
        var request = RelayRequest(.connect)
        request.network = header.isUDP ? .udp : .tcp
        request.source = RelayAddress(header.source)
        request.destination = header.destination
        request.tunnel = RelayTunnel(
            high: header.tunnel.high, low: header.tunnel.low, flags: 0, capabilities: [], weight: 0)
        sendRequest(linkSlot, request)
    }

    /// The node's answer to a relay visitor's request.
    mutating func readStockAnswer(_ linkSlot: UInt32, _ front: Slice) {
        let link = links[linkSlot]
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch RelayResponse.read(bytes.bytes, limit: Int(limits[.relayHeadBytesMax])) {
        case .needMore: return
        case .fault: endLink(linkSlot, .relayFault)
        case .message(let response, let count):
            guard response.status == RelayStatus.ok.number else { return endLink(linkSlot, .connectRefused) }
            let stream = link.pointee.firstStream
            guard stream != .max else { return }
            buffers.dropFirst(&link.pointee.pending, count)
            beginConversation(linkSlot, stream)
            setLinkDeadline(linkSlot)
            guard let early = buffers.popFirst(&link.pointee.pending) else { return }
            rawReceived(linkSlot, early)
            buffers.release(early.buffer)
        }
    }

    /// Writes into the head that waits in a stream who hands the request on. Only now is it known to whom: until it was
    /// accepted the request may have been meant for any node. False without a buffer.
    private mutating func addNodeFields(_ visitor: UInt32, _ streamSlot: UInt32) -> Bool {
        let stream = streams[streamSlot]
        guard var front = buffers.first(stream.pointee.out) else { return false }
        var step = HTTPRequestHead.read(
            UnsafeRawBufferPointer(buffers.bytes(front)).bytes, limit: BufferStore.payload)
        if case .needMore = step {
            let available = min(stream.pointee.out.byteCount, BufferStore.payload)
            guard buffers.join(&stream.pointee.out, first: available), let joined = buffers.first(stream.pointee.out)
            else { return false }
            front = joined
            step = HTTPRequestHead.read(
                UnsafeRawBufferPointer(buffers.bytes(front)).bytes, limit: BufferStore.payload)
        }
        guard case .head(let head) = step else {
            precondition(false, "a request was forwarded without its head")
            return false
        }
        let fields = HTTPNodeFields(node: peers.nodeText, session: (unguessable(), unguessable()))
        let most = head.byteCount + HTTPNodeFields.growthBytesMax + 2 * Int(fields.node.count)
        let room =
            most <= BufferStore.pieceBytesMax
            ? buffers.cutArena(most)
            : buffers.take().map {
                Slice(buffer: $0, offset: UInt32(BufferStore.headroom), count: UInt32(BufferStore.payload))
            }
        guard let room else { return false }
        guard
            let count = fields.write(
                head, UnsafeRawBufferPointer(buffers.bytes(front)).bytes, into: buffers.bytes(room))
        else {
            buffers.release(room.buffer)
            return false
        }
        buffers.dropFirst(&stream.pointee.out, head.byteCount)
        buffers.prepend(&stream.pointee.out, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(count)))
        visitors[visitor].pointee.requestBytes += count - head.byteCount
        return true
    }

    // MARK: Hellos that come back

    /// Notes the hello that waits in a stream, to know it again.
    private mutating func markHello(_ linkSlot: UInt32, _ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let count = ClientHello.markedBytes
        guard stream.pointee.out.byteCount >= count, buffers.join(&stream.pointee.out, first: count),
            let front = buffers.first(stream.pointee.out)
        else { return }
        let mark = ClientHello.mark(UnsafeRawBufferPointer(buffers.bytes(front)).bytes)
        if peers.hellos.insert(mark, linkSlot) { links[linkSlot].pointee.helloMark = mark }
    }

    /// Whether the hello that a visitor's input begins with is one that we have handed to a stock node.
    @_noLocks
    func isHelloOfOurs(_ slot: UInt32) -> Bool {
        guard let front = buffers.first(visitors[slot].pointee.input),
            Int(front.count) >= ClientHello.markedBytes
        else { return false }
        let mark = ClientHello.mark(UnsafeRawBufferPointer(buffers.bytes(front)).bytes)
        return peers.hellos.first(mark) != nil
    }

    // MARK: Ends

    /// The stream's FIN, behind what it had: the connection ends. Cut short, it is reset instead.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func finishStockStream(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        let isCut = stream.pointee.flags.contains(.isCut) && !stream.pointee.flags.contains(.peerFinished)
        if !isCut { endLinkLater(stream.pointee.link, .finished) }
        removeStream(streamSlot)
    }

    /// The stream of a link to a stock node is over: so is the link, by a reset if nothing was said before.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func stockStreamGone(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        if link.pointee.helloMark != 0 {
            let isKnown = peers.hellos.remove(link.pointee.helloMark, linkSlot)
            precondition(isKnown)
            link.pointee.helloMark = 0
        }
        // The link is being ended.
        guard link.pointee.phase != .moving, link.pointee.doom == nil else { return }
        guard link.pointee.socket != .max else {
            // The descriptor that is on its way to it is closed when it comes.
            forgetStockLink(linkSlot, .peerClosed)
            return links.give(linkSlot)
        }
        sockets[link.pointee.socket].pointee.resetsWhenClosed = true
        endLinkLater(linkSlot, .peerClosed)
    }

    /// Ends a link whose stream is complete. What is still on its way is not overtaken by a reset; of an answer that
    /// nobody wants any more nothing is read.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func endStockLink(_ linkSlot: UInt32) {
        let isSending = bytesQueued(linkSlot) > 0 || sockets[links[linkSlot].pointee.socket].pointee.isSending
        endLinkWhenSent(linkSlot, .finished, lingering: isSending)
    }

    /// The node ended the connection.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func stockNodeEnded(_ linkSlot: UInt32) {
        let stream = links[linkSlot].pointee.firstStream
        guard stream != .max else { return endLink(linkSlot, .finished) }
        streamFinished(stream)
    }

    /// The link goes, for a reason. A node that was not reached comes last for a while.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func forgetStockLink(_ linkSlot: UInt32, _ reason: Reason) {
        let link = links[linkSlot]
        peers.stockLinks -= 1
        let isAwaited = link.pointee.phase == .connecting || link.pointee.phase == .requestSent
        guard isAwaited, link.pointee.firstStream != .max else { return }
        switch reason {
        // The node is there, or it is we who have no room.
        case .connectRefused, .descriptorsFull, .buffersFull, .shutdown: return
        default: break
        }
        noteStockNode(link.pointee.stock, isThere: false)
    }

    /// Notes whether a stock node could be reached. Its number may be another's by now.
    private mutating func noteStockNode(_ number: UInt16, isThere: Bool) {
        let peer = peers[number]
        guard peer.pointee.isStock else { return }
        peer.pointee.failures = isThere ? 0 : 1
        if !isThere { peer.pointee.retryAt = now.advanced(milliseconds: Worker.stockPauseMilliseconds) }
    }

    /// There is no descriptor to dial with.
    mutating func abandonStockDial(_ linkSlot: UInt32, _ reason: Reason) {
        note(reason, link: linkSlot)
        forgetStockLink(linkSlot, reason)
        links[linkSlot].pointee.phase = .moving
        loseStream(links[linkSlot].pointee.firstStream, reason)
        links.give(linkSlot)
    }

    /// What a visitor is told when no candidate is left behind a stock node that did not take it.
    @_noLocks
    func refusal(ofStockNode reason: Reason) -> Reason {
        switch reason {
        case .dialTimeout: .forwardTimeout
        case .connectRefused: .tunnelOffline
        case .descriptorsFull, .buffersFull: reason
        default: .peersUnreachable
        }
    }

    /// A stream that waited at another node, whose visitor has ended its sending side, is handed to a stock node: that is
    /// kept from it until the answer ended or was silent for a while.
    mutating func keepHalfClose(_ streamSlot: UInt32, of partner: StreamPartner) {
        guard streams[streamSlot].pointee.flags.contains(.halfCloses) else { return }
        streams[streamSlot].pointee.flags.remove(.halfCloses)
        let end = now.advanced(milliseconds: limits[.halfCloseGraceMilliseconds])
        switch partner {
        case .visitor(let visitor): setDeadline(visitors[visitor].pointee.socket, end)
        case .relayVisitor(let link): setDeadline(links[link].pointee.socket, end)
        case .target, .stream, .arriving, .telling, .none: return
        }
    }
}
