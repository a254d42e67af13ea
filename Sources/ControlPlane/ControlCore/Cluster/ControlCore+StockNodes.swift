internal import Model
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// The stock nodes of the cluster. Nothing but their entries speaks of them, so those are where they are found: among the
/// tunnels that are mirrored, and in a sample of all others, taken as they are renewed. Every data plane is told where
/// they stand, because what they forward comes from there (protocol tunnel-server §9).
extension ControlCore {
    /// A tunnel that is not mirrored was written: perhaps by a stock node.
    mutating func sample(_ tunnel: TunnelID, in store: StoreID) {
        guard let lane = cluster.lanes[store], lane.holdsConnectors, cluster.releases[tunnel] == nil,
            lane.sampledTunnels.count < ControlLimit.samplesWaitingMax
        else { return }
        cluster.lanes[store]?.sampledTunnels.append(tunnel)
    }

    /// What a store has of a tunnel that is not mirrored.
    mutating func meetStockNodes(among reply: [StoreReply], in store: StoreID, now: Tick) {
        for index in stride(from: 1, to: min(reply.count, 2 * ControlLimit.entriesPerTunnelMax), by: 2) {
            guard let value = reply[index].bytes, let entry = DiscoveryEntry(value), !isAtOurEntrypoint(entry)
            else { continue }
            meetStockNode(entry, in: store, now: now)
        }
    }

    /// An entry that is young enough for other stock nodes (protocol ingress-sd-plugins §5.3, Get) says where its node is.
    /// It is none at our own entrypoint.
    mutating func meetStockNode(_ entry: DiscoveryEntry, in store: StoreID, now: Tick) {
        guard entry.extra == nil, let lane = cluster.lanes[store] else { return }
        let wall = cluster.wall(at: now)
        guard wall <= entry.renew &+ lane.expirationSeconds else { return }
        cluster.lanes[store]?.hasStockNodes = true
        guard let index = enterStockNode(at: entry.address, now: now) else { return }
        let end = now.advanced(milliseconds: ControlLimit.stockNodeMilliseconds)
        guard cluster.nodes.register(index, until: end) else { return }
        cluster.stockDue = min(cluster.stockDue, end)
        note(.info, "stock node found: what it forwards is served here", ["address": entry.address])
        tellStockNode(cluster.nodes[index])
    }

    /// Whether a stock node's entry says that it is where visitors come to this node: one that stood here before. Nobody is
    /// sent there, and nobody who comes from this address is taken for it.
    func isAtOurEntrypoint(_ entry: DiscoveryEntry) -> Bool {
        guard entry.extra == nil, !entry.address.isEmpty else { return false }
        let planes = Set(links.values.map(\.name))
        return cluster.settings.discoveries.keys.contains { service in
            planes.contains { entrypointAddress(of: service, on: $0) == entry.address }
        }
    }

    /// Nothing was heard of some for too long.
    mutating func forgetStockNodes(now: Tick) {
        for node in cluster.nodes.takeDeparted(now: now) {
            note(.info, "stock node gone: no entry of it was seen for long", ["address": node.entrypoints[0]])
            tellStockNode(node)
        }
        cluster.stockDue = cluster.nodes.nextDeparture
    }

    // MARK: Telling

    /// Tells a data plane of every stock node that is there: it has just been told that there is a cluster.
    mutating func tellStockNodes(to link: LinkID) {
        for node in cluster.nodes.registered { tellStockNode(node, to: link) }
    }

    private mutating func tellStockNode(_ node: PlaneNode) {
        for id in links.keys.sorted(by: { $0.rawValue < $1.rawValue }) where links[id]?.hasPeering == true {
            tellStockNode(node, to: id)
        }
    }

    private mutating func tellStockNode(_ node: PlaneNode, to link: LinkID) {
        cluster.told[link, default: Cluster.Told()].rows.insert(node.index)
        effects.append(.send(link, .node(node)))
    }
}
