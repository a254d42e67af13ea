import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Another data plane as one worker knows it: where to dial it, and this worker's links to its workers.
///
/// A connector lives on one worker for life, and workers share nothing: so every worker of one data plane keeps a link to
/// every worker of the other, and a forwarded stream is opened where the connector is. Whichever side dialled, both open
/// streams on it; a side dials only the workers that it has no link to.
struct Peer: BitwiseCopyable {
    var node = NodeID.zero
    var plane = InlineText()
    var address: DialedAddress?
    /// It stands in the present table.
    var isListed = false
    /// Of this node.
    var isSibling = false
    /// A stock node: its address is an entrypoint's, it is dialled for each visitor, and there are no links to it
    /// (Worker+StockForwards).
    var isStock = false
    var isAlive = false
    var epoch: UInt64 = 0
    var weight: UInt8 = 1
    /// How many workers it has, as it said itself; 0: it was never met.
    var workers: UInt8 = 0
    /// The link to each of its workers, or `.max`.
    var links = InlineArray<64, UInt32>(repeating: .max)
    /// Workers that are being dialled, a bit each, and whether one is dialled that is not chosen yet.
    var dialling: UInt64 = 0
    var diallingAny = false
    /// Workers that streams may wait for, a bit each.
    var awaited: UInt64 = 0
    var retryAt = Tick.zero
    var failures: UInt8 = 0

    /// Whether this worker has any link to it.
    var isLinked: Bool {
        for worker in 0..<Int(workers) where links[worker] != .max { return true }
        return false
    }

    /// The worker to be dialled next: nil inside, any; nil: nobody is missing.
    var missing: Int?? {
        if workers == 0 { return diallingAny ? nil : .some(nil) }
        for worker in 0..<Int(workers) where links[worker] == .max && dialling & 1 << UInt64(worker) == 0 {
            return .some(worker)
        }
        return nil
    }
}

/// What a link to another data plane has beyond other links.
struct PeerLink: BitwiseCopyable {
    var handshake: PeerHandshake
    /// Whose link it is: a place among the peers; `.max` while that is not known, or for ever when it stands in no table.
    var peer: UInt16 = .max
    /// The worker at its other end; `.max` until it said so.
    var worker: UInt8 = .max
    /// How many there are at its other end.
    var workers: UInt8 = 0
    /// The node at its other end, as its hello says, and whether words of control planes are heard there.
    var node = NodeID.zero
    var hearsWords = false
    /// The worker that we dialled; nil: any, or it was not we.
    var wanted: UInt8?
    let isDialled: Bool
    /// What was heard last before the silence that was acted upon; another instant than the link's: it was heard since.
    var silentSince = Tick.never
    /// Acting upon a silence is put off until then, because this worker itself was late.
    var silenceDue = Tick.zero
}
