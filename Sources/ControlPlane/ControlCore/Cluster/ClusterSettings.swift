package import Model
internal import Primitives
package import Settings
package import StoreVocabulary

/// How a node takes part in a cluster: which of its tables live in which store, and how others reach it.
package struct ClusterSettings: Equatable, Sendable {
    /// Stable across restarts.
    package var node = NodeID.zero
    /// For how long keys are written to a store, in seconds; they are renewed three times in that.
    package var expirationSeconds: [StoreID: UInt64] = [:]
    /// The stores of the names of ingresses; an ingress that is not listed keeps its names in this node.
    package var ingresses: [IngressIndex: StoreID] = [:]
    /// The stores in which the connectors of services are registered; a service that is not listed serves its own.
    package var discoveries: [ServiceIndex: StoreID] = [:]
    /// The address that other nodes find for peer links, and for entrypoints that listen on every address of this node.
    package var advertisedHost = ""
    /// How data planes link with others; nil: they do not.
    package var peering: Peering?
    /// How many of the visitors this node wants, relative to the others.
    package var weight: UInt8 = 1

    /// What links between data planes need.
    package struct Peering: Equatable, Sendable {
        package var secret: PeerSecret
        /// Where the first data plane accepts other nodes' links, the next ones at the ports behind it; nil: other nodes
        /// do not come.
        package var address: ListenAddress?
        /// The plane socket: those by which data planes of this node link with each other stand beside it.
        package var controlPath: String

        package init(secret: PeerSecret, address: ListenAddress?, controlPath: String) {
            self.secret = secret
            self.address = address
            self.controlPath = controlPath
        }
    }

    /// A node on its own.
    package init() {}

    /// Whether the node is on its own.
    package var isAlone: Bool { ingresses.isEmpty && discoveries.isEmpty }
}

extension NodeID {
    /// The id of the node of a name: a version 5 UUID (RFC 9562 §5.5), so that a name is enough to be recognised after a
    /// restart, and stock nodes, which expect a UUID, can be shown it.
    package init(name: String) {
        let bytes = Array("culvert node \(name)".utf8)
        let digest = bytes.withUnsafeBytes { SHA1.digest(of: $0.bytes) }
        var high: UInt64 = 0, low: UInt64 = 0
        for index in 0..<8 {
            high = high << 8 | UInt64(digest[index])
            low = low << 8 | UInt64(digest[8 + index])
        }
        self.init(high: (high & ~0xF000) | 0x5000, low: (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
    }
}
