/// Every number that bounds the control plane: what it keeps, for how long, and how often it speaks.
package enum ControlLimit {
    /// Data planes that may be connected at once, hellos not yet said included.
    package static let dataPlanesMax = 16
    /// From a connection to its hello, and from the hello to the end of the inventory.
    package static let helloMilliseconds: UInt64 = 2_000
    package static let inventoryMilliseconds: UInt64 = 10_000
    /// How often a data plane is asked whether it lives, and after which silence it counts as frozen.
    package static let pingMilliseconds: UInt64 = 1_000
    package static let frozenMilliseconds: UInt64 = 3_000
    /// How long the routes of a tunnel without connectors stay, so that its visitors are told "offline" and not
    /// "unknown".
    package static let offlineGraceMilliseconds: UInt64 = 60_000
    /// How long the hosts of a tunnel stay its own when its last connector was lost together with its data plane: the
    /// data plane, or its successor, brings the connectors back.
    package static let reconnectGraceMilliseconds: UInt64 = 5_000
    /// How long the sockets of a data plane that died wait for its successor while other data planes serve.
    package static let successorGraceMilliseconds: UInt64 = 10_000
    /// How often an address that could not be opened is tried again.
    package static let listenAgainMilliseconds: UInt64 = 1_000
    /// Hosts one tunnel may hold, its generated ones included.
    package static let hostsPerTunnelMax = 64
    /// Hosts that bound tunnels hold, all together.
    package static let dynamicHostsMax = 1_048_576
    /// Addresses one node listens on.
    package static let addressesMax = 256
    /// Credentials of one node, counted for every set of authers that services name.
    package static let credentialsMax = 65_536
    /// Longest file of credentials that is read, in bytes.
    package static let credentialFileBytesMax = 64 << 20
    /// Services and ingresses of one node.
    package static let servicesMax = 256
    package static let ingressesMax = 256
}
