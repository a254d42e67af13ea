import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// BINDs: asked of the control plane, and decided here when it is away or slow.

extension PlaneDesk {
    /// A BIND from one of the workers. Decided by the control plane if it is there and answers in time.
    func ask(_ question: BindQuestion, now: Tick, patienceMilliseconds: UInt64) {
        var question = question
        question.ask.ask = nextAsk
        nextAsk += 1
        guard isConnected else { return decideAlone(question.ask.ask, question) }
        pendingBinds[question.ask.ask] = PendingBind(
            question: question, deadline: now.advanced(milliseconds: patienceMilliseconds))
        askedBinds.append(question.ask.ask)
        send(.bindAsk(question.ask))
    }

    func answered(_ ask: UInt64, _ outcome: BindOutcome) {
        guard let pending = pendingBinds.removeValue(forKey: ask) else { return }
        switch outcome {
        case .granted(let host):
            grant(pending.question, host)
        case .refused(let status, let reason):
            let verdict = BindVerdict(
                connector: pending.question.ask.connector, tunnel: pending.question.ask.tunnel,
                link: pending.question.link, generation: pending.question.generation, isGranted: false,
                status: status, reason: reason, host: InlineText())
            effects.append(.answerBind(worker: Int(pending.question.worker), verdict))
        }
    }

    private func grant(_ question: BindQuestion, _ host: InlineText) {
        let ask = question.ask
        connectors[ask.connector] = HeldConnector(ask, host, worker: question.worker)
        waitingVerdicts.append(
            WaitingVerdict(
                generation: routeGeneration, worker: Int(question.worker),
                verdict: BindVerdict(
                    connector: ask.connector, tunnel: ask.tunnel, link: question.link, generation: question.generation,
                    isGranted: true, status: 0,
                    reason: .finished, host: host)))
        releaseVerdicts()
    }

    /// The control plane is away or slow: the tunnel gets its generated name, or the host it asked for if that is its
    /// own already; the control plane learns of it afterwards.
    func decideAlone(_ ask: UInt64, _ question: BindQuestion) {
        pendingBinds.removeValue(forKey: ask)
        let label = Endpoint.label(of: question.ask.tunnel)
        let service = services.first { $0.index == question.ask.service }
        let ingress = service?.ingress ?? IngressIndex(0)
        let domains = ingresses.first { $0.index == ingress }?.dynamicDomains ?? []
        let changes = domains.compactMap { domain in
            InlineText("\(label.string).\(domain)").map {
                RouteChange(
                    ingress: ingress, host: $0, route: Route(tunnel: question.ask.tunnel, isPrivate: false))
            }
        }
        if !changes.isEmpty {
            routeGeneration += 1
            effects.append(.changeRoutes(changes, generation: routeGeneration))
        }
        grant(question, question.holdsHost ? question.ask.requestedHost : label)
        let connector = question.ask.connector
        if let held = connectors[connector] { send(.connectorBound(held.bound(connector))) }
    }

    /// A connector ended.
    func connectorLost(_ connector: ConnectorID, _ tunnel: TunnelID, _ reason: Reason) {
        guard connectors.removeValue(forKey: connector) != nil else { return }
        send(.connectorLost(connector, tunnel, reason))
    }
}
