/// The answer for a host: the tunnel it belongs to, and whether only visitors who present the tunnel's id may enter.
package struct Route: Hashable, Sendable, BitwiseCopyable {
    package var tunnel: TunnelID
    /// A `$` rule: refused at public entrypoints, open to relay visitors of that tunnel.
    package var isPrivate: Bool

    @_noLocks
    package init(tunnel: TunnelID, isPrivate: Bool) {
        self.tunnel = tunnel
        self.isPrivate = isPrivate
    }
}

/// The number of an ingress (a table of host rules) within a node's configuration.
package struct IngressIndex: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt16
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// The number of a tunnel service within a node's configuration.
package struct ServiceIndex: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt16
    package init(_ rawValue: UInt16) { self.rawValue = rawValue }
}

/// One worker (one thread, one ring) of a data plane.
package struct WorkerIndex: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt8
    package init(_ rawValue: UInt8) { self.rawValue = rawValue }
    /// Workers per data plane at most.
    package static let countMax = 64
}
