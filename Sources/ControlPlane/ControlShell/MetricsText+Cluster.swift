internal import ControlCore
internal import StoreVocabulary

/// The part of the metrics that a node has whose names or connectors are kept in stores.
extension MetricsText.Page {
    /// Counters, then what is there now.
    mutating func render(_ cluster: ClusterStatus, stores: [ControlStatus.Store]) {
        head("culvert_store_up", "0 while a store is not connected", "gauge")
        for store in stores { line("culvert_store_up", [("store", store.name)], store.isUp ? 1 : 0) }
        head("culvert_store_tracking", "0 while a store does not tell its changes", "gauge")
        for store in stores {
            line("culvert_store_tracking", [("store", store.name)], store.isTracking ? 1 : 0)
        }
        let tally = cluster.tally
        counters(
            "culvert_cluster_refused_total", "what was left out, by what there was no room for or what was wrong",
            label: "what", tally.refusals.map { ($0.key.rawValue, $0.value) })
        counter("culvert_store_batches_total", "batches sent to stores", tally.batches)
        counter("culvert_store_batches_failed_total", "batches without an answer", tally.batchesFailed)
        counter("culvert_store_commands_total", "commands sent to stores", tally.commands)
        counter("culvert_store_changes_total", "keys that stores said were changed", tally.changesHeard)
        counters(
            "culvert_cluster_names_total", "names of this node's tunnels, by what was done", label: "what",
            [
                ("claimed", tally.namesClaimed), ("renewed", tally.namesRenewed), ("released", tally.namesReleased),
                ("lost", tally.namesLost),
            ])
        counters(
            "culvert_cluster_writes_total", "tunnels whose connectors were written, by why", label: "why",
            [("news", tally.registrations), ("renewal", tally.renewals), ("departure", tally.departures)])
        counters(
            "culvert_cluster_reads_total", "names and tunnels that were read, by why", label: "why",
            [
                ("asked", tally.readsAsked), ("changed", tally.readsOfChanges), ("touched", tally.rereads),
                ("swept", tally.readsOfSweeps), ("sampled", tally.samples),
            ])
        counters(
            "culvert_cluster_lookups_total", "questions of data planes, by their answer", label: "answer",
            [
                ("found", tally.lookupsFound), ("absent", tally.lookupsAbsent), ("unknown", tally.lookupsUnknown),
            ])
        counters(
            "culvert_cluster_words_total", "chunks of words between control planes, by what became of them",
            label: "what",
            [
                ("told", tally.wordsTold), ("failed", tally.wordsFailed), ("heard", tally.wordsHeard),
                ("unreadable", tally.wordFaults), ("list_begun", tally.wordLists),
            ])
        renderLevels(cluster, stores: stores)
    }

    private mutating func renderLevels(_ cluster: ClusterStatus, stores: [ControlStatus.Store]) {
        let rows: [(String, String, (ClusterStatus.Store) -> Int)] = [
            ("culvert_store_names", "names of this node's tunnels that are renewed there", \.names),
            ("culvert_store_tunnels", "tunnels of this node that are renewed there", \.tunnels),
            ("culvert_store_writes_waiting", "things that wait to be written", \.writesWaiting),
            ("culvert_store_reads_waiting", "things that wait to be read", \.readsWaiting),
        ]
        for (name, help, value) in rows {
            head(name, help, "gauge")
            for store in cluster.stores where store.id.rawValue < stores.count {
                line(name, [("store", stores[store.id.rawValue].name)], UInt64(value(store)))
            }
        }
        let gauges: [(String, String, Int)] = [
            ("nodes", "other nodes whose lease is held", cluster.nodesAlive),
            ("nodes_gone", "other nodes that are known and gone", cluster.nodesGone),
            ("peers", "data planes of other nodes that are known", cluster.peers),
            ("nodes_told", "other nodes whose control plane can be told over peer links", cluster.nodesTold),
            ("said_tunnels", "tunnels that other nodes' control planes say they have", cluster.saidTunnels),
            ("said_names", "names that other nodes' control planes say they have", cluster.saidNames),
            ("names", "names of this node's tunnels that a store has confirmed", cluster.namesConfirmed),
            ("names_presumed", "names given while their store was away", cluster.namesPresumed),
            ("mirrored_names", "names that are mirrored, absent ones included", cluster.mirroredNames),
            ("mirrored_absent", "mirrored names that do not exist", cluster.mirroredAbsent),
            ("mirrored_tunnels", "tunnels that are mirrored", cluster.mirroredTunnels),
            ("binds_waiting", "binds that wait for a store", cluster.bindsWaiting),
            ("lookups_waiting", "questions of data planes that wait for a store", cluster.lookupsWaiting),
        ]
        for (name, help, value) in gauges { gauge("culvert_cluster_\(name)", help, UInt64(value)) }
    }
}
