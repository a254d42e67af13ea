internal import Model
internal import PlaneLink
internal import Primitives
internal import Settings
internal import StoreVocabulary

/// Service discovery: which connectors live here, for other nodes to find, and that this node lives.
extension ControlCore {
    /// A connector is here: it is registered, and renewed from now on.
    mutating func announce(_ bound: BoundConnector, now: Tick) {
        tellSiblings(of: bound.tunnel, now: now)
        guard let store = cluster.settings.discoveries[bound.service] else { return }
        let departure = StoreLane.Departure(tunnel: bound.tunnel, connector: bound.connector)
        cluster.lanes[store]?.departures.remove(departure)
        cluster.lanes[store]?.news.append(bound.tunnel)
        cluster.lanes[store]?.tunnels.insert(bound.tunnel, hash: bound.tunnel.hash, now: now)
        mirrorOwn(TunnelKey(store: store, tunnel: bound.tunnel), now: now)
        cluster.words.touch(.tunnel(bound.tunnel))
    }

    /// A connector has left.
    mutating func withdraw(_ bound: BoundConnector, now: Tick) {
        tellSiblings(of: bound.tunnel, now: now)
        guard let store = cluster.settings.discoveries[bound.service] else { return }
        depart(StoreLane.Departure(tunnel: bound.tunnel, connector: bound.connector), from: store)
        cluster.words.touch(.tunnel(bound.tunnel))
        let remains = (registry[bound.tunnel]?.connectors ?? []).contains { connector in
            registry.connectors[connector].map { cluster.settings.discoveries[$0.bound.service] == store } ?? false
        }
        guard !remains else { return }
        cluster.lanes[store]?.tunnels.remove(bound.tunnel)
        cluster.lanes[store]?.news.remove(bound.tunnel)
        cluster.lanes[store]?.lateTunnels.remove(bound.tunnel)
    }

    mutating func depart(_ departure: StoreLane.Departure, from store: StoreID) {
        guard (cluster.lanes[store]?.departures.count ?? 0) < ControlLimit.departuresMax else {
            return cluster.tally.refuse(.departures)
        }
        cluster.lanes[store]?.departures.append(departure)
    }

    /// A tunnel's connectors of this node, as the store is to hold them.
    func entries(of tunnel: TunnelID, in store: StoreID, now: Tick) -> [(ConnectorID, DiscoveryEntry)] {
        let wall = cluster.wall(at: now)
        let records = (registry[tunnel]?.connectors ?? []).compactMap { registry.connectors[$0] }.filter {
            cluster.settings.discoveries[$0.bound.service] == store
        }
        return records.sorted { $0.bound.connector < $1.bound.connector }.map { record in
            let plane = links[record.link]?.name ?? ""
            return (
                record.bound.connector,
                DiscoveryEntry(
                    node: cluster.settings.node, isUDP: record.bound.isUDP,
                    address: entrypointAddress(of: record.bound.service, on: plane), renew: wall,
                    extra: DiscoveryEntry.Extra(
                        epoch: nodeEpoch, plane: plane, weight: max(record.bound.weight, 1)))
            )
        }
    }

    /// Where other nodes find the visitors' port of a service, as stock nodes dial it.
    func entrypointAddress(of service: ServiceIndex, on plane: String) -> String {
        let place = plan.addresses.firstIndex { address in
            if case .entrypoint(service, _) = address.role { true } else { false }
        }
        guard let place else { return "" }
        let address = plan.addresses[place].address
        let port = address.port != 0 ? address.port : (ports(of: plane)[place] ?? 0)
        let isEverywhere = ["", "0.0.0.0", "::"].contains(address.host)
        let host = isEverywhere ? cluster.settings.advertisedHost : address.host
        guard !host.isEmpty, port != 0 else { return "" }
        return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    // MARK: Leases

    /// This node's lease, and those of others that may have changed.
    mutating func attendLeases(_ store: StoreID, now: Tick) {
        guard let lane = cluster.lanes[store], lane.holdsConnectors, now >= lane.pausedUntil else { return }
        if !lane.hasReadOwnLease {
            cluster.lanes[store]?.hasReadOwnLease = true
            cluster.lanes[store]?.epochDue = now.advanced(milliseconds: ControlLimit.epochGraceMilliseconds)
            cluster.lanes[store]?.epochAllowed = now.advanced(milliseconds: ControlLimit.rejoinMilliseconds)
            let key = Array(NodeLease.key(cluster.settings.node).utf8)
            send(.ownLease, to: store, [StoreCommand(words: [Array("GET".utf8), key])], isUrgent: true)
        }
        if let epoch = lane.leaseEpoch {
            if epoch != nodeEpoch, isWritten(lane, now: now) {
                cluster.lanes[store]?.leaseEpoch = nodeEpoch
                cluster.lanes[store]?.leaseDue = now
            }
            if now >= cluster.lanes[store]!.leaseDue { renewLease(store, now: now) }
        }
        if !lane.isTracking, lane.lookedLeases.isEmpty {
            // Nobody tells of other nodes: they are asked after.
            for node in cluster.nodes.known { cluster.lanes[store]?.lookedLeases.append(node) }
        }
        guard !lane.isReadingLeases, now >= lane.leasesDue,
            let nodes = cluster.lanes[store]?.lookedLeases.take(ControlLimit.nodesMax), !nodes.isEmpty
        else { return }
        cluster.lanes[store]?.isReadingLeases = true
        let pause = lane.isTracking ? ControlLimit.leaseReadMilliseconds : ControlLimit.leaseRenewMilliseconds
        cluster.lanes[store]?.leasesDue = now.advanced(milliseconds: pause)
        let keys = nodes.map { Array(NodeLease.key($0).utf8) }
        send(.leases(nodes), to: store, [StoreCommand(words: [Array("MGET".utf8)] + keys)], isUrgent: true)
    }

    /// Whether everything that lives here is registered under this epoch: only then are older entries void, so that a
    /// restart of this control plane takes no connector away from other nodes.
    private func isWritten(_ lane: StoreLane, now: Tick) -> Bool {
        if now >= lane.epochDue { return true }
        guard now >= lane.epochAllowed else { return false }
        let isComplete = isServing && links.values.allSatisfy { $0.phase == .serving }
        return isComplete && lane.news.isEmpty && lane.lateTunnels.isEmpty && lane.writesUnderWay == 0
    }

    private mutating func renewLease(_ store: StoreID, now: Tick) {
        guard let lane = cluster.lanes[store], let epoch = lane.leaseEpoch else { return }
        cluster.lanes[store]?.leaseDue = now.advanced(milliseconds: ControlLimit.leaseRenewMilliseconds)
        let entrypoints = Set(cluster.settings.discoveries.filter { $0.value == store }.keys)
            .sorted { $0.rawValue < $1.rawValue }
            .map { entrypointAddress(of: $0, on: links.values.map(\.name).min() ?? "") }.filter { !$0.isEmpty }
        let lease = NodeLease(
            epoch: epoch, weight: cluster.settings.weight,
            peers: reachablePeers(in: lane),
            entrypoints: Array(entrypoints.prefix(PlaneNode.peersMax)))
        send(
            .lease, to: store,
            [
                StoreCommand(
                    "SET", NodeLease.key(cluster.settings.node), lease.text, "EX", "\(ControlLimit.leaseSeconds)")
            ], isUrgent: true)
    }

    /// What an earlier process of this node left: its entries hold until ours are written.
    mutating func ownLeaseRead(_ value: [UInt8]?, in store: StoreID, now: Tick) {
        guard cluster.lanes[store]?.leaseEpoch == nil else { return }
        let before = value.flatMap { NodeLease($0) }
        if let before, before.epoch > nodeEpoch {
            note(
                .error,
                "another control plane of this node's name is younger than this one: give each node its own name",
                ["node": plan.nodeName, "epoch": "\(before.epoch)"])
        }
        cluster.lanes[store]?.leaseEpoch = min(before?.epoch ?? nodeEpoch, nodeEpoch)
        cluster.lanes[store]?.inheritedPeers = before?.peers ?? []
        cluster.lanes[store]?.leaseDue = now
    }

    mutating func leaseRead(_ value: [UInt8]?, of node: NodeID, in store: StoreID, now: Tick) {
        let lease = value.flatMap { NodeLease($0) }
        let isOwn = node == cluster.settings.node
        guard !isOwn else { return }
        // A store that has just returned may not have heard of the node yet.
        if lease == nil, cluster.lanes[store]?.isReturning(at: now) == true {
            cluster.lanes[store]?.lookedLeases.append(node)
            return
        }
        let isNew = cluster.nodes.row(of: node) == nil
        if isNew, lease == nil { return }
        guard let index = enterNode(node, now: now) else { return cluster.tally.refuse(.nodes) }
        let before = cluster.nodes[index]
        guard cluster.nodes.take(lease, of: node, from: store, now: now) else { return }
        let row = cluster.nodes[index]
        tellRow(row)
        introduce(row)
        if before.isAlive != row.isAlive {
            note(
                row.isAlive ? .info : .warning, row.isAlive ? "node joined" : "node's lease is gone: a last resort now",
                ["node": node.shortText, "epoch": "\(row.epoch)"])
        }
        retell(referringTo: node, now: now)
    }

    /// The row of a Culvert node, made where there is none.
    mutating func enterNode(_ node: NodeID, now: Tick) -> UInt16? {
        let told = cluster.told
        return cluster.nodes.enter(node, now: now) { index in told.values.contains { $0.names(index) } }
    }

    /// The row of a stock node, by its address, made where there is none; nil, and counted, where there is no room.
    mutating func enterStockNode(at address: String, now: Tick) -> UInt16? {
        let told = cluster.told
        let index = cluster.nodes.enter(stock: address, now: now) { index in
            told.values.contains { $0.names(index) }
        }
        if index == nil { cluster.tally.refuse(.nodes) }
        return index
    }
}
