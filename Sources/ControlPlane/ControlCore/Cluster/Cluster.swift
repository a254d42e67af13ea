internal import Model
internal import PlaneLink
internal import Primitives
package import StoreVocabulary

/// What a control core knows of its cluster: its own names and connectors as the stores have to hold them, and a mirror of
/// what is needed of other nodes. State only; the decisions stand in the extensions of `ControlCore` beside it.
///
/// Every table is bounded by a `ControlLimit`: claims by the hosts that tunnels may hold, what waits for a store by what
/// exists, the mirror by its own sizes.
package struct Cluster: Sendable {
    /// A question of a data plane that waits for a store.
    struct PendingLookup: Sendable {
        var link: LinkID
        var lookup: PlaneLookup
        var deadline: Tick
    }

    /// What one data plane has been told of other nodes.
    struct Told: Sendable {
        var tunnels: [TunnelID: [Candidate]] = [:]
        var order = AgeOrder<TunnelID>()
        var rows: Set<UInt16> = []

        /// Whether a node is some tunnel's candidate.
        func names(_ node: UInt16) -> Bool { tunnels.values.contains { $0.contains { $0.node == node } } }
    }

    /// A batch under way.
    struct Sent: Sendable {
        var store: StoreID
        var errand: StoreLane.Errand
        var isRead: Bool
        /// A bind waits for it.
        var isUrgent: Bool
    }

    package let settings: ClusterSettings
    let stores: [StoreID]
    package internal(set) var lanes: [StoreID: StoreLane] = [:]
    var sent: [UInt64: Sent] = [:]
    var nextBatch: UInt64 = 1

    // Names of this node's tunnels.
    package internal(set) var claims: [NameID: NameClaim] = [:]
    var namesOf: [TunnelID: [NameID]] = [:]
    var binds: [UInt64: PendingBind] = [:]
    /// The bind of a connector.
    var bindOf: [ConnectorID: UInt64] = [:]
    var bindDeadlines = DeadlineOrder()
    var nextBind: UInt64 = 1
    /// Names of tunnels that are gone from here, until it is known whether others have them.
    var releases: [TunnelID: [HeldName]] = [:]

    // The mirror.
    package internal(set) var names: [NameID: MirroredName] = [:]
    var nameOrder = AgeOrder<NameID>()
    package internal(set) var tunnels: [TunnelKey: MirroredTunnel] = [:]
    var tunnelOrder = AgeOrder<TunnelKey>()
    /// Those of them that nobody asked for: tunnels with connectors here.
    var ownMirrored: Set<TunnelKey> = []
    package internal(set) var nodes: NodeTable
    var lookups: [UInt64: PendingLookup] = [:]
    var lookupDeadlines = DeadlineOrder()
    /// Tunnels whose questions wait for the lease of a node that was not known before.
    var awaitingLeases: Set<TunnelKey> = []
    var nextLookup: UInt64 = 1
    var told: [LinkID: Told] = [:]
    /// What other nodes' control planes are told, and have told.
    var words = Words()
    /// Tunnels with stock nodes' entries, which age without a word.
    var aging: Set<TunnelKey> = []
    var agingDue = Tick.zero
    /// When a stock node is not believed any more of which nothing was heard since.
    var stockDue = Tick.never

    /// Seconds since 1970, and when that was.
    var wallSeconds: UInt64 = 0
    var wallAt = Tick.zero
    package internal(set) var tally = ClusterTally()

    init(_ settings: ClusterSettings, epoch: UInt64) {
        self.settings = settings
        let names = Set(settings.ingresses.values), connectors = Set(settings.discoveries.values)
        stores = names.union(connectors).sorted { $0.rawValue < $1.rawValue }
        for store in stores {
            lanes[store] = StoreLane(
                id: store, expirationSeconds: max(settings.expirationSeconds[store] ?? 60, 3),
                holdsNames: names.contains(store), holdsConnectors: connectors.contains(store))
        }
        nodes = NodeTable(
            own: PlaneNode(
                index: 0, id: settings.node, kind: .own, epoch: epoch, isAlive: true, weight: settings.weight,
                peers: [],
                entrypoints: []))
    }

    /// The stores in which connectors are registered.
    var discoveryStores: [StoreID] { stores.filter { lanes[$0]?.holdsConnectors == true } }

    /// Seconds since 1970.
    func wall(at now: Tick) -> UInt64 { wallSeconds &+ now.milliseconds(since: wallAt) / 1_000 }

    /// When something is due that waits for nothing but time.
    var nextDeadline: Tick {
        var next = min(bindDeadlines.next, lookupDeadlines.next, stockDue)
        for lane in lanes.values { next = min(next, lane.nextDeadline) }
        if !aging.isEmpty { next = min(next, agingDue) }
        return min(next, words.nextDeadline)
    }

    // MARK: The mirror's tables

    /// The mirrored name, made where it is not there; gives the one that had to go for it.
    mutating func mirror(_ name: NameID) -> NameID? {
        guard names[name] == nil else { return nil }
        var gone: NameID?
        if names.count >= ControlLimit.mirroredNamesMax {
            gone = nameOrder.takeOldest { names[$0] != nil }
        }
        names[name] = MirroredName()
        nameOrder.append(name, count: names.count) { names[$0] != nil }
        return gone
    }

    /// The mirrored tunnel, made where it is not there; gives the one that had to go for it.
    mutating func mirror(_ key: TunnelKey) -> TunnelKey? {
        guard tunnels[key] == nil else { return nil }
        var gone: TunnelKey?
        if tunnels.count >= ControlLimit.mirroredTunnelsMax {
            gone = tunnelOrder.takeOldest { tunnels[$0] != nil }
            if let gone {
                tunnels[gone] = nil
                aging.remove(gone)
            }
        }
        tunnels[key] = MirroredTunnel()
        tunnelOrder.append(key, count: tunnels.count) { tunnels[$0] != nil }
        return gone
    }
}
