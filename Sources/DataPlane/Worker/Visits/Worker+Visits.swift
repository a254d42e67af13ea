import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A visit's life: begun by a local visitor, carried to a server, ended by either side. Its bytes pass in Worker+VisitBytes
// and Worker+VisitDatagrams.

extension Worker {
    /// Accepts local connections for the visitor service at `service` on the desk; the socket listens already.
    package mutating func openVisitService(_ service: UInt16, descriptor: Int32) {
        openListener(
            Listener(
                id: Worker.visitListenerBit | UInt32(service), descriptor: descriptor, visitService: service))
    }

    /// Marks the listeners of visitor services among all.
    private static var visitListenerBit: UInt32 { 1 << 24 }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func acceptVisit(_ descriptor: Int32, _ service: UInt16) {
        counters.add(.visitorsAccepted)
        guard let slot = visits.take(Visit(service: service, now: now)) else {
            note(.visitorsFull)
            return closeDescriptor(descriptor)
        }
        guard let socket = openSocket(descriptor, .visit, owner: slot) else {
            visits.give(slot)
            note(.visitorsFull)
            return closeDescriptor(descriptor)
        }
        visits[slot].pointee.socket = socket
        readPeerAddress(descriptor, at: UnsafeMutableRawPointer(visits[slot]) + offsets.visitPeer)
        dialVisit(slot)
    }

    /// The server that a visit dials.
    func visitServer(_ slot: UInt32, _ client: ClientDesk) -> ClientDesk.Server {
        let servers = client.visits.services[Int(visits[slot].pointee.service)].servers
        return servers[visitServerPosition(slot) % servers.count]
    }

    private func visitServerPosition(_ slot: UInt32) -> Int {
        Int(visits[slot].pointee.firstServer) + Int(visits[slot].pointee.attempts)
    }

    mutating func dialVisit(_ slot: UInt32) {
        guard let client else { preconditionFailure("a visit without a desk") }
        let visit = visits[slot]
        if visit.pointee.attempts == 0 {
            visit.pointee.firstServer = UInt16(client.visits.firstServers[Int(visit.pointee.service)])
        }
        let server = visitServer(slot, client)
        visit.pointee.isResolving = false
        guard let address = client.address(server.host, server.port, now: now) else {
            visit.pointee.isResolving = true
            return
        }
        var link = Link(
            socket: .max, phase: .connecting, service: ServiceIndex(0), isWebSocket: server.isWebSocket,
            isClient: true, muxVersion: 2, now: now)
        link.cipher = LinkCipher(server.cipher)
        link.ownVisit = slot
        link.peer.high = address.high
        link.peer.low = address.low
        link.peer.port = address.port
        guard let linkSlot = links.take(link) else { return endVisit(slot, .linksFull) }
        visit.pointee.link = linkSlot
        openDial(.ip(address), .link, owner: linkSlot)
    }

    /// A server's name was resolved or could not be: visits that wait for it go on.
    mutating func visitsResolved(_ host: String, isKnown: Bool) {
        guard let client else { return }
        var slot: UInt32 = 0
        while slot < visits.end {
            if visits.isLive(slot), visits[slot].pointee.isResolving, visitServer(slot, client).host == host {
                if isKnown { dialVisit(slot) } else { visitLinkEnded(slot, .dialFailed, .connecting) }
            }
            slot += 1
        }
    }

    /// CONNECT (protocol relay §7): the tunnel, who asks, and for what.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func sendConnect(_ linkSlot: UInt32) {
        guard let client else { preconditionFailure("a visit without a desk") }
        let visit = visits[links[linkSlot].pointee.ownVisit]
        let service = client.visits.services[Int(visit.pointee.service)]
        var request = RelayRequest(.connect)
        request.network = service.isUDP ? .udp : .tcp
        if let user = service.user {
            request.hasUserAuth = true
            request.user = user
            request.password = service.password
        }
        request.source = RelayAddress(visit.pointee.source)
        request.destination = service.destination
        request.tunnel = RelayTunnel(
            high: service.tunnel.high, low: service.tunnel.low, capabilities: .halfClose, weight: 0)
        sendRequest(linkSlot, request)
    }

    /// The server's answer; what follows an OK is payload already.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func readVisitAnswer(_ linkSlot: UInt32, _ front: Slice) {
        let link = links[linkSlot]
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch RelayResponse.read(bytes.bytes, limit: Int(limits[.relayHeadBytesMax])) {
        case .needMore: return
        case .fault: endLink(linkSlot, .relayFault)
        case .message(let response, let count):
            let slot = link.pointee.ownVisit
            guard response.status == RelayStatus.ok.number else {
                visits[slot].pointee.isReported = true
                client?.visits.failed(visits[slot].pointee.service, .refused(status: response.status))
                return endLink(linkSlot, .connectRefused)
            }
            link.pointee.capabilities = (response.connector?.capabilities ?? []).agreed(with: .halfClose)
            link.pointee.phase = .conversing
            timers.clear(link.pointee.socket)
            buffers.dropFirst(&link.pointee.pending, count)
            let generation = links.generation(of: linkSlot)
            visitOpened(slot)
            guard links.isCurrent(linkSlot, generation), let early = buffers.popFirst(&link.pointee.pending) else {
                return
            }
            visitAnswered(linkSlot, early)
            buffers.release(early.buffer)
        }
    }

    private mutating func visitOpened(_ slot: UInt32) {
        let visit = visits[slot]
        visit.pointee.isOpen = true
        visit.pointee.lastProgress = now
        if let client, visit.pointee.attempts > 0 {
            // The server that took the visit is the next one's first.
            let service = Int(visit.pointee.service)
            client.visits.firstServers[service] =
                visitServerPosition(slot) % client.visits.services[service].servers.count
        }
        if visit.pointee.isDatagram {
            datagramServices[Int(visit.pointee.datagramService)].openingCount -= 1
            setVisitDeadline(slot)
            sendDatagramsToServer(slot)
        } else {
            wantBytes(visit.pointee.socket, true)
        }
    }

    // MARK: Ending

    /// The visit's link is gone, in this phase of its life. Before the server was told anything, the next one is tried.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func visitLinkEnded(_ slot: UInt32, _ reason: Reason, _ phase: LinkPhase) {
        let visit = visits[slot]
        visit.pointee.link = .max
        guard let client, phase == .connecting || phase == .upgradeSent, !visit.pointee.isOpen else {
            return endVisit(slot, reason)
        }
        let service = Int(visit.pointee.service)
        visit.pointee.attempts += 1
        guard Int(visit.pointee.attempts) < client.visits.services[service].servers.count else {
            return endVisit(slot, reason)
        }
        dialVisit(slot)
    }

    /// Ends a visit that has no link any more. What came from the server is delivered, unless it was cut short: then the
    /// local connection is, too.
    private mutating func endVisit(_ slot: UInt32, _ reason: Reason) {
        let visit = visits[slot]
        if !visit.pointee.isOpen {
            if !visit.pointee.isReported { client?.visits.failed(visit.pointee.service, .ended(reason)) }
            if visit.pointee.isDatagram { datagramServices[Int(visit.pointee.datagramService)].openingCount -= 1 }
        }
        if visit.pointee.isDatagram { forgetSender(slot) }
        buffers.clear(&visit.pointee.outbound)
        buffers.clear(&visit.pointee.inbound)
        let socket = visit.pointee.socket
        // Behind the answer's end nothing can be missing.
        let mayLack = visit.pointee.isOpen && !visit.pointee.answerEnded
        let wasCut = mayLack && (visit.pointee.isCut || Worker.isCut(reason))
        visits.give(slot)
        counters.add(.visitorsClosed)
        guard socket != .max else { return }
        if wasCut { resetSocket(socket) } else { closeSocketWhenSent(socket, lingering: true) }
    }

    /// Whether a link that ended for this reason may have carried less than all.
    private static func isCut(_ reason: Reason) -> Bool { reason != .finished && reason != .peerClosed }

    /// Ends a visit from this side, without a word that could be taken for the end of one direction only.
    mutating func abandonVisit(_ slot: UInt32, _ reason: Reason) {
        let link = visits[slot].pointee.link
        if link == .max { return endVisit(slot, reason) }
        let socket = links[link].pointee.socket
        guard socket != .max else {
            // Its dial finds nobody and closes what it opened.
            note(reason)
            links.give(link)
            visits[slot].pointee.link = .max
            return endVisit(slot, reason)
        }
        sockets[socket].pointee.resetsWhenClosed = true
        endLink(link, reason)
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func visitTimedOut(_ linkSlot: UInt32) { setVisitDeadline(links[linkSlot].pointee.ownVisit) }

    /// When an open visit that is half ended, or of datagrams, is to be looked at; ends it when it was silent for so long.
    mutating func setVisitDeadline(_ slot: UInt32) {
        let visit = visits[slot]
        let link = links[visit.pointee.link]
        let silence: UInt64
        if visit.pointee.isDatagram {
            silence = client?.visits.services[Int(visit.pointee.service)].idleMilliseconds ?? 0
        } else if visit.pointee.answerEnded
            || (visit.pointee.localEnded && !link.pointee.capabilities.has(.halfClose))
        {
            silence = limits[.halfCloseGraceMilliseconds]
        } else {
            return timers.clear(link.pointee.socket)
        }
        let end = visit.pointee.lastProgress.advanced(milliseconds: silence)
        if end <= now {
            abandonVisit(slot, visit.pointee.isDatagram ? .datagramIdle : .finished)
        } else {
            setDeadline(link.pointee.socket, end)
        }
    }
}
