internal import Model

/// What a chain says about the way to a tunnel server, before it is joined with a service.
struct ServerChain: Equatable {
    var servers: [ServerAddress] = []
    var strategy = SelectionStrategy.round
    var options = TunnelOptions()
}

/// What a node's connector says about the tunnel: it must be the same for every server of a chain.
struct TunnelOptions: Equatable {
    /// Zero where none is written.
    var tunnel = TunnelID.zero
    var weight: UInt8 = 0
    var connections = 1
    var muxVersion = 2
    var keepAliveMilliseconds: UInt64?
    var keepAliveTimeoutMilliseconds: UInt64?
    var userName: String?
    var password: String?
}
