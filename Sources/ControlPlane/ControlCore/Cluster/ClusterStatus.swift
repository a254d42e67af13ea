internal import PlaneLink
package import StoreVocabulary

/// A moment of the cluster's knowledge, for the pages of the admin server: numbers only.
package struct ClusterStatus: Equatable, Sendable {
    /// One store.
    package struct Store: Equatable, Sendable {
        package var id: StoreID
        package var isUp: Bool
        package var isTracking: Bool
        /// Why it is away; nil while it is there.
        package var failure: String?
        /// Names and tunnels of this node that are renewed in it.
        package var names: Int
        package var tunnels: Int
        /// What waits to be written, and to be read.
        package var writesWaiting: Int
        package var readsWaiting: Int
    }

    package var stores: [Store]
    package var namesConfirmed: Int
    /// Given by last knowledge, the store not yet asked.
    package var namesPresumed: Int
    /// Names and tunnels of other nodes.
    package var mirroredNames: Int
    /// Those of them that do not exist.
    package var mirroredAbsent: Int
    package var mirroredTunnels: Int
    package var bindsWaiting: Int
    package var lookupsWaiting: Int
    package var nodesAlive: Int
    package var nodesGone: Int
    /// Data planes of other nodes.
    package var peers: Int
    /// Other nodes that can be told words, and what they have said.
    package var nodesTold: Int
    package var saidTunnels: Int
    package var saidNames: Int
    package var tally: ClusterTally
}

extension ControlCore {
    /// What the core knows of its cluster; nil on a node that is alone.
    package var clusterStatus: ClusterStatus? {
        guard !cluster.settings.isAlone else { return nil }
        let stores = cluster.stores.compactMap { cluster.lanes[$0] }.map { lane in
            let writes = lane.news.count + lane.lateNames.count + lane.lateTunnels.count + lane.departures.count
            let reads =
                lane.askedNames.count + lane.askedTunnels.count + lane.changedTunnels.count + lane.touchedNames.count
                + lane.touchedTunnels.count + lane.sweptNames.count + lane.sweptTunnels.count
            return ClusterStatus.Store(
                id: lane.id, isUp: lane.isUp, isTracking: lane.isTracking,
                failure: lane.isUp ? nil : lane.failure?.text,
                names: lane.names.count, tunnels: lane.tunnels.count, writesWaiting: writes, readsWaiting: reads)
        }
        let nodes = cluster.nodes.all.dropFirst()
        return ClusterStatus(
            stores: stores, namesConfirmed: cluster.claims.values.count { $0.standing == .confirmed },
            namesPresumed: cluster.claims.values.count { $0.standing == .presumed },
            mirroredNames: cluster.names.count,
            mirroredAbsent: cluster.names.values.count { $0.isKnown && $0.route == nil },
            mirroredTunnels: cluster.tunnels.count, bindsWaiting: cluster.binds.count,
            lookupsWaiting: cluster.lookups.count, nodesAlive: nodes.count(where: \.isAlive),
            nodesGone: nodes.count { !$0.isAlive }, peers: nodes.reduce(0) { $0 + $1.peers.count },
            nodesTold: cluster.words.ways.count, saidTunnels: cluster.words.tunnelCount,
            saidNames: cluster.words.nameCount, tally: cluster.tally)
    }
}
