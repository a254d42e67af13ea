package import Settings

/// What a listening socket of a data plane is kept for.
package enum ListenPoint: Hashable, Sendable {
    /// An address at which the workers of all data planes accept: its place in `NodePlan.addresses`.
    case shared(Int)
    /// Peer links of other nodes. The port is this data plane's alone, since a link that came to another one would lead
    /// to no connector; its workers share it. Port 0: one that the kernel chooses.
    case peers(ListenAddress)
    /// Peer links of this node's other data planes: a Unix socket, of the first worker.
    case siblings(path: String)
}
