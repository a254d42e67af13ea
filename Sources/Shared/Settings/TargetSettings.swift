/// Where the streams of a tunnel go: the nodes of its forwarder, and how one of them is chosen (protocol tunnel-client
/// §5.5, config §5).
package struct ForwardTargets: Equatable, Sendable {
    /// 1 to `countMax`.
    package var nodes: [TargetNode]
    package var strategy = SelectionStrategy.round
    /// Version of the PROXY header that a target is sent first: 1 or 2, 0 for none.
    package var proxyVersion = 0

    package static let countMax = 64

    package init(_ nodes: [TargetNode]) { self.nodes = nodes }
}

/// One node of a forwarder.
package struct TargetNode: Equatable, Sendable {
    package var address: TargetAddress
    /// `filter.host`, as `HostPattern` has it: lower case, a leading dot for a host and every name below it. Nil takes
    /// what no other node's filter takes.
    package var host: String?
    package var selection = NodePreference()

    package init(_ address: TargetAddress) { self.address = address }
}

/// A local service: TCP by host and port, or a Unix socket.
package struct TargetAddress: Hashable, Sendable {
    /// Empty is this machine.
    package var host = ""
    package var port: UInt16 = 0
    /// Of a stream socket: absolute, at most `pathBytesMax` bytes; empty for TCP.
    package var path = ""

    /// What `sockaddr_un` holds, without its last zero.
    package static let pathBytesMax = 107

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package init(path: String) { self.path = path }

    /// `localhost:8000`, `[::1]:8000` or `unix:/run/app.sock`.
    package var text: String {
        guard path.isEmpty else { return "unix:\(path)" }
        return HostAndPort(host: host.isEmpty ? "localhost" : host, port: port).text
    }
}

/// `selector.strategy`: in which order equal nodes are taken.
package enum SelectionStrategy: String, Sendable {
    case round
    case random
    case fifo
    case hash
}

/// How much a node of a hop or a forwarder is preferred, and when it is left alone.
package struct NodePreference: Hashable, Sendable {
    /// 1 to 100.
    package var weight = 1
    /// Taken only while no other node is alive.
    package var isBackup = false
    /// Failures in a row after which the node is left alone for `failTimeoutMilliseconds`.
    package var maxFails = 1
    package var failTimeoutMilliseconds: UInt64 = 10_000

    package init() {}
}
