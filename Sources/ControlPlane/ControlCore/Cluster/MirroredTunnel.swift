package import Model
package import Primitives
package import StoreVocabulary

/// A tunnel in a store of service discovery.
package struct TunnelKey: Hashable, Sendable {
    package var store: StoreID
    package var tunnel: TunnelID

    package init(store: StoreID, tunnel: TunnelID) {
        self.store = store
        self.tunnel = tunnel
    }
}

/// What is known of a tunnel's connectors, those of this node left out.
package struct MirroredTunnel: Sendable {
    /// A connector elsewhere.
    package struct Connector: Hashable, Sendable {
        package var id: ConnectorID
        package var entry: DiscoveryEntry
        /// The store did not have it just after its own return.
        package var isSuspect: Bool
    }

    package var isKnown = false
    /// Sorted by id.
    package var connectors: [Connector] = []
    /// The store has connectors of this node, too.
    var hasOwn = false
    /// Until when "nobody has it" is believed.
    package var absentUntil = Tick.zero
    var isAsked = false
    var lookups: [UInt64] = []

    package init() {}

    func answers(at now: Tick) -> Bool { isKnown && (!connectors.isEmpty || now < absentUntil) }

    /// Whether a change that nobody told apart from a renewal has to be looked at: stock nodes' entries live by their
    /// renewals, and what is gone or in doubt may be back. Where all are Culvert's, each real change is told.
    var isRereadWhenTouched: Bool {
        (connectors.isEmpty && !hasOwn) || connectors.contains { $0.entry.extra == nil || $0.isSuspect }
    }

    var hasStock: Bool { connectors.contains { $0.entry.extra == nil } }

    /// Takes what the store has. What it does not have any more stays as a suspect when the store itself has just
    /// returned.
    mutating func replace(with read: [Connector], keepsMissing: Bool, now: Tick) {
        var merged = read
        if keepsMissing {
            let present = Set(read.map(\.id))
            for var old in connectors where !present.contains(old.id) {
                old.isSuspect = true
                merged.append(old)
            }
        }
        merged.sort { $0.id < $1.id }
        connectors = merged
        isKnown = true
        absentUntil = now.advanced(milliseconds: ControlLimit.absentMilliseconds)
    }
}
