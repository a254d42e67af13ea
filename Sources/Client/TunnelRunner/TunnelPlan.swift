import Model
import Primitives
import Settings
import Worker

// Configuration in the words of the worker.

extension ExposedTunnel {
    /// A dead server is noticed within 15 s, and hears from us more often than that.
    private static var intervalMilliseconds: UInt64 { 5_000 }
    private static var silenceMilliseconds: UInt64 { 14_000 }

    /// One connection of the tunnel; all of them share `targets` and `choice`.
    func plan(_ targets: TargetGroup, _ choice: ClientDesk.ServerChoice) -> ClientDesk.Plan {
        var plan = ClientDesk.Plan(name: name, tunnel: tunnel, servers: servers.map(\.dialled), targets: targets)
        plan.choice = choice
        plan.requestedHost = InlineText(requestedHost) ?? InlineText()
        plan.requestedPort = requestedPort
        plan.weight = weight
        plan.isUDP = isUDP
        plan.muxVersion = UInt8(muxVersion)
        plan.user = userName.flatMap { InlineText($0) }
        plan.password = password.flatMap { InlineText($0) } ?? InlineText()
        let pings = servers.compactMap(\.pingMilliseconds).min() ?? .max
        plan.keepAliveMilliseconds = min(keepAliveMilliseconds ?? Self.intervalMilliseconds, pings)
        plan.keepAliveTimeoutMilliseconds = keepAliveTimeoutMilliseconds ?? Self.silenceMilliseconds
        return plan
    }

    /// How its servers are taken.
    var choice: ClientDesk.ServerChoice {
        ClientDesk.ServerChoice(serverStrategy.inWorker, servers.map(\.selection.inWorker))
    }

    /// The same connection to the same server, whatever stands behind it.
    func isCarried(as other: ExposedTunnel) -> Bool {
        var own = self
        own.name = other.name
        own.targets = other.targets
        own.connections = other.connections
        return own == other
    }
}

extension ForwardTargets {
    /// The group that all connections of a tunnel share.
    var group: TargetGroup {
        TargetGroup(nodes.map(\.node), strategy.inWorker, proxyVersion: UInt8(proxyVersion))
    }
}

extension TargetNode {
    fileprivate var node: TargetGroup.Node {
        var node = TargetGroup.Node(
            address.path.isEmpty
                ? .host(address.host, port: address.port) : .unix(InlineText(address.path) ?? InlineText()))
        node.filter = host.flatMap { HostFilter($0) }
        node.selection = selection.inWorker
        return node
    }
}

extension NodePreference {
    fileprivate var inWorker: NodeSelection.Node {
        var node = NodeSelection.Node()
        node.weight = UInt32(weight)
        node.isBackup = isBackup
        node.maxFails = UInt32(maxFails)
        node.failTimeoutMilliseconds = failTimeoutMilliseconds
        return node
    }
}

extension SelectionStrategy {
    fileprivate var inWorker: NodeSelection.Strategy {
        switch self {
        case .round: .round
        case .random: .random
        case .fifo: .fifo
        case .hash: .hash
        }
    }
}
