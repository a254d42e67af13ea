/// What the cluster's decisions are counted by, for `/metrics`.
package struct ClusterTally: Equatable, Sendable {
    /// Why something was not done.
    package enum Refusal: String, CaseIterable, Sendable {
        /// Too many binds wait for a store: last knowledge decided at once.
        case bindsWaiting = "binds_waiting"
        /// Too many questions of data planes wait for a store: answered "unknown".
        case lookupsWaiting = "lookups_waiting"
        /// Removals that wait for a store that is away: they end with their hash's expiry.
        case departures
        /// Names that wait to be given up: left to expire.
        case releases
        /// No room for another node.
        case nodes
        /// A tunnel in the store has more connectors than are read.
        case entries
        /// A value in the store is not what its key is for.
        case foreignValues = "foreign_values"
        /// The store refused a command.
        case commands
        /// No room for what other nodes' control planes say, or what cannot be said to them.
        case words
    }

    package var refusals: [Refusal: UInt64] = [:]
    /// Batches and commands sent, and batches that failed.
    package var batches: UInt64 = 0
    package var commands: UInt64 = 0
    package var batchesFailed: UInt64 = 0
    /// Names claimed for the first time, renewed, given up, and lost to others.
    package var namesClaimed: UInt64 = 0
    package var namesRenewed: UInt64 = 0
    package var namesReleased: UInt64 = 0
    package var namesLost: UInt64 = 0
    /// Tunnels whose connectors were written, as news and again.
    package var registrations: UInt64 = 0
    package var renewals: UInt64 = 0
    package var departures: UInt64 = 0
    /// Reads that a question waited for, of what was told to have changed, of what perhaps changed, and after a loss.
    package var readsAsked: UInt64 = 0
    package var readsOfChanges: UInt64 = 0
    package var rereads: UInt64 = 0
    package var readsOfSweeps: UInt64 = 0
    /// Reads of tunnels that nobody here asked for, by which stock nodes are found.
    package var samples: UInt64 = 0
    /// Questions of data planes, by what came of them.
    package var lookupsFound: UInt64 = 0
    package var lookupsAbsent: UInt64 = 0
    package var lookupsUnknown: UInt64 = 0
    package var changesHeard: UInt64 = 0
    /// Chunks that other nodes' control planes have taken, those that were not known to be, and lists begun.
    package var wordsTold: UInt64 = 0
    package var wordsFailed: UInt64 = 0
    package var wordLists: UInt64 = 0
    /// Chunks of theirs, and those of them that could not be read.
    package var wordsHeard: UInt64 = 0
    package var wordFaults: UInt64 = 0

    package init() {}

    mutating func count(_ why: StoreLane.ReadCause, _ count: Int) {
        switch why {
        case .asked: readsAsked += UInt64(count)
        case .changed: readsOfChanges += UInt64(count)
        case .touched: rereads += UInt64(count)
        case .swept: readsOfSweeps += UInt64(count)
        case .sampled: samples += UInt64(count)
        }
    }

    mutating func refuse(_ refusal: Refusal, _ count: UInt64 = 1) { refusals[refusal, default: 0] += count }
}
