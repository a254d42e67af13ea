package import Model

/// A local port of a client that leads to a tunnel: what `-L tcp://…` and `-L udp://…` with a `-F` are turned into
/// (protocol tunnel-client §6, §7).
package struct VisitorService: Equatable, Sendable {
    /// For logs; unique within the process.
    package var name: String
    package var address: ListenAddress
    /// Datagrams instead of connections.
    package var isUDP = false
    /// What is asked of the server, as written: `host:port`, a host alone, or nothing.
    package var destination = ""
    /// Whose service is visited; never zero.
    package var tunnel: TunnelID
    /// Dialled in turn, one that failed last. At least one.
    package var servers: [ServerAddress]
    /// Sent as the UserAuth feature when not nil (protocol relay §4), at most 255 bytes each.
    package var userName: String?
    package var password: String?
    /// Datagrams: a sender's conversation goes on after its first answer.
    package var keepsAlive = false
    /// Datagrams: silence after which a sender's conversation ends; `ttl`.
    package var idleMilliseconds: UInt64 = 5_000
    /// Datagrams: longer ones are dropped and counted, never cut; `udp.bufferSize`.
    package var datagramBytesMax = 65_535
    /// Datagrams: senders whose conversation may be opening at a time; nil is the limit's standard.
    package var backlog: UInt32?

    package init(name: String, address: ListenAddress, tunnel: TunnelID, servers: [ServerAddress]) {
        self.name = name
        self.address = address
        self.tunnel = tunnel
        self.servers = servers
    }
}
