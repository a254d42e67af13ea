package import Model
package import PlaneLink
package import Primitives
internal import StoreVocabulary

/// Who else has a tunnel, and who is told. A data plane is told of the tunnels it asked for, and of every change of them.
extension ControlCore {
    /// The other data planes of this node and of others that have connectors of a tunnel, best first, as the data plane
    /// of a link sees it.
    package func candidates(of tunnel: TunnelID, for link: LinkID, now: Tick) -> [Candidate] {
        var gathered = CandidateGathering()
        for connector in registry[tunnel]?.connectors ?? [] {
            guard let record = registry.connectors[connector] else { continue }
            let isOwn = record.link == link
            let place = ownPlanes.firstIndex(of: links[record.link]?.name ?? "")
            gathered.add(
                node: 0, place: isOwn ? nil : place, isUDP: record.bound.isUDP, weight: record.bound.weight,
                standing: .preferred)
        }
        let wall = cluster.wall(at: now)
        // What a node says itself comes first: it knows best, as long as it can be heard.
        var known = gatherWords(of: tunnel, linked: true, besides: [], &gathered)
        for store in cluster.stores {
            for connector in cluster.tunnels[TunnelKey(store: store, tunnel: tunnel)]?.connectors ?? []
            where !known.contains(connector.id) {
                if gather(connector, in: store, wall: wall, &gathered) { known.insert(connector.id) }
            }
        }
        _ = gatherWords(of: tunnel, linked: false, besides: known, &gathered)
        return gathered.candidates
    }

    /// False when the connector is nobody's candidate.
    private func gather(
        _ connector: MirroredTunnel.Connector, in store: StoreID, wall: UInt64, _ gathered: inout CandidateGathering
    ) -> Bool {
        let entry = connector.entry
        guard let extra = entry.extra else {
            // As stock nodes judge each other (protocol ingress-sd-plugins §5.3, Get).
            let age = wall > entry.renew ? wall - entry.renew : 0
            guard age <= cluster.lanes[store]?.expirationSeconds ?? 0,
                let row = cluster.nodes.stockRow(at: entry.address)
            else { return false }
            gathered.add(
                node: row.index, place: 0, isUDP: entry.isUDP, weight: 1,
                standing: connector.isSuspect ? .suspect : .preferred)
            return true
        }
        guard let row = cluster.nodes.row(of: entry.node),
            extra.epoch >= cluster.nodes.epoch(of: entry.node, in: store),
            // Until its lease says where it is, there is no way to it.
            let place = row.node.peers.firstIndex(where: { $0.plane == extra.plane })
        else { return false }
        let standing: Candidate.Standing =
            row.node.isAlive ? (connector.isSuspect ? .suspect : .preferred) : .lastResort
        gathered.add(
            node: row.node.index, place: UInt8(place), isUDP: entry.isUDP, weight: extra.weight, standing: standing)
        return true
    }

    /// The names of this node's data planes, in the order of its row.
    var ownPlanes: [String] { cluster.nodes.own.peers.map(\.plane) }

    /// This node's row: its data planes have changed. Those from before peer links are in nobody's reach.
    mutating func refreshOwnRow() {
        let planes = links.values.filter { $0.speaksCluster && !$0.isSuperseded }.map(\.name).sorted()
        var row = cluster.nodes.own
        // Places stay: a data plane that is gone leaves its own behind for its successor.
        for plane in planes
        where !row.peers.contains(where: { $0.plane == plane }) && row.peers.count < PlaneNode.peersMax {
            row.peers.append(PlaneNode.Peer(plane: plane, address: ""))
        }
        guard row != cluster.nodes.own else { return }
        cluster.nodes.replaceOwn(row)
        tellRow(row)
    }

    // MARK: Telling

    /// Tells a data plane who else has a tunnel, and every change from now on.
    mutating func tell(_ tunnel: TunnelID, to link: LinkID, now: Tick) {
        guard links[link]?.speaksCluster == true else { return }
        enterStockNodes(of: tunnel, now: now)
        let candidates = candidates(of: tunnel, for: link, now: now)
        if cluster.told[link] == nil { cluster.told[link] = Cluster.Told() }
        if cluster.told[link]?.tunnels[tunnel] == nil {
            if (cluster.told[link]?.tunnels.count ?? 0) >= ControlLimit.toldTunnelsMax {
                let oldest = cluster.told[link]?.order.takeOldest { _ in true }
                if let oldest { cluster.told[link]?.tunnels[oldest] = nil }
            }
            let count = cluster.told[link]?.tunnels.count ?? 0
            cluster.told[link]?.order.append(tunnel, count: count + 1) { _ in true }
        } else if cluster.told[link]?.tunnels[tunnel] == candidates {
            return
        }
        cluster.told[link]?.tunnels[tunnel] = candidates
        for candidate in candidates where cluster.told[link]?.rows.insert(candidate.node).inserted == true {
            effects.append(.send(link, .node(cluster.nodes[candidate.node])))
        }
        effects.append(.send(link, .remoteTunnel(RemoteTunnel(tunnel: tunnel, candidates: candidates))))
    }

    /// Tells the change of a tunnel to those that were told of it.
    mutating func retell(_ tunnel: TunnelID, now: Tick) {
        for link in cluster.told.keys.sorted(by: { $0.rawValue < $1.rawValue })
        where cluster.told[link]?.tunnels[tunnel] != nil {
            tell(tunnel, to: link, now: now)
        }
    }

    /// The connectors of a tunnel on this node have changed.
    mutating func tellSiblings(of tunnel: TunnelID, now: Tick) {
        if cluster.told.count > 0 { retell(tunnel, now: now) }
    }

    /// A node's epoch or lease has changed: what its entries are worth has, too.
    mutating func retell(referringTo node: NodeID, now: Tick) {
        guard !cluster.told.isEmpty else { return }
        let tunnels = cluster.tunnels.filter { $0.value.connectors.contains { $0.entry.node == node } }.keys
            .map(\.tunnel).sorted()
        for tunnel in tunnels { retell(tunnel, now: now) }
        retell(saidBy: node, now: now)
    }

    /// Tells a row to those that know it.
    mutating func tellRow(_ row: PlaneNode) {
        for (link, told) in cluster.told.sorted(by: { $0.key.rawValue < $1.key.rawValue })
        where told.rows.contains(row.index) {
            effects.append(.send(link, .node(row)))
        }
    }

    /// Rows for the stock nodes that a tunnel's entries name.
    private mutating func enterStockNodes(of tunnel: TunnelID, now: Tick) {
        for store in cluster.stores {
            for connector in cluster.tunnels[TunnelKey(store: store, tunnel: tunnel)]?.connectors ?? []
            where connector.entry.extra == nil {
                _ = enterStockNode(at: connector.entry.address, now: now)
            }
        }
    }
}

/// Connectors on their way to be candidates: those of one data plane are one.
struct CandidateGathering {
    private struct Key: Hashable {
        var node: UInt16
        var place: UInt8
        var isUDP: Bool
        var standing: Candidate.Standing
    }

    private var weights: [Key: (sum: UInt16, takesAll: Bool)] = [:]
    /// Some connector takes all new streams (protocol tunnel-server §5), of TCP and of UDP.
    private var isTaken = (tcp: false, udp: false)

    init() {}

    /// A connector; without a place it is one of the data plane's own, which counts for the others only.
    mutating func add(node: UInt16, place: Int?, isUDP: Bool, weight: UInt8, standing: Candidate.Standing) {
        if weight == 255, standing == .preferred {
            if isUDP { isTaken.udp = true } else { isTaken.tcp = true }
        }
        guard let place else { return }
        let key = Key(node: node, place: UInt8(place), isUDP: isUDP, standing: standing)
        let before = weights[key] ?? (0, false)
        let sum = before.sum.addingReportingOverflow(UInt16(max(weight, 1)))
        weights[key] = (sum.overflow ? .max : sum.partialValue, before.takesAll || weight == 255)
    }

    mutating func add(node: UInt16, place: UInt8, isUDP: Bool, weight: UInt8, standing: Candidate.Standing) {
        add(node: node, place: Int(place), isUDP: isUDP, weight: weight, standing: standing)
    }

    /// Best first: by standing, then by weight.
    var candidates: [Candidate] {
        let all = weights.map { key, weight in
            let isOutweighed = key.standing == .preferred && (key.isUDP ? isTaken.udp : isTaken.tcp) && !weight.takesAll
            return Candidate(
                node: key.node, place: key.place, isUDP: key.isUDP, weight: weight.sum,
                standing: isOutweighed ? .outweighed : key.standing)
        }
        let sorted = all.sorted { left, right in
            (left.standing.rawValue, right.weight, left.node, left.place, left.isUDP ? 1 : 0)
                < (right.standing.rawValue, left.weight, right.node, right.place, right.isUDP ? 1 : 0)
        }
        return Array(sorted.prefix(Candidate.perTunnelMax))
    }
}
