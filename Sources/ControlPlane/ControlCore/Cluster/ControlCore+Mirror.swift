internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings
internal import StoreVocabulary

/// The mirror of other nodes' names and tunnels: read when asked for, kept right by what the stores tell of changes.
extension ControlCore {
    /// A key was written, removed or has expired. Only what is mirrored, or held here, is looked at again.
    mutating func changed(_ key: [UInt8], in store: StoreID, now: Tick) {
        if key.first == UInt8(ascii: "c"), key.starts(with: "culvert:".utf8) { return ownKeyChanged(key, in: store) }
        if let tunnel = TunnelID(key: key[...]) {
            if let mirrored = cluster.tunnels[TunnelKey(store: store, tunnel: tunnel)] {
                if mirrored.isRereadWhenTouched {
                    cluster.lanes[store]?.touchedTunnels.append(tunnel)
                } else {
                    cluster.lanes[store]?.auditedTunnels.append(tunnel)
                }
            } else {
                sample(tunnel, in: store)
            }
            // No return: a host may be called like a tunnel.
        }
        guard cluster.lanes[store]?.holdsNames == true else { return }
        let text = String(decoding: key, as: UTF8.self)
        for ingress in ingresses where cluster.settings.ingresses[ingress.index] == store {
            let name = NameID(ingress: ingress.index, key: text)
            if let claim = cluster.claims[name] {
                // Renewals are changes too, our own among them.
                if now < claim.echoUntil {
                    cluster.claims[name]?.echoUntil = .zero
                } else {
                    cluster.lanes[store]?.touchedNames.append(name)
                }
            } else if cluster.names[name] != nil {
                cluster.lanes[store]?.touchedNames.append(name)
            }
        }
    }

    /// `culvert:change:<tunnel>`, `culvert:node:<id>`.
    private mutating func ownKeyChanged(_ key: [UInt8], in store: StoreID) {
        if key.starts(with: StoreScript.changePrefix.utf8) {
            guard let tunnel = TunnelID(key: key.dropFirst(StoreScript.changePrefix.utf8.count)),
                cluster.tunnels[TunnelKey(store: store, tunnel: tunnel)] != nil
            else { return }
            cluster.lanes[store]?.changedTunnels.append(tunnel)
        } else if key.starts(with: NodeLease.keyPrefix.utf8), cluster.lanes[store]?.holdsConnectors == true {
            guard let node = NodeID(String(decoding: key.dropFirst(NodeLease.keyPrefix.utf8.count), as: UTF8.self)),
                node != cluster.settings.node,
                (cluster.lanes[store]?.lookedLeases.count ?? 0) < ControlLimit.nodesMax
            else { return }
            cluster.lanes[store]?.lookedLeases.append(node)
        }
    }

    // MARK: Names

    /// What a store says of a name: nil when it does not have it.
    mutating func nameRead(_ name: NameID, _ value: [UInt8]?, in store: StoreID, now: Tick) {
        if let claim = cluster.claims[name], claim.standing != .asking {
            let route = value.flatMap { Route(value: $0) }
            if value == nil {
                cluster.lanes[store]?.lateNames.append(name)
            } else if route?.tunnel != claim.tunnel {
                lose(name, of: claim.tunnel, to: value, now: now)
            }
        }
        guard cluster.names[name] != nil else { return }
        if value == nil, cluster.names[name]?.route != nil, cluster.lanes[store]?.isReturning(at: now) == true {
            cluster.names[name]?.isAsked = false
            cluster.lanes[store]?.doubtfulNames.append(name)
        } else {
            learn(name, value: value, now: now)
        }
        let waiting = cluster.names[name]?.lookups ?? []
        cluster.names[name]?.lookups = []
        for number in waiting { evaluate(number, now: now) }
    }

    /// Notes what a name's value is.
    mutating func learn(_ name: NameID, value: [UInt8]?, now: Tick) {
        let route = value.flatMap { Route(value: $0) }
        if route == nil, value != nil { cluster.tally.refuse(.foreignValues) }
        if let gone = cluster.mirror(name) { drop(gone) }
        cluster.names[name]?.isKnown = true
        cluster.names[name]?.isAsked = false
        cluster.names[name]?.route = route
        cluster.names[name]?.absentUntil = now.advanced(milliseconds: ControlLimit.absentMilliseconds)
        for host in cluster.names[name]?.hosts ?? [] { showMirrored(host, in: Int(name.ingress.rawValue)) }
    }

    /// A read of a name failed: whoever waits is answered by what is known.
    mutating func nameUnread(_ name: NameID, in store: StoreID, now: Tick) {
        if cluster.claims[name] != nil { cluster.lanes[store]?.touchedNames.append(name) }
        guard let mirrored = cluster.names[name] else { return }
        cluster.names[name]?.isAsked = false
        if mirrored.isKnown { cluster.lanes[store]?.sweptNames.append(name) }
        cluster.names[name]?.lookups = []
        for number in mirrored.lookups { giveUp(number, now: now) }
    }

    /// Brings the route of a host in line with what its names say.
    mutating func showMirrored(_ host: String, in ingress: Int) {
        let domains = ingresses[ingress].dynamic?.domains ?? []
        let index = ingresses[ingress].index
        let names = NameID.keys(of: host, domains: domains).map { NameID(ingress: index, key: $0) }
        var route: Route?
        for name in names where route == nil { route = cluster.names[name]?.route }
        for name in names where route == nil { route = saidRoute(of: name) }
        setMirrored(route, for: host, in: ingress)
    }

    /// A mirrored name had to make room.
    mutating func drop(_ name: NameID) {
        guard let gone = cluster.names.removeValue(forKey: name) else { return }
        for host in gone.hosts { showMirrored(host, in: Int(name.ingress.rawValue)) }
        for number in gone.lookups { giveUp(number, now: .zero) }
    }

    // MARK: Tunnels

    /// Asks a store for a tunnel's connectors.
    mutating func readTunnel(_ key: TunnelKey, now: Tick) {
        if let gone = cluster.mirror(key) { dropped(gone, now: now) }
        guard cluster.tunnels[key]?.isAsked == false else { return }
        cluster.tunnels[key]?.isAsked = true
        cluster.lanes[key.store]?.askedTunnels.append(key.tunnel)
    }

    /// Mirrors a tunnel with a connector here without haste, so that its others are known when that one fails.
    mutating func mirrorOwn(_ key: TunnelKey, now: Tick) {
        guard cluster.tunnels[key] == nil, cluster.ownMirrored.count < ControlLimit.mirroredOwnMax,
            cluster.tunnels.count < ControlLimit.mirroredTunnelsMax
        else { return }
        cluster.ownMirrored.insert(key)
        _ = cluster.mirror(key)
        cluster.lanes[key.store]?.touchedTunnels.append(key.tunnel)
    }

    /// The tunnel is gone from here: what was mirrored only because it was here is forgotten.
    mutating func forgetOwn(_ tunnel: TunnelID) {
        for store in cluster.discoveryStores {
            let key = TunnelKey(store: store, tunnel: tunnel)
            guard cluster.ownMirrored.remove(key) != nil, cluster.tunnels[key]?.lookups.isEmpty == true,
                cluster.releases[tunnel] == nil, !cluster.told.values.contains(where: { $0.tunnels[tunnel] != nil })
            else { continue }
            cluster.tunnels[key] = nil
            cluster.aging.remove(key)
        }
    }

    /// A mirrored tunnel had to make room: nobody is told of it any more.
    private mutating func dropped(_ key: TunnelKey, now: Tick) {
        cluster.ownMirrored.remove(key)
        retell(key.tunnel, now: now)
    }

    /// What a store says of a tunnel: fields and values of its hash.
    mutating func tunnelRead(_ key: TunnelKey, _ reply: [StoreReply], now: Tick) {
        let store = key.store
        guard cluster.tunnels[key] != nil else {
            meetStockNodes(among: reply, in: store, now: now)
            return judgeReleases(of: key.tunnel, now: now)
        }
        if reply.count / 2 > ControlLimit.entriesPerTunnelMax { cluster.tally.refuse(.entries) }
        var connectors: [MirroredTunnel.Connector] = []
        var hasOwn = false
        for index in stride(from: 0, to: min(reply.count - 1, 2 * ControlLimit.entriesPerTunnelMax), by: 2) {
            guard let field = reply[index].bytes, let value = reply[index + 1].bytes,
                let id = ConnectorID(String(decoding: field, as: UTF8.self)), let entry = DiscoveryEntry(value)
            else {
                cluster.tally.refuse(.foreignValues)
                continue
            }
            if isLeftover(id, entry, in: store, now: now) {
                depart(StoreLane.Departure(tunnel: key.tunnel, connector: id), from: store)
                continue
            }
            guard entry.node != cluster.settings.node else {
                hasOwn = true
                continue
            }
            guard !isAtOurEntrypoint(entry) else { continue }
            meetStockNode(entry, in: store, now: now)
            connectors.append(MirroredTunnel.Connector(id: id, entry: entry, isSuspect: false))
            if entry.extra != nil, cluster.nodes.row(of: entry.node)?.leases[store] == nil {
                if cluster.nodes.row(of: entry.node) == nil, enterNode(entry.node, now: now) != nil {
                    // Whoever asked for its tunnel waits; the pause between reads is for leases that are read again.
                    cluster.lanes[store]?.leasesDue = now
                }
                if (cluster.lanes[store]?.lookedLeases.count ?? 0) < ControlLimit.nodesMax {
                    cluster.lanes[store]?.lookedLeases.append(entry.node)
                }
            }
        }
        let isReturning = cluster.lanes[store]?.isReturning(at: now) == true
        cluster.tunnels[key]?.replace(with: connectors, keepsMissing: isReturning, now: now)
        cluster.tunnels[key]?.isAsked = false
        cluster.tunnels[key]?.hasOwn = hasOwn
        if cluster.tunnels[key]?.connectors.contains(where: \.isSuspect) == true {
            cluster.lanes[store]?.doubtfulTunnels.append(key.tunnel)
        }
        if cluster.tunnels[key]?.hasStock == true {
            if cluster.aging.isEmpty { cluster.agingDue = now.advanced(milliseconds: 1_000) }
            cluster.aging.insert(key)
        } else {
            cluster.aging.remove(key)
        }
        retell(key.tunnel, now: now)
        answerWaiting(key, now: now)
        judgeReleases(of: key.tunnel, now: now)
    }

    /// Whether nobody will ever remove an entry: an earlier start of this node wrote it, or a node that has been dead for
    /// long. (Others renew the hash, so it does not expire.)
    private func isLeftover(_ connector: ConnectorID, _ entry: DiscoveryEntry, in store: StoreID, now: Tick) -> Bool {
        if entry.node == cluster.settings.node {
            return registry.connectors[connector] == nil && (entry.extra?.epoch ?? 0) < nodeEpoch && isServing
                && links.values.allSatisfy { $0.phase == .serving }
        }
        let wall = cluster.wall(at: now)
        let seconds = cluster.lanes[store]?.expirationSeconds ?? 0
        return wall > entry.renew &+ seconds &* ControlLimit.leftoverExpirations
    }

    /// A read of a tunnel failed: whoever waits is answered by what is known, and it is read again without haste.
    mutating func tunnelUnread(_ key: TunnelKey, now: Tick) {
        cluster.releases[key.tunnel] = nil
        guard let mirrored = cluster.tunnels[key] else { return }
        cluster.tunnels[key]?.isAsked = false
        if mirrored.isKnown { cluster.lanes[key.store]?.sweptTunnels.append(key.tunnel) }
        cluster.tunnels[key]?.lookups = []
        for number in mirrored.lookups { giveUp(number, now: now) }
    }

    /// Questions for a tunnel are looked at again.
    mutating func answerWaiting(_ key: TunnelKey, now: Tick) {
        let waiting = cluster.tunnels[key]?.lookups ?? []
        cluster.tunnels[key]?.lookups = []
        for number in waiting { evaluate(number, now: now) }
    }

    /// Stock nodes' entries that nobody renews any more.
    mutating func judgeAging(now: Tick) {
        cluster.agingDue = now.advanced(milliseconds: 1_000)
        for key in cluster.aging.sorted(by: {
            ($0.store.rawValue, $0.tunnel) < ($1.store.rawValue, $1.tunnel)
        }) { retell(key.tunnel, now: now) }
    }
}
