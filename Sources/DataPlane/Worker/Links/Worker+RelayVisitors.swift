import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Relay visitors: CONNECT on the tunnel port, or at an entrypoint that allows it (protocol relay §7, tunnel-server §7).
// The link carries one stream's payload after the answer; UDP visitors' datagram framing is the two ends' business.
//
//     the request's tunnel is                 the host's rule is       answer
//     entrypoint.id: a public visitor         none                     07
//                                             private                  06
//                                             of tunnel T              T's connectors
//     a tunnel's own id, with tunnel.direct,  (not looked at)          its connectors
//       or forwarded by another node
//     a tunnel's own id, else                 of that tunnel           its connectors, private or not
//                                             another's, or none       06
//     …and no connector of its kind (TCP, UDP) takes a stream          05

extension Worker {
    /// Decides where a CONNECT leads.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func beginVisit(
        _ linkSlot: UInt32, _ request: RelayRequest, _ presented: TunnelID, _ service: NodeTable.Service
    ) {
        let link = links[linkSlot]
        link.pointee.isUDP = request.network == .udp
        let destination = request.destination ?? .empty
        setAddress(linkSlot, destination)
        // Our own client: it is told that the end of its sending side is passed on (design §6).
        link.pointee.capabilities = (request.tunnel?.capabilities ?? []).agreed(with: .halfClose)
        // A name there would make the client ask its resolver (quirks C2): then it is the connection's own peer.
        link.pointee.visit.source = request.source?.socketAddress ?? link.pointee.source
        link.pointee.tunnel = presented
        routeVisit(linkSlot, service)
    }

    /// Goes on with a relay visitor that had to wait.
    mutating func resumeRelayVisitor(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        timers.clear(link.pointee.socket)
        link.pointee.phase = .awaitingRequest
        if link.pointee.visit.isRouted { return findConnector(linkSlot) }
        guard let service = table.service(link.pointee.service) else { return endLink(linkSlot, .shutdown) }
        routeVisit(linkSlot, service)
    }

    /// Finds the tunnel of a relay visitor, then a connector of it.
    private mutating func routeVisit(_ linkSlot: UInt32, _ service: NodeTable.Service) {
        let link = links[linkSlot]
        let presented = link.pointee.tunnel
        let destination = address(of: linkSlot)
        if !service.entrypointID.isZero, presented == service.entrypointID {
            guard let route = lookUp(link.pointee.ingress, destination) else {
                return relayRouteIsMissing(linkSlot, destination, .networkUnreachable)
            }
            guard !route.isPrivate else { return refuseRelay(linkSlot, .hostUnreachable, .privateRoute) }
            link.pointee.tunnel = route.tunnel
        } else if !service.isDirect, !link.pointee.visit.isForwarded {
            guard let route = lookUp(link.pointee.ingress, destination) else {
                return relayRouteIsMissing(linkSlot, destination, .hostUnreachable)
            }
            guard route.tunnel == presented else { return refuseRelay(linkSlot, .hostUnreachable, .noRoute) }
        }
        link.pointee.visit.isRouted = true
        findConnector(linkSlot)
    }

    /// Asks for the host's route where there is somebody to ask, else refuses.
    private mutating func relayRouteIsMissing(
        _ linkSlot: UInt32, _ destination: RelayAddress, _ status: RelayStatus
    ) {
        if !destination.isUnspecified, waitForRoute(link: linkSlot, destination.hostText.hostFolded) { return }
        let reason = refusal(links[linkSlot].pointee.visit.waiting, else: .noRoute)
        refuseRelay(linkSlot, reason == .noRoute ? status : .serviceUnavailable, reason)
    }

    /// The route of a relay visitor's destination.
    private func lookUp(_ ingress: IngressIndex, _ destination: RelayAddress) -> Route? {
        guard !destination.isUnspecified else { return nil }
        let host = destination.hostText.hostFolded
        return host.withBytes {
            RouteLookup.resolve(ingress: ingress, host: $0, tables: routeTables, overlay: routeOverlay)
        }
    }

    /// Opens the visit's stream on one of its tunnel's connectors, or sends the visitor to the worker that can.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func findConnector(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        var wish = Directory.Wish()
        wish.isUDP = link.pointee.isUDP
        wish.avoiding = link.pointee.visit.avoiding
        if link.pointee.hasMoved { wish.onlyWorker = index }
        for _ in 0..<3 {
            guard let entry = directory.choose(link.pointee.tunnel, wish, &random) else { break }
            if Int(entry.worker) != index { return startLinkMove(linkSlot, to: entry.worker) }
            precondition(links.isCurrent(entry.link, entry.linkGeneration), "the directory names a dead link")
            if let stream = openStream(
                entry.link, partner: .relayVisitor(linkSlot), source: link.pointee.visit.source,
                destination: address(of: linkSlot))
            {
                return startVisit(linkSlot, stream)
            }
            wish.avoiding = entry.connector
        }
        let isKnown = directory.isKnown(link.pointee.tunnel, isUDP: link.pointee.isUDP)
        var reason: Reason = isKnown ? .streamsFull : .tunnelOffline
        if peers.isActive {
            switch acquireElsewhere(relayVisitor: linkSlot, else: reason) {
            case .stream(let stream): return startVisit(linkSlot, stream)
            case .waits, .moves: return
            case .none(let found): reason = found
            }
        }
        visitFailed(linkSlot, link.pointee.visit.attempts > 0 ? link.pointee.visit.failure : reason)
    }

    /// Nobody can be visited: the visitor is told, or cut off where it was told the contrary before.
    @_noLocks
    mutating func visitFailed(_ linkSlot: UInt32, _ reason: Reason) {
        if links[linkSlot].pointee.visit.isAnswered {
            endLinkWhenSent(linkSlot, reason)
        } else {
            refuseRelay(linkSlot, .serviceUnavailable, reason)
        }
    }

    private mutating func startVisit(_ linkSlot: UInt32, _ stream: UInt32) {
        let link = links[linkSlot]
        link.pointee.stream = stream
        link.pointee.phase = .visiting
        link.pointee.visit.began = now
        if link.pointee.visit.attempts == 0 { earnRepetition() }
        timers.clear(link.pointee.socket)
        if !link.pointee.visit.isAnswered {
            link.pointee.visit.isAnswered = true
            var response = RelayResponse(.ok)
            if !link.pointee.capabilities.isEmpty {
                response.connector = RelayTunnel(
                    high: 0, low: 0, capabilities: link.pointee.capabilities, weight: 0)
            }
            sendRelayResponse(linkSlot, response)
        }
        guard sendKept(linkSlot) else { return endLinkLater(linkSlot, .buffersFull) }
        // As long as it may have to move on, nothing of it may be in flight for long.
        sockets[link.pointee.socket].pointee.receivesOnce = link.pointee.visit.mayRetry && workerCount > 1
        wantBytes(link.pointee.socket, true)
        if link.pointee.visit.inputEnded || sockets[link.pointee.socket].pointee.endOfInput {
            relayVisitorInputEnded(linkSlot)
        }
    }

    /// Payload of a relay visitor.
    @_noLocks
    mutating func relayVisitorSent(_ linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        guard link.pointee.stream != .max else { return }
        if link.pointee.visit.mayRetry { keepForRetry(linkSlot, slice) }
        link.pointee.visit.sentBytes += Int(slice.count)
        sendOnStream(link.pointee.stream, slice)
        if pausesSource(link.pointee.stream) { wantBytes(link.pointee.socket, false) }
    }

    @_noLocks
    mutating func relayVisitorMayContinue(_ linkSlot: UInt32) {
        wantBytes(links[linkSlot].pointee.socket, true)
    }

    /// Bytes reached the relay visitor: the stream's peer gets credit. (A connector's own drains need nothing: its
    /// flush fetches more.)
    @_noLocks
    mutating func linkDrained(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        if link.pointee.phase == .conversing { return visitLinkDrained(linkSlot) }
        guard link.pointee.phase == .visiting, link.pointee.stream != .max else { return }
        creditStream(link.pointee.stream, waiting: bytesQueued(linkSlot))
    }

    /// The relay visitor ended its sending side: its stream goes on until the answer ended or was silent for a while.
    @_noLocks
    mutating func relayVisitorInputEnded(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        link.pointee.visit.inputEnded = true
        guard link.pointee.stream != .max else { return endLink(linkSlot, .peerClosed) }
        if streams[link.pointee.stream].pointee.flags.contains(.peerHalfClosed) {
            // Both sides have ended: nothing is owed any more.
            endLinkWhenSent(linkSlot, .finished)
        } else if links[streams[link.pointee.stream].pointee.link].pointee.capabilities.has(.halfClose) {
            halfCloseStream(link.pointee.stream)
        } else {
            setDeadline(link.pointee.socket, now.advanced(milliseconds: limits[.halfCloseGraceMilliseconds]))
        }
    }

    @_noLocks
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

    /// The stream is gone, with its link (`.connectorLost`) or by its peer's word. The visit begins anew elsewhere if it
    /// may; else what came is delivered, then the visitor's connection ends.
    @_noLocks
    mutating func relayVisitorStreamEnded(
        _ linkSlot: UInt32, _ reason: Reason, connector: ConnectorID, wasTouched: Bool
    ) {
        links[linkSlot].pointee.stream = .max
        if retryVisit(linkSlot, reason, avoiding: connector, wasTouched: wasTouched) { return }
        let isEnd = reason == .streamEndedEarly || reason == .stalled
        // What was cut must not look complete.
        if !isEnd { sockets[links[linkSlot].pointee.socket].pointee.resetsWhenClosed = true }
        let isSpent = links[linkSlot].pointee.visit.failure == .repetitionsSpent
        endLinkWhenSent(linkSlot, isEnd ? .finished : isSpent ? .repetitionsSpent : reason)
    }
}
