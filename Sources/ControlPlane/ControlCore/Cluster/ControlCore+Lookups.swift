internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings
internal import StoreVocabulary

/// Questions of data planes: a host or a tunnel that their tables do not show a way to. Answered from the mirror where it
/// knows, else by one read of the store that all who ask the same share, within `ControlLimit.lookupMilliseconds`.
extension ControlCore {
    mutating func look(up lookup: PlaneLookup, from id: LinkID, now: Tick) {
        guard Int(lookup.service.rawValue) < plan.services.count, Int(lookup.ingress.rawValue) < ingresses.count else {
            return effects.append(.send(id, .lookupAnswer(question: lookup.question, .unknown)))
        }
        let number = cluster.nextLookup
        cluster.nextLookup += 1
        let deadline = now.advanced(milliseconds: ControlLimit.lookupMilliseconds)
        cluster.lookups[number] = Cluster.PendingLookup(link: id, lookup: lookup, deadline: deadline)
        evaluate(number, now: now)
        guard cluster.lookups[number] != nil else { return }
        guard cluster.lookups.count <= ControlLimit.lookupsWaitingMax else {
            cluster.tally.refuse(.lookupsWaiting)
            return giveUp(number, now: now)
        }
        cluster.lookupDeadlines.append(number, deadline: deadline)
    }

    /// Answers a question, or asks the store for what is missing and lets it wait.
    mutating func evaluate(_ number: UInt64, now: Tick) {
        guard let pending = cluster.lookups[number] else { return }
        let lookup = pending.lookup
        let ingress = Int(lookup.ingress.rawValue)
        if !lookup.tunnel.isZero {
            return evaluate(number, Route(tunnel: lookup.tunnel, isPrivate: false), now: now)
        }
        let host = lookup.host.hostFolded.string
        switch known(host, in: ingress, now: now) {
        case .route(let route): evaluate(number, route, now: now)
        case .said(let route, let names):
            // The store is asked as well, for what comes after.
            if let store = nameStore(of: ingress), cluster.lanes[store]?.isUp == true {
                for name in names { read(name, for: host, in: store) }
            }
            evaluate(number, route, now: now)
        case .absent: answer(number, .absent(milliseconds: UInt32(ControlLimit.absentMilliseconds)), now: now)
        case .missing(let names):
            guard let store = nameStore(of: ingress), cluster.lanes[store]?.isUp == true else {
                return giveUp(number, now: now)
            }
            for name in names {
                read(name, for: host, in: store)
                cluster.names[name]?.lookups.append(number)
            }
        }
    }

    /// Asks a store for a name, which a host is asked for by.
    private mutating func read(_ name: NameID, for host: String, in store: StoreID) {
        attach(host, to: name)
        guard cluster.names[name]?.isAsked == false else { return }
        cluster.names[name]?.isAsked = true
        cluster.lanes[store]?.askedNames.append(name)
    }

    private enum Knowledge {
        case route(Route)
        /// Another node says so; the names that the store has said nothing of.
        case said(Route, missing: [NameID])
        case absent
        case missing([NameID])
    }

    /// What is known of a host: its own rule, its owner here, its names in the mirror, a rule for all names below one.
    private func known(_ host: String, in ingress: Int, now: Tick) -> Knowledge {
        let table = ingresses[ingress]
        if let route = table.rules[host] { return .route(route) }
        if let owner = table.owners[host] { return .route(Route(tunnel: owner, isPrivate: false)) }
        let fallback: Knowledge = table.rules.resolve(host).map { .route($0) } ?? .absent
        guard let dynamic = table.dynamic, nameStore(of: ingress) != nil else { return fallback }
        // The names of one host that are long enough, the label first.
        let names = NameID.keys(of: host, domains: dynamic.domains)
            .filter { $0.utf8.count >= dynamic.labelBytesMin }.map { NameID(ingress: table.index, key: $0) }
        guard !host.isEmpty, !names.isEmpty, !dynamic.domains.contains(host) else { return fallback }
        var missing: [NameID] = []
        for name in names {
            // A name of this node's tunnels by which a host is asked for that nobody asked for before.
            if let claim = cluster.claims[name], claim.standing != .asking {
                return .route(Route(tunnel: claim.tunnel, isPrivate: false))
            }
            let mirrored = cluster.names[name]
            let isAnswered = mirrored?.answers(at: now) == true
            if isAnswered, let route = mirrored?.route, missing.isEmpty { return .route(route) }
            if !isAnswered { missing.append(name) }
            // A name that the store does not have may be new there.
            if mirrored?.route == nil, let route = saidRoute(of: name) { return .said(route, missing: missing) }
        }
        return missing.isEmpty ? fallback : .missing(missing)
    }

    /// Notes that a host is asked for by a name, so that it gets the name's route.
    private mutating func attach(_ host: String, to name: NameID) {
        if let gone = cluster.mirror(name) { drop(gone) }
        guard let mirrored = cluster.names[name], !mirrored.hosts.contains(host),
            mirrored.hosts.count < ControlLimit.hostsPerNameMax
        else { return }
        cluster.names[name]?.hosts.append(host)
    }

    /// The tunnel is known: now who else has it.
    private mutating func evaluate(_ number: UInt64, _ route: Route, now: Tick) {
        guard let pending = cluster.lookups[number] else { return }
        guard let store = cluster.settings.discoveries[pending.lookup.service] else {
            return answer(number, .found(route), now: now)
        }
        let key = TunnelKey(store: store, tunnel: route.tunnel)
        let isChanged = cluster.lanes[store]?.changedTunnels.contains(route.tunnel) ?? false
        if cluster.tunnels[key]?.answers(at: now) == true, !isChanged {
            guard !awaitsLease(key) else {
                cluster.awaitingLeases.insert(key)
                cluster.tunnels[key]?.lookups.append(number)
                return
            }
            return answer(number, .found(route), now: now)
        }
        let isUp = cluster.lanes[store]?.isUp == true
        if isReachedBySaid(route.tunnel, storeIsUp: isUp) {
            // Who else has it the store says, for those who come later.
            if isUp { readTunnel(key, now: now) }
            return answer(number, .found(route), now: now)
        }
        guard isUp else { return giveUp(number, now: now) }
        if isChanged { cluster.lanes[store]?.changedTunnels.remove(route.tunnel) }
        readTunnel(key, now: now)
        cluster.tunnels[key]?.lookups.append(number)
    }

    /// Whether a node that has the tunnel was never heard of before and is being asked where it is.
    private func awaitsLease(_ key: TunnelKey) -> Bool {
        guard let lane = cluster.lanes[key.store], lane.isUp else { return false }
        return (cluster.tunnels[key]?.connectors ?? []).contains { connector in
            let node = connector.entry.node
            guard connector.entry.extra != nil, cluster.nodes.row(of: node)?.node.peers.isEmpty == true else {
                return false
            }
            return lane.isReadingLeases || lane.lookedLeases.contains(node)
        }
    }

    /// Leases were read: who waited for them is answered.
    mutating func leasesAnswered(by store: StoreID, now: Tick) {
        let keys = cluster.awaitingLeases.filter { $0.store == store }
        cluster.awaitingLeases.subtract(keys)
        for key in keys.sorted(by: { $0.tunnel < $1.tunnel }) {
            answerWaiting(key, now: now)
        }
    }

    /// Answers by what is known, since the store does not say more.
    mutating func giveUp(_ number: UInt64, now: Tick) {
        guard let pending = cluster.lookups[number] else { return }
        let lookup = pending.lookup
        var route: Route?
        if !lookup.tunnel.isZero {
            route = Route(tunnel: lookup.tunnel, isPrivate: false)
        } else {
            let host = lookup.host.hostFolded.string
            switch known(host, in: Int(lookup.ingress.rawValue), now: now) {
            case .route(let known), .said(let known, _): route = known
            case .absent, .missing: break
            }
        }
        guard let route else { return answer(number, .unknown, now: now) }
        let isKnown = cluster.settings.discoveries[lookup.service].map {
            cluster.tunnels[TunnelKey(store: $0, tunnel: route.tunnel)]?.isKnown == true
        }
        let isHere = registry[route.tunnel]?.connectors.isEmpty == false
        let isSaid = cluster.words.isSaid(route.tunnel)
        answer(number, isKnown == false && !isHere && !isSaid ? .unknown : .found(route), now: now)
    }

    private mutating func answer(_ number: UInt64, _ outcome: PlaneLookupOutcome, now: Tick) {
        guard let pending = cluster.lookups.removeValue(forKey: number) else { return }
        switch outcome {
        case .found(let route):
            cluster.tally.lookupsFound += 1
            let host = pending.lookup.host.hostFolded.string
            if pending.lookup.tunnel.isZero { show(route, for: host, in: Int(pending.lookup.ingress.rawValue)) }
            publish()
            tell(route.tunnel, to: pending.link, now: now)
        case .absent: cluster.tally.lookupsAbsent += 1
        case .unknown: cluster.tally.lookupsUnknown += 1
        }
        effects.append(.send(pending.link, .lookupAnswer(question: pending.lookup.question, outcome)))
    }

    /// Gives a host that was asked for its route in the tables of the data planes.
    private mutating func show(_ route: Route, for host: String, in ingress: Int) {
        guard ingresses[ingress].rules.resolve(host) == nil, ingresses[ingress].owners[host] == nil else { return }
        let domains = ingresses[ingress].dynamic?.domains ?? []
        let name = NameID(ingress: ingresses[ingress].index, key: NameID.key(of: host, domains: domains))
        if let claim = cluster.claims[name], claim.tunnel == route.tunnel {
            guard claim.hosts.count < ControlLimit.hostsPerNameMax, !claim.hosts.contains(host) else { return }
            cluster.claims[name]?.hosts.append(host)
            own(host, in: ingress, by: route.tunnel)
            return
        }
        for key in NameID.keys(of: host, domains: domains) {
            attach(host, to: NameID(ingress: name.ingress, key: key))
        }
        setMirrored(route, for: host, in: ingress)
    }
}
