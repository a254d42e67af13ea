/// What a tunnel client reports about one of the tunnels it was asked to expose.
package struct TunnelStatus: Equatable, Sendable {
    /// Index into `ClientConfiguration.tunnels`.
    package var tunnel: Int
    /// Which of its parallel connections, from 0.
    package var connection: Int
    package var change: Change

    /// What happened.
    package enum Change: Equatable, Sendable {
        case connecting(ServerAddress)
        /// The server accepted the bind. `host` is what it granted: the endpoint's label or the requested host; `urls` are
        /// the public addresses that a server of ours announces, none from others.
        case bound(host: String, urls: [String])
        /// A session ended, or could not be opened; the next attempt follows after `retryMilliseconds`, where
        /// that is known.
        case lost(reason: String, retryMilliseconds: UInt64?)
        /// A visitor came and the local target did not answer.
        case targetUnreachable(reason: String)
    }

    package init(tunnel: Int, connection: Int, change: Change) {
        self.tunnel = tunnel
        self.connection = connection
        self.change = change
    }
}
