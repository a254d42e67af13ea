import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Relay visitors: CONNECT on the tunnel port (protocol relay §7, tunnel-server §7). The link carries one stream's payload
// after the answer; UDP visitors' datagram framing is the two ends' business.

extension Worker {
    @inline(never) @_semantics("no_performance_analysis")
    mutating func beginVisit(_ linkSlot: UInt32, _ request: RelayRequest, _ tunnel: TunnelID) {
        let link = links[linkSlot]
        guard let service = table.service(link.pointee.service) else { return endLink(linkSlot, .shutdown) }
        link.pointee.isUDP = request.network == .udp
        let destination = request.destination ?? .empty
        if !service.isDirect {
            let found = lookUp(service.ingress, destination)
            guard found?.tunnel == tunnel else { return refuseRelay(linkSlot, .hostUnreachable, .noRoute) }
        }
        var wish = Directory.Wish()
        wish.isUDP = link.pointee.isUDP
        if link.pointee.hasMoved { wish.onlyWorker = index }
        link.pointee.tunnel = tunnel
        for _ in 0..<3 {
            guard let entry = directory.choose(tunnel, wish, &random) else { break }
            if Int(entry.worker) != index {
                return startLinkMove(linkSlot, to: entry.worker, request)
            }
            let source = request.source?.socketAddress ?? link.pointee.source
            if let stream = openStream(
                entry.link, partner: .relayVisitor(linkSlot), source: source, destination: destination)
            {
                return startVisit(linkSlot, stream)
            }
            wish.avoiding = entry.connector
        }
        refuseRelay(linkSlot, .serviceUnavailable, directory.isKnown(tunnel) ? .streamsFull : .tunnelOffline)
    }

    private mutating func startVisit(_ linkSlot: UInt32, _ stream: UInt32) {
        let link = links[linkSlot]
        link.pointee.stream = stream
        link.pointee.phase = .visiting
        sockets[link.pointee.socket].pointee.receivesOnce = false
        timers.clear(link.pointee.socket)
        sendRelayResponse(linkSlot, RelayResponse(.ok))
        if let early = buffers.popFirst(&link.pointee.pending) {
            relayVisitorSent(linkSlot, early)
            buffers.release(early.buffer)
        }
        if links.isLive(linkSlot) { wantBytes(link.pointee.socket, true) }
    }

    /// The route of a relay visitor's destination.
    private func lookUp(_ ingress: IngressIndex, _ destination: RelayAddress) -> Route? {
        guard !destination.isUnspecified else { return nil }
        let host = destination.hostText.hostFolded
        return host.withBytes {
            RouteLookup.resolve(ingress: ingress, host: $0, table: routeTable, overlay: routeOverlay)
        }
    }

    /// Payload of a relay visitor.
    mutating func relayVisitorSent(_ linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        guard link.pointee.stream != .max else { return }
        sendOnStream(link.pointee.stream, slice)
        if pausesSource(link.pointee.stream) { wantBytes(link.pointee.socket, false) }
    }

    mutating func relayVisitorMayContinue(_ linkSlot: UInt32) {
        wantBytes(links[linkSlot].pointee.socket, true)
    }

    /// Bytes reached the relay visitor: the stream's peer gets credit. (A connector's own drains need nothing: its
    /// flush fetches more.)
    mutating func linkDrained(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.phase == .visiting, link.pointee.stream != .max else { return }
        creditStream(link.pointee.stream, waiting: bytesQueued(linkSlot))
    }

    /// The relay visitor ended its sending side: its stream goes on until the answer ended or was silent for a while.
    mutating func relayVisitorInputEnded(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.stream != .max else { return endLink(linkSlot, .peerClosed) }
        if links[streams[link.pointee.stream].pointee.link].pointee.capabilities.has(.halfClose) {
            halfCloseStream(link.pointee.stream)
        } else {
            setDeadline(link.pointee.socket, now.advanced(milliseconds: limits[.halfCloseGraceMilliseconds]))
        }
    }

    mutating func relayVisitorTimedOut(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.stream != .max else { return endLink(linkSlot, .finished) }
        let end = streams[link.pointee.stream].pointee.lastProgress.advanced(
            milliseconds: limits[.halfCloseGraceMilliseconds])
        if now < end {
            setDeadline(link.pointee.socket, end)
        } else {
            endLinkWhenSent(linkSlot, .finished)
        }
    }

    /// The stream's other end is gone: what came from it is delivered, then the visitor's connection ends.
    mutating func relayVisitorStreamEnded(_ linkSlot: UInt32) {
        links[linkSlot].pointee.stream = .max
        endLinkWhenSent(linkSlot, .finished)
    }
}
