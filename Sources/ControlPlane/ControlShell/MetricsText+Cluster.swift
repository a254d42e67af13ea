internal import ControlCore
internal import StoreVocabulary

/// The part of the metrics that a node in a cluster has.
extension MetricsText.Page {
    mutating func render(_ cluster: ClusterStatus) {
        render(cluster.stores)
        gauge("culvert_cluster_nodes", "other nodes whose lease is held", UInt64(cluster.nodesAlive))
        gauge("culvert_cluster_nodes_gone", "other nodes that are known and gone", UInt64(cluster.nodesGone))
        gauge(
            "culvert_cluster_names", "names of this node's tunnels that a store has confirmed",
            UInt64(cluster.namesConfirmed))
        gauge("culvert_cluster_names_presumed", "names given while their store was away", UInt64(cluster.namesPresumed))
        gauge(
            "culvert_cluster_mirrored_names", "names that are mirrored, absent ones included",
            UInt64(cluster.mirroredNames))
        gauge("culvert_cluster_mirrored_absent", "mirrored names that do not exist", UInt64(cluster.mirroredAbsent))
        gauge("culvert_cluster_mirrored_tunnels", "tunnels that are mirrored", UInt64(cluster.mirroredTunnels))
        gauge("culvert_cluster_binds_waiting", "binds that wait for a store", UInt64(cluster.bindsWaiting))
        gauge("culvert_cluster_lookups_waiting", "questions that wait for a store", UInt64(cluster.lookupsWaiting))
        render(cluster.tally)
    }

    private mutating func render(_ stores: [ClusterStatus.Store]) {
        let rows: [(String, String, (ClusterStatus.Store) -> UInt64)] = [
            ("culvert_store_up", "1 while the store answers", { $0.isUp ? 1 : 0 }),
            ("culvert_store_tracking", "1 while the store tells of changes", { $0.isTracking ? 1 : 0 }),
            ("culvert_store_names", "names that are renewed there", { UInt64($0.names) }),
            ("culvert_store_tunnels", "tunnels that are renewed there", { UInt64($0.tunnels) }),
            ("culvert_store_writes_waiting", "things that wait to be written", { UInt64($0.writesWaiting) }),
            ("culvert_store_reads_waiting", "things that wait to be read", { UInt64($0.readsWaiting) }),
        ]
        for (name, help, value) in rows {
            head(name, help, "gauge")
            for store in stores { line(name, [("store", "\(store.id)")], value(store)) }
        }
    }

    private mutating func render(_ tally: ClusterTally) {
        counter("culvert_cluster_batches_total", "batches sent to stores", tally.batches)
        counter("culvert_cluster_commands_total", "commands in them", tally.commands)
        counter("culvert_cluster_batches_failed_total", "batches that failed", tally.batchesFailed)
        counter("culvert_cluster_names_claimed_total", "names claimed", tally.namesClaimed)
        counter("culvert_cluster_names_renewed_total", "names renewed", tally.namesRenewed)
        counter("culvert_cluster_names_released_total", "names given up", tally.namesReleased)
        counter("culvert_cluster_names_lost_total", "names that turned out to be another tunnel's", tally.namesLost)
        counter(
            "culvert_cluster_registrations_total", "tunnels registered, changes of their connectors included",
            tally.registrations)
        counter("culvert_cluster_renewals_total", "tunnels renewed", tally.renewals)
        counter("culvert_cluster_departures_total", "connectors removed", tally.departures)
        counter("culvert_cluster_changes_total", "changed keys that stores told of", tally.changesHeard)
        counters(
            "culvert_cluster_reads_total", "names and tunnels read", label: "why",
            [
                ("asked", tally.readsAsked), ("changed", tally.readsOfChanges), ("touched", tally.rereads),
                ("swept", tally.readsOfSweeps),
            ])
        counters(
            "culvert_cluster_lookups_total", "questions of data planes", label: "outcome",
            [("found", tally.lookupsFound), ("absent", tally.lookupsAbsent), ("unknown", tally.lookupsUnknown)])
        counters(
            "culvert_cluster_refusals_total", "what was not done, and why", label: "why",
            tally.refusals.map { ($0.key.rawValue, $0.value) })
    }
}
