internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings
internal import StoreVocabulary
internal import Wire

/// Names in a store: claimed before a client is told that it has them, renewed while a connector of their tunnel lives
/// here, and given up when it lives nowhere.
///
/// ```
///            store answers "yours"            renewed every expiration / 3
/// asking ───────────────────────▶ confirmed ◀──────┐ ─┘
///   │  store away, last knowledge says free or ours│
///   ├─────────────────▶ presumed ──store is back───┤
///   │                                              ▼ store answers "another's"
///   └──────────────────────────────────────────▶ lost: no route; a client that was told the name is cut off
/// ```
extension ControlCore {
    /// The store of an ingress' names; nil when they live in this node.
    func nameStore(of ingress: Int) -> StoreID? {
        ingresses[ingress].dynamic == nil ? nil : cluster.settings.ingresses[ingresses[ingress].index]
    }

    /// Begins a BIND whose names a store decides.
    mutating func decide(_ ask: BindAsk, from id: LinkID, in ingress: Int, asking store: StoreID, now: Tick) {
        let domains = ingresses[ingress].dynamic?.domains ?? []
        let label = Endpoint.label(of: ask.tunnel).string
        let endpoint = NameID(ingress: ingresses[ingress].index, key: label)
        let patience = (plan.limits[.bindAnswerTimeoutMilliseconds] ?? Limit.bindAnswerTimeoutMilliseconds.row.standard)
        let wait = min(ControlLimit.claimMilliseconds, patience * ControlLimit.claimShare / 100)
        var bind = PendingBind(
            ask: ask, link: id, ingress: ingress, deadline: now.advanced(milliseconds: wait), endpoint: endpoint)
        var asked: [NameID] = []
        if isAway(ask.tunnel) { askAgain(ask.tunnel, of: store, asked: &asked) }
        begin(endpoint, of: ask.tunnel, requested: label, domains: domains, isGenerated: true, asked: &asked)
        var checked: [NameID] = []
        switch ingresses[ingress].judge(HostName(requested: ask.requestedHost), for: ask.tunnel) {
        case .generated: break
        case .fixed: bind.isFixed = true
        case .refused(let why): bind.refusal = why
        case .custom:
            guard let host = HostName(requested: ask.requestedHost)?.text else { break }
            let name = NameID(
                ingress: ingresses[ingress].index, key: NameID.key(of: host, domains: domains))
            let isNew = cluster.claims[name] == nil
            if let why = refusal(of: name, for: ask.tunnel) {
                bind.refusal = why
            } else {
                bind.custom = name
                begin(name, of: ask.tunnel, requested: host, domains: domains, isGenerated: false, asked: &asked)
                // A host inside a domain that a stock node's client holds under its full text.
                if isNew, !name.key.utf8.contains(UInt8(ascii: ".")) {
                    let hosts = cluster.claims[name]?.hosts ?? []
                    checked = hosts.filter { $0 != name.key }.map { NameID(ingress: name.ingress, key: $0) }
                }
            }
        }
        let number = cluster.nextBind
        cluster.nextBind += 1
        let waiting = [endpoint, bind.custom].compactMap { $0 }.filter { cluster.claims[$0]?.standing == .asking }
        cluster.binds[number] = bind
        cluster.bindOf[ask.connector] = number
        for name in waiting { cluster.claims[name]?.binds.append(number) }
        if waiting.isEmpty { return finish(number, now: now) }
        guard cluster.lanes[store]?.isUp == true else { return presume(number, now: now) }
        guard cluster.binds.count <= ControlLimit.bindsWaitingMax else {
            cluster.tally.refuse(.bindsWaiting)
            return presume(number, now: now)
        }
        cluster.bindDeadlines.append(number, deadline: bind.deadline)
        guard !asked.isEmpty else { return }
        expectEchoes(of: asked, now: now)
        send(
            claimErrand(asked, checked: checked), to: store, claimCommands(asked, checked: checked, in: store),
            isUrgent: true)
    }

    /// Whether a tunnel has no connector here: its names are not renewed, and may have become another's.
    func isAway(_ tunnel: TunnelID) -> Bool { registry[tunnel]?.connectors.isEmpty != false }

    /// Names of a tunnel that was away are claimed anew.
    private mutating func askAgain(_ tunnel: TunnelID, of store: StoreID, asked: inout [NameID]) {
        for name in cluster.namesOf[tunnel] ?? []
        where cluster.claims[name]?.standing != .asking && nameStore(of: Int(name.ingress.rawValue)) == store {
            cluster.claims[name]?.standing = .asking
            cluster.lanes[store]?.names.remove(name)
            asked.append(name)
        }
    }

    /// Notes that a tunnel wants a name, and that the store has to be asked where it is news.
    private mutating func begin(
        _ name: NameID, of tunnel: TunnelID, requested: String, domains: [String], isGenerated: Bool,
        asked: inout [NameID]
    ) {
        let hosts = NameID.hosts(of: name.key, requested: requested, domains: domains)
        if let known = cluster.claims[name] {
            guard known.tunnel == tunnel else { return }
            for host in hosts where !known.hosts.contains(host) && known.hosts.count < ControlLimit.hostsPerNameMax {
                cluster.claims[name]?.hosts.append(host)
            }
            return
        }
        cluster.claims[name] = NameClaim(
            tunnel: tunnel, standing: .asking, hosts: hosts, isGenerated: isGenerated, renewedAt: .zero)
        cluster.namesOf[tunnel, default: []].append(name)
        asked.append(name)
    }

    /// Why a tunnel cannot have a name, as far as this node knows by itself.
    private func refusal(of name: NameID, for tunnel: TunnelID) -> ClaimRefusal? {
        if let claim = cluster.claims[name] { return claim.tunnel == tunnel ? nil : .taken }
        let domains = ingresses[Int(name.ingress.rawValue)].dynamic?.domains.count ?? 0
        if (registry[tunnel]?.hosts.count ?? 0) + max(domains, 1) > ControlLimit.hostsPerTunnelMax
            || (cluster.namesOf[tunnel]?.count ?? 0) >= ControlLimit.hostsPerTunnelMax
            || dynamicRoutes + max(domains, 1) > ControlLimit.dynamicHostsMax
        {
            return .tooMany
        }
        return nil
    }

    // MARK: What the store says

    /// Answers to a claim: for each name whose it is; `held`: names that were read along, and their values.
    mutating func claimsAnswered(
        _ names: [NameID], _ tunnels: [TunnelID], _ answers: [StoreReply], held: [(NameID, StoreReply)], now: Tick
    ) {
        let rivals = held.compactMap { name, reply in
            reply.bytes.flatMap { Route(value: $0) }.map { (name, $0.tunnel) }
        }
        var waiting: [UInt64] = []
        for (index, name) in names.enumerated() {
            let tunnel = tunnels[index]
            waiting += cluster.claims[name]?.binds ?? []
            let hasRival = rivals.contains { rival, owner in
                owner != tunnel && cluster.claims[name]?.hosts.contains(rival.key) == true
            }
            if let number = answers[index].number, !hasRival {
                confirm(name, of: tunnel, isNew: number == 1, now: now)
            } else if answers[index].number == 1 {
                // Ours, but for a stock node's client that was promised one of its hosts before.
                cluster.lanes[nameStore(of: Int(name.ingress.rawValue)) ?? StoreID(-1)]?.names.remove(name)
                lose(name, of: tunnel, to: nil, now: now)
                release([HeldName(name: name, renewedAt: now)], of: tunnel, now: now)
            } else {
                lose(name, of: tunnel, to: answers[index].bytes ?? [], now: now)
            }
        }
        for number in waiting.sorted() where cluster.binds[number] != nil { settle(number, now: now) }
    }

    private mutating func confirm(_ name: NameID, of tunnel: TunnelID, isNew: Bool, now: Tick) {
        if isNew { cluster.tally.namesClaimed += 1 } else { cluster.tally.namesRenewed += 1 }
        guard let claim = cluster.claims[name], claim.tunnel == tunnel else {
            // The tunnel went while the store was asked.
            return release([HeldName(name: name, renewedAt: now)], of: tunnel, now: now)
        }
        let wasAsking = claim.standing == .asking
        cluster.claims[name]?.standing = .confirmed
        cluster.claims[name]?.renewedAt = now
        if wasAsking { keep(name, now: now) }
    }

    /// A name that the tunnel has: renewed from now on.
    private mutating func keep(_ name: NameID, now: Tick) {
        guard let store = nameStore(of: Int(name.ingress.rawValue)) else { return }
        cluster.lanes[store]?.names.insert(name, hash: name.hash, now: now)
        cluster.words.touch(.name(name))
    }

    /// The store could not be asked. Whoever waits is answered by last knowledge; the name is asked for again.
    mutating func claimsFailed(_ names: [NameID], in store: StoreID, now: Tick) {
        var waiting: [UInt64] = []
        for name in names {
            waiting += cluster.claims[name]?.binds ?? []
            if cluster.claims[name] != nil { cluster.lanes[store]?.lateNames.append(name) }
        }
        for number in waiting.sorted() where cluster.binds[number] != nil { presume(number, now: now) }
    }

    /// A name turned out to be another tunnel's.
    mutating func lose(_ name: NameID, of tunnel: TunnelID, to value: [UInt8]?, now: Tick) {
        guard let claim = cluster.claims[name], claim.tunnel == tunnel else { return }
        let wasGiven = claim.standing != .asking
        forget(name, of: tunnel)
        if let value { learn(name, value: value, now: now) }
        guard wasGiven || claim.isGenerated else { return }
        cluster.tally.namesLost += 1
        note(
            .error,
            claim.isGenerated
                ? "the generated host of a tunnel is not to be had: another tunnel holds its name in the store"
                : "a host that was given while the store was away is another tunnel's: its client is cut off",
            ["host": name.key, "tunnel": tunnel.shortText])
        guard !claim.isGenerated else { return }
        tally.claimsLost += 1
        for connector in (registry[tunnel]?.connectors ?? []).sorted() {
            guard let record = registry.connectors[connector], isGranted(record.bound, name) else { continue }
            effects.append(.send(record.link, .closeConnector(connector)))
        }
    }

    /// Whether a connector's client was told that it has this name.
    private func isGranted(_ bound: BoundConnector, _ name: NameID) -> Bool {
        let domains = ingresses[Int(name.ingress.rawValue)].dynamic?.domains ?? []
        guard plan.services[Int(bound.service.rawValue)].ingress == name.ingress,
            let host = HostName(requested: bound.grantedHost)
        else { return false }
        return NameID.key(of: host.text, domains: domains) == name.key
    }

    /// Ends the hosts of a name, and its renewal.
    mutating func forget(_ name: NameID, of tunnel: TunnelID) {
        guard let claim = cluster.claims.removeValue(forKey: name) else { return }
        cluster.words.touch(.name(name))
        cluster.namesOf[tunnel]?.removeAll { $0 == name }
        if cluster.namesOf[tunnel]?.isEmpty == true { cluster.namesOf[tunnel] = nil }
        if let store = nameStore(of: Int(name.ingress.rawValue)) {
            cluster.lanes[store]?.names.remove(name)
            cluster.lanes[store]?.lateNames.remove(name)
        }
        for host in claim.hosts {
            let key = HostKey(ingress: name.ingress, host: host)
            if ingresses[Int(name.ingress.rawValue)].owners[host] == tunnel {
                registry.release(key, by: tunnel)
                removeRoute(key, of: tunnel)
            }
        }
    }

    // MARK: Binds that wait

    /// Goes on with a bind when the last of its names is decided.
    private mutating func settle(_ number: UInt64, now: Tick) {
        guard let bind = cluster.binds[number] else { return }
        let isOpen = [bind.endpoint, bind.custom].compactMap { $0 }.contains { cluster.claims[$0]?.standing == .asking }
        if !isOpen { finish(number, now: now) }
    }

    /// Decides a bind without the store: a name is given when last knowledge says that it is free or the tunnel's.
    mutating func presume(_ number: UInt64, now: Tick) {
        guard let bind = cluster.binds[number] else { return }
        for name in cluster.namesOf[bind.ask.tunnel] ?? [] {
            guard let claim = cluster.claims[name], claim.standing == .asking else { continue }
            let known = cluster.names[name]?.route ?? saidRoute(of: name)
            if let known, known != Route(tunnel: claim.tunnel, isPrivate: false) {
                forget(name, of: claim.tunnel)
                continue
            }
            cluster.claims[name]?.standing = .presumed
            keep(name, now: now)
        }
        finish(number, now: now)
    }

    /// Answers a bind whose names are decided.
    private mutating func finish(_ number: UInt64, now: Tick) {
        guard let bind = cluster.binds.removeValue(forKey: number) else { return }
        let ask = bind.ask
        if cluster.bindOf[ask.connector] == number { cluster.bindOf[ask.connector] = nil }
        let names = [bind.endpoint, bind.custom].compactMap { $0 }
        for name in names { cluster.claims[name]?.binds.removeAll { $0 == number } }
        guard links[bind.link] != nil else { return abandon(ask.tunnel, now: now) }
        if let reason = refusal(of: ask, from: bind.link) {
            abandon(ask.tunnel, now: now)
            return refuse(ask, from: bind.link, reason)
        }
        var bound = ask.bound
        var refusal = bind.refusal
        if bind.isFixed {
            bound.grantedHost = ask.requestedHost
        } else if let custom = bind.custom {
            if cluster.claims[custom]?.tunnel == ask.tunnel {
                bound.grantedHost = ask.requestedHost
            } else {
                refusal = .taken
            }
        }
        add(bound, on: bind.link, now: now)
        for name in names { install(name, for: ask.tunnel) }
        if let refusal { noteRefused(ask.requestedHost, refusal, ask.tunnel, from: ask.source) }
        grant(ask, bound, on: bind.link)
    }

    /// Gives the hosts of a name their route.
    private mutating func install(_ name: NameID, for tunnel: TunnelID) {
        guard let claim = cluster.claims[name], claim.tunnel == tunnel, claim.standing != .asking else { return }
        let ingress = Int(name.ingress.rawValue)
        for host in claim.hosts where ingresses[ingress].rules[host] == nil { own(host, in: ingress, by: tunnel) }
    }

    /// Names of a tunnel that has no connector here after all.
    private mutating func abandon(_ tunnel: TunnelID, now: Tick) {
        let isWanted = (cluster.namesOf[tunnel] ?? []).contains { cluster.claims[$0]?.binds.isEmpty == false }
        guard registry[tunnel] == nil, !isWanted else { return }
        releaseNames(of: tunnel, now: now)
    }

    // MARK: Binds that others decided

    /// The names of a connector that a data plane bound alone, or brings back: the tunnel has them as far as this node
    /// knows, and the store decides. False when another tunnel of this node has what its client was promised.
    mutating func presumeNames(of bound: BoundConnector, in ingress: Int, wasAway: Bool, now: Tick) -> Bool {
        if let number = cluster.bindOf.removeValue(forKey: bound.connector),
            let bind = cluster.binds.removeValue(forKey: number)
        {
            for name in [bind.endpoint, bind.custom].compactMap({ $0 }) {
                cluster.claims[name]?.binds.removeAll { $0 == number }
            }
        }
        guard let store = nameStore(of: ingress) else { return true }
        let domains = ingresses[ingress].dynamic?.domains ?? []
        let label = Endpoint.label(of: bound.tunnel).string
        var isHeld = true
        var asked: [NameID] = []
        if wasAway { askAgain(bound.tunnel, of: store, asked: &asked) }
        let endpoint = NameID(ingress: ingresses[ingress].index, key: label)
        begin(endpoint, of: bound.tunnel, requested: label, domains: domains, isGenerated: true, asked: &asked)
        let wanted = HostName(requested: bound.grantedHost)
        switch ingresses[ingress].judge(wanted, for: bound.tunnel) {
        case .generated, .fixed: break
        case .refused: isHeld = false
        case .custom:
            guard let wanted else { break }
            let name = NameID(ingress: ingresses[ingress].index, key: NameID.key(of: wanted.text, domains: domains))
            if refusal(of: name, for: bound.tunnel) != nil {
                isHeld = false
            } else {
                begin(
                    name, of: bound.tunnel, requested: wanted.text, domains: domains, isGenerated: false, asked: &asked)
            }
        }
        for name in cluster.namesOf[bound.tunnel] ?? [] {
            if cluster.claims[name]?.standing == .asking {
                cluster.claims[name]?.standing = .presumed
                keep(name, now: now)
                cluster.lanes[store]?.lateNames.append(name)
            }
            install(name, for: bound.tunnel)
        }
        return isHeld
    }
}
