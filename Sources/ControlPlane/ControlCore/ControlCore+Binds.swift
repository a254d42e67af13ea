internal import Model
internal import PlaneLink
internal import Primitives
internal import Wire

/// Connectors come and go, and with them the hosts of their tunnels.
extension ControlCore {
    private static let badRequest: UInt8 = 0x01
    private static let serviceUnavailable: UInt8 = 0x05

    /// Answers a BIND (protocol relay §6). The routes that the answer promises are sent before it.
    mutating func decide(_ ask: BindAsk, from id: LinkID, now: Tick) {
        if let reason = refusal(of: ask, from: id) { return refuse(ask, from: id, reason) }
        let ingress = Int(plan.services[Int(ask.service.rawValue)].ingress.rawValue)
        if let store = nameStore(of: ingress) { return decide(ask, from: id, in: ingress, asking: store, now: now) }
        var bound = ask.bound
        add(bound, on: id, now: now)
        claimGenerated(ask.tunnel, in: ingress, now: now)
        if grant(ask.requestedHost, to: ask.tunnel, in: ingress, from: ask.source, now: now) {
            bound.grantedHost = ask.requestedHost
            registry.add(bound, on: id)
        }
        grant(ask, bound, on: id)
    }

    mutating func refuse(_ ask: BindAsk, from id: LinkID, _ reason: Reason) {
        tally.bindsRefused[reason, default: 0] += 1
        note(
            .warning, "bind refused",
            ["reason": reason.label, "tunnel": ask.tunnel.shortText, "from": ask.source.text])
        let isBad = reason == .noTunnel
        let status = isBad ? ControlCore.badRequest : ControlCore.serviceUnavailable
        effects.append(.send(id, .bindAnswer(ask: ask.ask, .refused(status: status, reason: reason))))
    }

    /// Answers a BIND whose names are decided; its routes are sent before.
    mutating func grant(_ ask: BindAsk, _ bound: BoundConnector, on id: LinkID) {
        tally.bindsGranted += 1
        publish()
        effects.append(.send(id, .bindAnswer(ask: ask.ask, .granted(host: bound.grantedHost))))
    }

    /// A connector is there, for this node and for others.
    mutating func add(_ bound: BoundConnector, on id: LinkID, now: Tick) {
        registry.add(bound, on: id)
        announce(bound, now: now)
    }

    func refusal(of ask: BindAsk, from id: LinkID) -> Reason? {
        if ask.tunnel.isZero { return .noTunnel }
        guard Int(ask.service.rawValue) < plan.services.count else { return .bindRefused }
        if registry.connectors[ask.connector] != nil { return .bindRefused }
        let known = registry[ask.tunnel]
        if known == nil, registry.tunnels.count >= value(.tunnelsMax) { return .tunnelsFull }
        let here = known?.connectors.count { registry.connectors[$0]?.link == id } ?? 0
        if here >= value(.connectorsPerTunnelMax) { return .connectorsFull }
        if dynamicRoutes >= ControlLimit.dynamicHostsMax { return .tunnelsFull }
        return nil
    }

    private func value(_ limit: Limit) -> Int { Int(plan.limits[limit] ?? limit.row.standard) }

    /// A connector that a data plane has: it was bound while this control plane was away, or without it.
    mutating func learn(_ bound: BoundConnector, from id: LinkID, now: Tick) {
        guard Int(bound.service.rawValue) < plan.services.count, !bound.tunnel.isZero else {
            // Its service is not configured any more: it has no ingress to be reached in.
            note(.warning, "connector of a service that is gone: closed", ["tunnel": bound.tunnel.shortText])
            effects.append(.send(id, .closeConnector(bound.connector)))
            return
        }
        let ingress = Int(plan.services[Int(bound.service.rawValue)].ingress.rawValue)
        if registry.connectors[bound.connector] == nil { tally.connectorsLearned += 1 }
        let wasAway = isAway(bound.tunnel)
        let before = registry.connectors[bound.connector]?.bound
        if let before, before.tunnel != bound.tunnel || before.service != bound.service { withdraw(before, now: now) }
        add(bound, on: id, now: now)
        if nameStore(of: ingress) != nil {
            if !presumeNames(of: bound, in: ingress, wasAway: wasAway, now: now) {
                noteLost(bound)
                effects.append(.send(id, .closeConnector(bound.connector)))
            }
            return
        }
        claimGenerated(bound.tunnel, in: ingress, now: now)
        guard bound.grantedHost != Endpoint.label(of: bound.tunnel) else { return }
        if !grant(bound.grantedHost, to: bound.tunnel, in: ingress, from: bound.source, now: now) {
            noteLost(bound)
        }
    }

    private mutating func noteLost(_ bound: BoundConnector) {
        tally.claimsLost += 1
        note(
            .error, "a client was promised a host that another tunnel holds; it is reachable by its endpoint only",
            [
                "host": bound.grantedHost.string, "tunnel": bound.tunnel.shortText,
                "endpoint": Endpoint.label(of: bound.tunnel).string,
            ])
    }

    mutating func remove(_ connector: ConnectorID, on id: LinkID, heldUntil: Tick, now: Tick) {
        guard registry.connectors[connector]?.link == id else { return }
        let offline = now.advanced(milliseconds: ControlLimit.offlineGraceMilliseconds)
        guard let gone = registry.remove(connector, heldUntil: heldUntil, offlineUntil: offline) else { return }
        withdraw(gone.bound, now: now)
    }

    // MARK: Hosts

    private mutating func claimGenerated(_ tunnel: TunnelID, in ingress: Int, now: Tick) {
        for host in ingresses[ingress].generatedHosts(tunnel) {
            if !claim(host, in: ingress, for: tunnel, now: now) {
                note(
                    .error, "the generated host of a tunnel is not to be had",
                    ["host": host, "tunnel": tunnel.shortText])
            }
        }
    }

    /// Gives a tunnel the host it asked for, wholly or not at all. False when it gets its generated one.
    private mutating func grant(
        _ requested: InlineText, to tunnel: TunnelID, in ingress: Int, from source: SocketAddress, now: Tick
    ) -> Bool {
        var refusal: ClaimRefusal
        switch ingresses[ingress].judge(HostName(requested: requested), for: tunnel) {
        case .generated: return false
        case .fixed: return true
        case .refused(let why): refusal = why
        case .custom(let hosts):
            let new = hosts.filter { ingresses[ingress].owners[$0] != tunnel && ingresses[ingress].rules[$0] == nil }
            if new.contains(where: { !isFree($0, in: ingress, for: tunnel, now: now) }) {
                refusal = .taken
            } else if (registry[tunnel]?.hosts.count ?? 0) + new.count > ControlLimit.hostsPerTunnelMax
                || dynamicRoutes + new.count > ControlLimit.dynamicHostsMax
            {
                refusal = .tooMany
            } else {
                for host in new {
                    let isClaimed = claim(host, in: ingress, for: tunnel, now: now)
                    precondition(isClaimed, "a free host could not be claimed")
                }
                return true
            }
        }
        noteRefused(requested, refusal, tunnel, from: source)
        return false
    }

    mutating func noteRefused(
        _ requested: InlineText, _ refusal: ClaimRefusal, _ tunnel: TunnelID, from source: SocketAddress
    ) {
        tally.claimsRefused[refusal, default: 0] += 1
        note(
            .warning, "host refused; the tunnel is reachable by its endpoint",
            [
                "host": requested.string, "why": refusal.rawValue, "tunnel": tunnel.shortText,
                "from": source.text,
            ])
    }

    private func isFree(_ host: String, in ingress: Int, for tunnel: TunnelID, now: Tick) -> Bool {
        guard let owner = ingresses[ingress].owners[host] else { return true }
        guard owner != tunnel, let record = registry[owner] else { return true }
        return record.givesWay(at: now)
    }

    /// Makes the tunnel the owner of a host; false when another one keeps it. Fixed rules need no owner.
    private mutating func claim(_ host: String, in ingress: Int, for tunnel: TunnelID, now: Tick) -> Bool {
        if let rule = ingresses[ingress].rules[host] { return rule.tunnel == tunnel }
        if ingresses[ingress].owners[host] == tunnel { return true }
        guard isFree(host, in: ingress, for: tunnel, now: now) else { return false }
        return own(host, in: ingress, by: tunnel)
    }

    /// Makes a tunnel the owner of a host, whoever was before; false when there is no room for another host.
    @discardableResult
    mutating func own(_ host: String, in ingress: Int, by tunnel: TunnelID) -> Bool {
        let key = HostKey(ingress: ingresses[ingress].index, host: host)
        guard hasRoom(for: key) else { return false }
        if let before = ingresses[ingress].owners[host] {
            guard before != tunnel else { return true }
            registry.release(key, by: before)
        }
        registry.hold(key, by: tunnel)
        change(key) { $0.owners[host] = tunnel }
        return true
    }

    /// Ends the route of a host that `tunnel` held.
    mutating func removeRoute(_ key: HostKey, of tunnel: TunnelID) {
        guard ingresses[Int(key.ingress.rawValue)].owners[key.host] == tunnel else { return }
        change(key) { $0.owners[key.host] = nil }
    }

    /// The route of a host that belongs to a tunnel of other nodes; nil: there is none.
    mutating func setMirrored(_ route: Route?, for host: String, in ingress: Int) {
        let key = HostKey(ingress: ingresses[ingress].index, host: host)
        guard ingresses[ingress].rules[host] == nil, route == nil || hasRoom(for: key) else { return }
        change(key) { $0.mirrored[host] = route }
    }

    private func hasRoom(for key: HostKey) -> Bool {
        dynamicRoutes < ControlLimit.dynamicHostsMax || dynamicRoute(of: key) != nil
    }

    private func dynamicRoute(of key: HostKey) -> Route? {
        let ingress = ingresses[Int(key.ingress.rawValue)]
        return ingress.owners[key.host].map { Route(tunnel: $0, isPrivate: false) } ?? ingress.mirrored[key.host]
    }

    /// Changes who has a host, and records what that means for its route. A host with a rule of its own has no other.
    private mutating func change(_ key: HostKey, _ body: (inout Ingress) -> Void) {
        let ingress = Int(key.ingress.rawValue)
        precondition(ingresses[ingress].rules[key.host] == nil, "a fixed rule's host was given away")
        forgetClaim(key, body)
    }

    /// The same for a host that a rule has taken.
    mutating func forgetClaim(_ key: HostKey, _ body: (inout Ingress) -> Void) {
        let ingress = Int(key.ingress.rawValue)
        let before = dynamicRoute(of: key)
        body(&ingresses[ingress])
        let after = dynamicRoute(of: key)
        guard before != after else { return }
        let bytes = RouteSnapshot.entryBytes(hostBytes: key.host.utf8.count)
        if before == nil {
            dynamicRoutes += 1
            dynamicEntryBytes += bytes
        } else if after == nil {
            dynamicRoutes -= 1
            dynamicEntryBytes -= bytes
        }
        record(key, after)
    }

    private mutating func record(_ key: HostKey, _ route: Route?) {
        guard let host = InlineText(key.host) else { preconditionFailure("a host of more than 255 bytes was claimed") }
        changes.append(RouteChange(ingress: key.ingress, host: host, route: route))
    }
}

extension BindAsk {
    /// The connector that it asks for, with its endpoint for a host.
    var bound: BoundConnector {
        BoundConnector(
            connector: connector, tunnel: tunnel, service: service, grantedHost: Endpoint.label(of: tunnel),
            isUDP: isUDP, weight: weight, worker: WorkerIndex(0), source: source)
    }
}
