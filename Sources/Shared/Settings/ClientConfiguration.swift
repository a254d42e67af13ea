package import Model

/// What one client process exposes and visits: the value that `-L`/`-F` URLs, `expose` and client YAML are turned into.
package struct ClientConfiguration: Equatable, Sendable {
    package var tunnels: [ExposedTunnel] = []
    package var fileServices: [FileService] = []
    /// How long what is under way may take when the client leaves (`Limit.leaveGraceMilliseconds`).
    package var leaveGraceMilliseconds = Limit.leaveGraceMilliseconds.row.standard
    package var visitorServices: [VisitorService] = []

    package init() {}

    /// Whether anything of it carries datagrams.
    package var takesDatagrams: Bool {
        tunnels.contains(where: \.isUDP) || visitorServices.contains(where: \.isUDP)
    }
}

/// One tunnel of a client: a service bound at a server (protocol tunnel-client §3).
package struct ExposedTunnel: Equatable, Sendable {
    /// The service's, for logs; unique within the process.
    package var name: String
    /// Zero where none was written: the program then keeps one for each server and target (`KeptTunnelIDs`) and sets it
    /// before the client starts.
    package var tunnel: TunnelID
    /// Dialled as `serverStrategy` says, one that failed last. 1 to `serversMax`.
    package var servers: [ServerAddress]
    /// Requested host and port, as written: `rtcp://host:port/…`; at most 255 bytes, empty and 0 for none.
    package var requestedHost = ""
    package var requestedPort: UInt16 = 0
    /// `tunnel.weight`: 0 is unset, 255 takes over from all others (protocol relay §4).
    package var weight: UInt8 = 0
    /// Parallel connections to the server, 1 to 64.
    package var connections = 1
    /// Visitors send datagrams: `rudp`.
    package var isUDP = false
    /// Where visitors' streams go.
    package var targets: ForwardTargets
    /// In which order `servers` are taken.
    package var serverStrategy = SelectionStrategy.round
    /// smux version of the bind session, 1 or 2; the server's must be the same.
    package var muxVersion = 2
    /// `mux.keepaliveInterval` and `mux.keepaliveTimeout`; nil: the client's own, by which it notices a dead server
    /// within 15 s.
    package var keepAliveMilliseconds: UInt64?
    package var keepAliveTimeoutMilliseconds: UInt64?
    /// Sent as the UserAuth feature when not nil (protocol relay §4), at most 255 bytes each.
    package var userName: String?
    package var password: String?

    package init(name: String, tunnel: TunnelID, servers: [ServerAddress], targets: ForwardTargets) {
        self.name = name
        self.tunnel = tunnel
        self.servers = servers
        self.targets = targets
    }

    /// One target.
    package init(name: String, tunnel: TunnelID, servers: [ServerAddress], target: TargetAddress) {
        self.init(name: name, tunnel: tunnel, servers: servers, targets: ForwardTargets([TargetNode(target)]))
    }

    package static let serversMax = 64

    /// The first of the targets.
    package var target: TargetAddress { targets.nodes[0].address }
}

/// Where a tunnel server is.
package struct ServerAddress: Hashable, Sendable {
    package var carrier: Carrier
    /// A name or address to resolve and dial, at most 255 bytes; `localhost` where none was written.
    package var host: String
    package var port: UInt16
    /// Of the WebSocket upgrade, at most 255 bytes.
    package var path = "/ws"
    /// `Host` header of the WebSocket upgrade: by default the address as written, with its port.
    package var hostHeader: String
    /// Further fields of the upgrade, in order.
    package var header: [HeaderField] = []
    /// WebSocket pings are sent at least this often; nil: none.
    package var pingMilliseconds: UInt64?
    /// From the dial to the answered BIND; nil: the client's own bound of 10 s.
    package var handshakeTimeoutMilliseconds: UInt64?
    package var selection = NodePreference()

    package init(carrier: Carrier, host: String, port: UInt16, hostHeader: String) {
        self.carrier = carrier
        self.host = host
        self.port = port
        self.hostHeader = hostHeader
    }
}

/// One field of an HTTP head; its name is a token and its value holds no line end.
package struct HeaderField: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// `file://:8000?dir=/data`.
package struct FileService: Equatable, Sendable {
    package var address: ListenAddress
    package var directory = "."

    package init(address: ListenAddress) { self.address = address }
}
