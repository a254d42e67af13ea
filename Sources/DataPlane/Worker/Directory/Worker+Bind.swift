import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// BIND (protocol relay §5): the control plane decides about the host, every worker hears of the connector, then the
// client is told. The first request after that answer finds its way on any worker.

extension Worker {
    @inline(never) @_semantics("no_performance_analysis")
    mutating func beginBind(_ linkSlot: UInt32, _ request: RelayRequest, _ tunnel: RelayTunnel) {
        let link = links[linkSlot]
        let offered = tunnel.capabilities
        link.pointee.phase = .binding
        link.pointee.tunnel = tunnel.tunnelID
        link.pointee.connector = ConnectorID(randomHigh: unguessable(), randomLow: unguessable())
        link.pointee.weight = tunnel.weight
        link.pointee.isUDP = request.network == .udp
        link.pointee.capabilities = offered.agreed(with: Worker.capabilities)
        let port = request.destination?.port ?? 0
        setAddress(linkSlot, RelayAddress(name: InlineText(), port: port))
        // The desk answers well before; this is for a question or an answer that found no buffer to travel in.
        setDeadline(link.pointee.socket, now.advanced(milliseconds: limits[.handshakeTimeoutMilliseconds]))
        var host = InlineText()
        if let destination = request.destination, !destination.isUnspecified { host = destination.hostText }
        let question = BindQuestion(
            ask: BindAsk(
                ask: 0, connector: link.pointee.connector, tunnel: tunnel.tunnelID, service: link.pointee.service,
                requestedHost: host, port: port, isUDP: link.pointee.isUDP,
                weight: tunnel.weight, source: link.pointee.source,
                capabilities: link.pointee.capabilities.rawValue),
            worker: UInt8(index), link: linkSlot, generation: links.generation(of: linkSlot))
        if index == 0 {
            askDesk(question)
        } else {
            post(0, with: question) { .bindAsked($0) }
        }
    }

    /// Worker 0: the question goes to the control plane.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func askDesk(_ question: BindQuestion) {
        guard let desk = touchedDesk else { preconditionFailure("a bind without anybody to ask") }
        var question = question
        question.holdsHost = holdsHost(question.ask)
        desk.ask(question, now: now, patienceMilliseconds: limits[.bindAnswerTimeoutMilliseconds])
    }

    /// Whether the routes give the host that a client asks for to its tunnel: the only host that is granted without the
    /// control plane. A bare label stands for a host below each domain of the ingress.
    private func holdsHost(_ ask: BindAsk) -> Bool {
        let host = ask.requestedHost.hostFolded
        guard RelayAddress.isHostName(host), let service = table.service(ask.service) else { return false }
        var hosts = [host]
        if !host.withBytes({ $0.contains(UInt8(ascii: ".")) }) {
            hosts = table.domains(of: service.ingress).compactMap { InlineText("\(host.string).\($0)") }
        }
        let route = Route(tunnel: ask.tunnel, isPrivate: false)
        return !hosts.isEmpty
            && hosts.allSatisfy { host in
                host.withBytes {
                    RouteLookup.resolve(
                        ingress: service.ingress, host: $0, tables: routeTables, overlay: routeOverlay) == route
                }
            }
    }

    /// The decision about one of our links.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func bindDecided(_ verdict: BindVerdict) {
        guard links.isCurrent(verdict.link, verdict.generation), links[verdict.link].pointee.phase == .binding else {
            // The client went away meanwhile: what was granted is taken back.
            if verdict.isGranted { reportLost(verdict.connector, verdict.tunnel, .peerClosed) }
            return
        }
        guard verdict.isGranted else {
            return refuseRelay(
                verdict.link, RelayStatus(rawValue: verdict.status) ?? .serviceUnavailable, verdict.reason)
        }
        let link = links[verdict.link]
        setAddress(
            verdict.link, RelayAddress(name: verdict.host, port: address(of: verdict.link).port))
        let entry = ConnectorEntry(
            connector: link.pointee.connector, worker: index, isUDP: link.pointee.isUDP, weight: link.pointee.weight,
            service: link.pointee.service, link: verdict.link, linkGeneration: verdict.generation)
        switch directory.add(entry, to: link.pointee.tunnel) {
        case .added: break
        case .tunnelsFull: return takeBack(verdict, .tunnelsFull)
        case .connectorsFull: return takeBack(verdict, .connectorsFull)
        }
        link.pointee.isAnswered = true
        link.pointee.awaitedWorkers = UInt8(workerCount - 1)
        for worker in 0..<workerCount where worker != index {
            post(
                worker,
                .connectorAdded(
                    link.pointee.connector, link.pointee.tunnel, link: verdict.link, generation: verdict.generation,
                    service: link.pointee.service, weight: link.pointee.weight, isUDP: link.pointee.isUDP))
        }
        if workerCount == 1 { answerBind(verdict.link) }
    }

    /// What the control plane granted does not fit here.
    private mutating func takeBack(_ verdict: BindVerdict, _ reason: Reason) {
        reportLost(verdict.connector, verdict.tunnel, reason)
        refuseRelay(verdict.link, .serviceUnavailable, reason)
    }

    /// Tells the registry that a connector is gone.
    private mutating func reportLost(_ connector: ConnectorID, _ tunnel: TunnelID, _ reason: Reason) {
        if index == 0 {
            touchedDesk?.connectorLost(connector, tunnel, reason)
        } else {
            post(0, .connectorLost(connector, tunnel, reason))
        }
    }

    /// Another worker knows the connector now.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func connectorSeen(_ linkSlot: UInt32, _ generation: UInt32) {
        guard links.isCurrent(linkSlot, generation) else { return }
        links[linkSlot].pointee.awaitedWorkers -= 1
        if links[linkSlot].pointee.awaitedWorkers == 0 { answerBind(linkSlot) }
    }

    /// The OK response: host and port, then the connector's id (protocol relay §5); then frames.
    private mutating func answerBind(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        var response = RelayResponse(.ok)
        response.source = address(of: linkSlot)
        forgetAddress(linkSlot)
        response.connector = RelayTunnel(
            high: link.pointee.connector.high, low: link.pointee.connector.low,
            flags: link.pointee.isUDP ? 1 : 0, capabilities: link.pointee.capabilities, weight: link.pointee.weight)
        sendRelayResponse(linkSlot, response)
        link.pointee.smux.speaksExtension = !link.pointee.capabilities.isEmpty
        counters.add(.connectorsOpened)
        sendNotice(linkSlot)
        enterMux(linkSlot)
    }

    /// Tells our own client where its visitors come.
    private mutating func sendNotice(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.capabilities.has(.notice), let service = table.service(link.pointee.service) else { return }
        var text = service.urlTemplates.joined(separator: "\n")
        text.withUTF8 { bytes in
            let count = min(bytes.count, SmuxCommand.noticeBytesMax)
            sendControlBehindData(linkSlot, .notice, payload: bytes.baseAddress, count: count)
        }
    }

    /// The connector is gone: nobody is sent to it any more.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func withdrawConnector(_ linkSlot: UInt32, _ reason: Reason) {
        let link = links[linkSlot]
        guard !link.pointee.isClient else { return }
        let connector = link.pointee.connector
        let tunnel = link.pointee.tunnel
        _ = directory.remove(connector)
        for worker in 0..<workerCount where worker != index { post(worker, .connectorRemoved(connector)) }
        reportLost(connector, tunnel, reason)
        if link.pointee.phase == .mux { counters.add(.connectorsClosed) }
    }

}
