/// What a tunnel client reports about one of the tunnels it was asked to expose.
package struct TunnelStatus: Equatable, Sendable {
    /// Names the tunnel within its process; never used for another one, not even after a reload.
    package var key: Int
    package var tunnel: ExposedTunnel
    /// Which of its parallel connections, from 0.
    package var connection: Int
    package var change: Change

    /// What happened.
    package enum Change: Equatable, Sendable {
        /// The tunnel is wanted from now on.
        case added
        /// A reload changed it, and its connections stay.
        case changed
        /// A reload changed how it is carried: another tunnel takes its place, then its connections leave.
        case replaced
        /// It is not wanted any more: its connections leave.
        case removed
        case connecting(ServerAddress)
        /// The server accepted the bind. `host` is what it granted: the endpoint's label or the requested host; `urls` are
        /// the public addresses that a server of ours announces, none from others.
        case bound(host: String, urls: [String])
        /// A session ended, or could not be opened; the next attempt follows after `retryMilliseconds`.
        case lost(ServerAddress, reason: String, retryMilliseconds: UInt64)
        /// The server asked to be left; the next connection is made at once.
        case sentAway
        /// The connection is not wanted any more.
        case left
        /// A visitor came and no local target answered.
        case targetUnreachable(reason: String)
    }

    package init(key: Int, tunnel: ExposedTunnel, connection: Int, change: Change) {
        self.key = key
        self.tunnel = tunnel
        self.connection = connection
        self.change = change
    }
}
