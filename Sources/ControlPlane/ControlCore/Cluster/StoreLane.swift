internal import Model
internal import PlaneLink
internal import Primitives
package import StoreVocabulary

/// One store as the cluster uses it: whether it is there, and what waits to be written to it and read from it. What is
/// under way is bounded; everything else waits here, each thing once.
package struct StoreLane: Sendable {
    /// What was asked of the store, to know what its answer means.
    enum Errand: Sendable {
        /// Names and whose they are to be; for binds that wait, or in the background. `checked`: names that are read along.
        case claim([NameID], [TunnelID], checked: [NameID])
        case release
        case register([TunnelID], isNews: Bool)
        case leave([Departure])
        case ownLease
        case lease
        case leases([NodeID])
        case names([NameID])
        case tunnels([TunnelID])
    }

    /// A connector to be removed.
    struct Departure: Hashable, Sendable {
        var tunnel: TunnelID
        var connector: ConnectorID
    }

    let id: StoreID
    let expirationSeconds: UInt64
    let holdsNames: Bool
    let holdsConnectors: Bool

    package internal(set) var isUp = false
    /// Why it is not; nil before the first word.
    package internal(set) var failure: StoreFailure?
    package internal(set) var isTracking = false
    /// It refuses commands: said once.
    var isRefusing = false
    /// Until when what it does not have may only not have come back yet.
    var graceUntil = Tick.zero
    var pausedUntil = Tick.zero
    var writesUnderWay = 0
    var readsUnderWay = 0

    // What is written.
    var names: RenewalWheel<NameID>
    var lateNames = UniqueQueue<NameID>()
    var tunnels: RenewalWheel<TunnelID>
    var news = UniqueQueue<TunnelID>()
    var lateTunnels = UniqueQueue<TunnelID>()
    var departures = UniqueQueue<Departure>()

    // What is read: asked for, changed, perhaps changed, and everything after changes may have been missed.
    var askedNames = UniqueQueue<NameID>()
    var askedTunnels = UniqueQueue<TunnelID>()
    var changedTunnels = UniqueQueue<TunnelID>()
    var touchedNames = UniqueQueue<NameID>()
    var touchedTunnels = UniqueQueue<TunnelID>()
    /// Of Culvert nodes only: perhaps renewed, perhaps changed by a stock node.
    var auditedTunnels = UniqueQueue<TunnelID>()
    /// Of tunnels that are not mirrored: written by somebody, perhaps by a stock node.
    var sampledTunnels = UniqueQueue<TunnelID>()
    /// A stock node has been seen among the entries.
    var hasStockNodes = false
    var sweptNames = UniqueQueue<NameID>()
    var sweptTunnels = UniqueQueue<TunnelID>()
    var doubtfulNames = UniqueQueue<NameID>()
    var doubtfulTunnels = UniqueQueue<TunnelID>()
    var rereads = ReadBudget(perSecond: ControlLimit.rereadsPerSecond)
    var audits = ReadBudget(perSecond: ControlLimit.auditsPerSecond)
    var samples = ReadBudget(perSecond: ControlLimit.samplesPerSecond)
    var changeReads = ReadBudget(perSecond: ControlLimit.changeReadsPerSecond)
    var sweepReads = ReadBudget(perSecond: ControlLimit.sweepReadsPerSecond)

    // Leases.
    var leaseDue = Tick.never
    /// Whether our predecessor's epoch is known.
    var hasReadOwnLease = false
    /// What our lease says; nil until it is known.
    var leaseEpoch: UInt64?
    /// Where our predecessor's data planes are reached.
    var inheritedPeers: [PlaneNode.Peer] = []
    /// Not before and not after which our epoch becomes the oldest that holds.
    var epochAllowed = Tick.zero
    var epochDue = Tick.zero
    var lookedLeases = UniqueQueue<NodeID>()
    var leasesDue = Tick.zero
    var isReadingLeases = false

    init(id: StoreID, expirationSeconds: UInt64, holdsNames: Bool, holdsConnectors: Bool) {
        self.id = id
        self.expirationSeconds = expirationSeconds
        self.holdsNames = holdsNames
        self.holdsConnectors = holdsConnectors
        let period = max(expirationSeconds &* 1_000 / 3, 256)
        names = RenewalWheel(periodMilliseconds: period)
        tunnels = RenewalWheel(periodMilliseconds: period)
    }

    /// Whether the store can be asked in the background now.
    func isOpen(at now: Tick) -> Bool { isUp && now >= pausedUntil }

    /// Whether what it does not have may only not be back yet.
    func isReturning(at now: Tick) -> Bool { now < graceUntil }

    var hasReads: Bool { !askedNames.isEmpty || !askedTunnels.isEmpty }

    /// When something is due that waits for nothing but time.
    var nextDeadline: Tick {
        guard isUp else { return .never }
        var next = leaseEpoch == nil ? .never : leaseDue
        if !doubtfulNames.isEmpty || !doubtfulTunnels.isEmpty { next = min(next, graceUntil) }
        if !lookedLeases.isEmpty, !isReadingLeases { next = min(next, leasesDue) }
        if readsUnderWay < ControlLimit.readsUnderWayMax {
            if hasReads { next = .zero }
            if !changedTunnels.isEmpty { next = min(next, changeReads.nextDeadline) }
            if !touchedNames.isEmpty || !touchedTunnels.isEmpty { next = min(next, rereads.nextDeadline) }
            if !auditedTunnels.isEmpty {
                next = min(next, hasStockNodes ? rereads.nextDeadline : audits.nextDeadline)
            }
            if !sweptNames.isEmpty || !sweptTunnels.isEmpty { next = min(next, sweepReads.nextDeadline) }
            if !sampledTunnels.isEmpty { next = min(next, samples.nextDeadline) }
        }
        if writesUnderWay < ControlLimit.writesUnderWayMax {
            next = min(next, names.nextDeadline, tunnels.nextDeadline)
            if !news.isEmpty || !lateNames.isEmpty || !lateTunnels.isEmpty || !departures.isEmpty { next = .zero }
        }
        return next == .never ? .never : max(next, pausedUntil)
    }
}
