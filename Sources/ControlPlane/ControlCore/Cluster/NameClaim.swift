package import Model
internal import PlaneLink
package import Primitives

/// A name that a tunnel of this node has or wants.
package struct NameClaim: Sendable {
    /// Who says that it is the tunnel's.
    package enum Standing: Equatable, Sendable {
        /// The store has been asked for the first time.
        case asking
        /// The store did.
        case confirmed
        /// The store was away: last knowledge says that it is free or the tunnel's. On return the store decides.
        case presumed
    }

    package var tunnel: TunnelID
    package var standing: Standing
    /// The hosts that lead to the tunnel by this name.
    package var hosts: [String]
    /// The tunnel's endpoint label.
    package var isGenerated: Bool
    /// When the store last confirmed it.
    package var renewedAt: Tick
    /// Until when one change of it is taken for our own renewal, which is told to us too.
    var echoUntil = Tick.zero
    /// Binds that wait for it.
    var binds: [UInt64] = []
}

/// A BIND that waits for the store to say whose its names are.
struct PendingBind: Sendable {
    var ask: BindAsk
    var link: LinkID
    var ingress: Int
    var deadline: Tick
    var endpoint: NameID
    /// What its client asked for, when that may be claimed.
    var custom: NameID?
    /// A fixed rule gives the client what it asked for.
    var isFixed = false
    /// Why the client does not get what it asked for.
    var refusal: ClaimRefusal?
}

/// A name whose tunnel is gone from here: given up when nobody else has the tunnel.
struct HeldName: Sendable {
    var name: NameID
    var renewedAt: Tick
}
