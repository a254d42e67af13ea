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
        if let reason = refusal(of: ask, from: id) {
            tally.bindsRefused[reason, default: 0] += 1
            note(
                .warning, "bind refused",
                ["reason": reason.label, "tunnel": ask.tunnel.shortText, "from": ask.source.text])
            let isBad = reason == .noTunnel
            let status = isBad ? ControlCore.badRequest : ControlCore.serviceUnavailable
            effects.append(.send(id, .bindAnswer(ask: ask.ask, .refused(status: status, reason: reason))))
            return
        }
        let ingress = Int(plan.services[Int(ask.service.rawValue)].ingress.rawValue)
        var bound = BoundConnector(
            connector: ask.connector, tunnel: ask.tunnel, service: ask.service,
            grantedHost: Endpoint.label(of: ask.tunnel), isUDP: ask.isUDP, weight: ask.weight,
            worker: WorkerIndex(0), source: ask.source)
        registry.add(bound, on: id)
        claimGenerated(ask.tunnel, in: ingress, now: now)
        if grant(ask.requestedHost, to: ask.tunnel, in: ingress, from: ask.source, now: now) {
            bound.grantedHost = ask.requestedHost
            registry.add(bound, on: id)
        }
        tally.bindsGranted += 1
        publish()
        effects.append(.send(id, .bindAnswer(ask: ask.ask, .granted(host: bound.grantedHost))))
    }

    private func refusal(of ask: BindAsk, from id: LinkID) -> Reason? {
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
        registry.add(bound, on: id)
        claimGenerated(bound.tunnel, in: ingress, now: now)
        guard bound.grantedHost != Endpoint.label(of: bound.tunnel) else { return }
        if !grant(bound.grantedHost, to: bound.tunnel, in: ingress, from: bound.source, now: now) {
            tally.claimsLost += 1
            note(
                .error, "a client was promised a host that another tunnel holds; it is reachable by its endpoint only",
                [
                    "host": bound.grantedHost.string, "tunnel": bound.tunnel.shortText,
                    "endpoint": Endpoint.label(of: bound.tunnel).string,
                ])
        }
    }

    mutating func remove(_ connector: ConnectorID, on id: LinkID, heldUntil: Tick, now: Tick) {
        guard registry.connectors[connector]?.link == id else { return }
        let offline = now.advanced(milliseconds: ControlLimit.offlineGraceMilliseconds)
        _ = registry.remove(connector, heldUntil: heldUntil, offlineUntil: offline)
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
        tally.claimsRefused[refusal, default: 0] += 1
        note(
            .warning, "host refused; the tunnel is reachable by its endpoint",
            [
                "host": requested.string, "why": refusal.rawValue, "tunnel": tunnel.shortText,
                "from": source.text,
            ])
        return false
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
        let key = HostKey(ingress: ingresses[ingress].index, host: host)
        if let before = ingresses[ingress].owners[host] {
            registry.release(key, by: before)
        } else {
            guard dynamicRoutes < ControlLimit.dynamicHostsMax else { return false }
            dynamicRoutes += 1
            dynamicEntryBytes += RouteSnapshot.entryBytes(hostBytes: host.utf8.count)
        }
        ingresses[ingress].owners[host] = tunnel
        registry.hold(key, by: tunnel)
        record(key, Route(tunnel: tunnel, isPrivate: false))
        return true
    }

    /// Ends the route of a host that `tunnel` held.
    mutating func removeRoute(_ key: HostKey, of tunnel: TunnelID) {
        let ingress = Int(key.ingress.rawValue)
        guard ingresses[ingress].owners[key.host] == tunnel else { return }
        ingresses[ingress].owners[key.host] = nil
        dynamicRoutes -= 1
        dynamicEntryBytes -= RouteSnapshot.entryBytes(hostBytes: key.host.utf8.count)
        record(key, nil)
    }

    private mutating func record(_ key: HostKey, _ route: Route?) {
        guard let host = InlineText(key.host) else { preconditionFailure("a host of more than 255 bytes was claimed") }
        changes.append(RouteChange(ingress: key.ingress, host: host, route: route))
    }
}
