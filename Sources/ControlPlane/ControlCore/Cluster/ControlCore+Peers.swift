internal import Model
internal import PlaneLink
internal import Settings

/// Links between data planes, as far as this plane makes them possible: who has the secret, who accepts where, and who
/// is told of whom. The links themselves are the data planes'.
extension ControlCore {
    /// Whether data planes link with others: with those of other nodes where a port is meant for them, with those of this
    /// node as soon as there are several.
    var isPeering: Bool {
        guard let peering = cluster.settings.peering else { return false }
        return peering.address != nil || ownPlanes.count > 1
    }

    // MARK: Where data planes listen

    /// Where the data plane of a link has to listen, and how many of its workers do there.
    func points(of link: DataPlaneLink) -> [(point: ListenPoint, workers: Int)] {
        var points = plan.addresses.indices.map { (point: ListenPoint.shared($0), workers: link.workers) }
        guard isPeering, link.speaksCluster, let peering = cluster.settings.peering else { return points }
        if let address = peerAddress(of: link.name) { points.append((.peers(address), link.workers)) }
        points.append((.siblings(path: peering.siblingPath(of: link.name)), 1))
        return points
    }

    /// The point that a socket was opened for by an earlier control plane; nil when there is none any more.
    func point(of listener: PlaneListener, plane: String) -> ListenPoint? {
        let kept = sockets[plane]?.sockets ?? []
        func isFree(_ point: ListenPoint) -> Bool {
            !kept.contains { $0.point == point && $0.listener.worker == listener.worker }
        }
        guard listener.role == .peers else {
            let place = plan.addresses.indices.first {
                plan.addresses[$0].listens(as: listener) && isFree(.shared($0))
            }
            // One of another data plane, which left: there are more at this address than workers.
            let surplus = plan.addresses.indices.first {
                plan.addresses[$0].address.port != 0 && plan.addresses[$0].listens(as: listener)
            }
            return (place ?? surplus).map { ListenPoint.shared($0) }
        }
        guard let peering = cluster.settings.peering else { return nil }
        let path = peering.siblingPath(of: plane)
        if listener.address == path {
            return listener.worker == WorkerIndex(0) && isFree(.siblings(path: path)) ? .siblings(path: path) : nil
        }
        guard let first = peering.address, let port = listener.port,
            listener.address == ListenAddress(host: first.host, port: port).text,
            first.port == 0 || (port >= first.port && port - first.port < PeerSettings.portsMax)
        else { return nil }
        let address = ListenAddress(host: first.host, port: port)
        guard !isTaken(address, besides: plane), keptPeerAddress(of: plane) ?? address == address else { return nil }
        return isFree(.peers(address)) ? .peers(address) : nil
    }

    /// Where a data plane accepts other nodes' links: where it does already, else the first port that is nobody's.
    private func peerAddress(of plane: String) -> ListenAddress? {
        guard let first = cluster.settings.peering?.address else { return nil }
        if let kept = keptPeerAddress(of: plane) { return kept }
        guard first.port != 0 else { return first }
        return (0..<PeerSettings.portsMax).lazy.map { ListenAddress(host: first.host, port: first.port + $0) }
            .first { !isTaken($0, besides: plane) }
    }

    private func keptPeerAddress(of plane: String) -> ListenAddress? {
        for socket in sockets[plane]?.sockets ?? [] {
            if case .peers(let address) = socket.point { return address }
        }
        return nil
    }

    private func isTaken(_ address: ListenAddress, besides plane: String) -> Bool {
        plan.addresses.contains { $0.address.port == address.port }
            || sockets.keys.contains { $0 != plane && keptPeerAddress(of: $0) == address }
    }

    /// What a socket's peers are.
    func role(of point: ListenPoint) -> PlaneListener.Role {
        if case .shared(let place) = point { plan.addresses[place].role } else { .peers }
    }

    /// A point for people: its address, and what it is for.
    func words(for point: ListenPoint) -> (address: String, purpose: String) {
        switch point {
        case .shared(let place): (plan.addresses[place].address.text, plan.addresses[place].title)
        case .peers(let address): (address.text, "other nodes (`culvert.peers`)")
        case .siblings(let path): (path, "other data planes of this node")
        }
    }

    // MARK: Who is told

    /// Tells the data planes that can link what they need for it, once each and ahead of the first row. One that served
    /// alone until now gets its sockets.
    mutating func tellPeering() {
        guard isPeering, let peering = cluster.settings.peering else { return }
        let message = ControlToData.peering(PlanePeering(node: cluster.settings.node, secret: peering.secret))
        for id in links.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let link = links[id], link.speaksCluster, !link.isSuperseded, !link.hasPeering else { continue }
            links[id]?.hasPeering = true
            effects.append(.send(id, message))
            tellStockNodes(to: id)
            if link.phase == .serving { openMissingListeners(id) }
        }
        tellOwnRow()
        for row in cluster.nodes.all.dropFirst() { introduce(row) }
    }

    /// Data planes link with other nodes before anybody asks for a tunnel of theirs: control planes hear each other over
    /// these links.
    mutating func introduce(_ row: PlaneNode) {
        guard row.kind == .culvert, row.isAlive, !row.peers.isEmpty, row.index <= ControlLimit.introducedNodesMax else {
            return
        }
        for id in links.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let link = links[id], link.hasPeering, link.speaksWords else { continue }
            if cluster.told[id] == nil { cluster.told[id] = Cluster.Told() }
            guard cluster.told[id]?.rows.insert(row.index).inserted == true else { continue }
            effects.append(.send(id, .node(row)))
        }
    }

    /// Data planes of one node link with each other before anybody asks for a tunnel.
    private mutating func tellOwnRow() {
        guard ownPlanes.count > 1 else { return }
        for id in links.keys.sorted(by: { $0.rawValue < $1.rawValue }) where links[id]?.hasPeering == true {
            if cluster.told[id] == nil { cluster.told[id] = Cluster.Told() }
            guard cluster.told[id]?.rows.insert(0).inserted == true else { continue }
            effects.append(.send(id, .node(cluster.nodes.own)))
        }
    }

    /// Where other nodes reach this node's data planes, as its lease says. Those of its predecessor that are not back yet
    /// are believed for as long as the predecessor's entries are: others would end their links to them.
    func reachablePeers(in store: StoreLane) -> [PlaneNode.Peer] {
        let host = cluster.settings.advertisedHost
        guard cluster.settings.peering?.address != nil, !host.isEmpty else { return [] }
        var peers = ownPlanes.compactMap { plane in
            keptPeerAddress(of: plane).map {
                PlaneNode.Peer(plane: plane, address: ListenAddress(host: host, port: $0.port).text)
            }
        }
        guard store.leaseEpoch != nodeEpoch else { return peers }
        peers += store.inheritedPeers.filter { inherited in !peers.contains { $0.plane == inherited.plane } }
        return Array(peers.prefix(PlaneNode.peersMax))
    }
}

extension ClusterSettings.Peering {
    /// The Unix socket of a data plane.
    func siblingPath(of plane: String) -> String { PlanePeering.socketPath(beside: controlPath, plane: plane) }
}

extension PlaneListener {
    /// The port of an address that has one.
    var port: UInt16? {
        guard let colon = address.lastIndex(of: ":") else { return nil }
        return UInt16(address[colon...].dropFirst())
    }
}
