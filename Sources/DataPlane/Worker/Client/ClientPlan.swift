package import Model
package import Primitives

/// What a client's desk is told and tells: connections that are wanted, and what becomes of them.
extension ClientDesk {
    /// A server as it is dialled.
    package struct Server: Sendable {
        package var host: String
        package var port: UInt16
        package var isWebSocket: Bool
        package var path: InlineText
        package var hostHeader: InlineText
        /// Further fields of the WebSocket upgrade, each with its line end; at most `headerBytesMax` in all.
        package var header: [UInt8] = []
        /// WebSocket pings go out with the session's own keep-alives (dialer's `keepalive`, protocol transports §5.4).
        package var pings = false
        /// From the dial to the answered BIND, in milliseconds; nil: the limit of all links.
        package var handshakeTimeoutMilliseconds: UInt64?
        /// `.records` in tests only.
        package var cipher = LinkCipher.Kind.none

        package init(host: String, port: UInt16, isWebSocket: Bool, path: InlineText, hostHeader: InlineText) {
            self.host = host
            self.port = port
            self.isWebSocket = isWebSocket
            self.path = path
            self.hostHeader = hostHeader
        }

        /// Bytes of `header` at most: the upgrade is written into one buffer.
        package static let headerBytesMax = 4_096
    }

    /// Which server of a tunnel is dialled next: one for all its connections, so that they spread over the servers and
    /// learn of a dead one from each other.
    package final class ServerChoice {
        var selection: NodeSelection

        /// `nodes` are the servers of the plans that share this, in their order.
        package init(_ strategy: NodeSelection.Strategy, _ nodes: [NodeSelection.Node]) {
            selection = NodeSelection(strategy, nodes)
        }
    }

    /// One connection that is to be kept up.
    package struct Plan {
        package var name: String
        package var tunnel: TunnelID
        package var servers: [Server]
        package var choice: ServerChoice
        package var requestedHost = InlineText()
        package var requestedPort: UInt16 = 0
        package var weight: UInt8 = 0
        package var muxVersion: UInt8 = 2
        /// The targets take datagrams (`rudp`).
        package var isUDP = false
        package var user: InlineText?
        package var password = InlineText()
        package var targets: TargetGroup
        /// nil: the limits of all links.
        package var keepAliveMilliseconds: UInt64?
        package var keepAliveTimeoutMilliseconds: UInt64?

        /// `servers` has 1 to `NodeSelection.countMax` elements, taken in turn.
        package init(name: String, tunnel: TunnelID, servers: [Server], targets: TargetGroup) {
            self.name = name
            self.tunnel = tunnel
            self.servers = servers
            self.targets = targets
            choice = ServerChoice(.round, servers.map { _ in NodeSelection.Node() })
        }

        /// One server after the other, one target.
        package init(name: String, tunnel: TunnelID, servers: [Server], targetHost: String, targetPort: UInt16) {
            let target = TargetGroup.Node(.host(targetHost, port: targetPort))
            self.init(name: name, tunnel: tunnel, servers: servers, targets: TargetGroup([target]))
        }
    }

    /// What people are told. `plan` is the position that `Worker.addConnection` gave, or that in `init(plans:)`.
    package enum Event: Sendable {
        /// `server` is the position among the plan's servers.
        case connecting(plan: Int, server: Int)
        /// The server granted a host; the URLs are those it announced, filled in.
        case bound(plan: Int, host: String, urls: [String])
        /// A session ended or could not be made; the next try follows.
        case failed(plan: Int, server: Int, Failure, retryMilliseconds: UInt64)
        /// A visitor came and no local service answered, or none takes its host (`.noRoute`).
        case targetUnreachable(plan: Int, Reason)
        /// The server asked us to go elsewhere: the next connection is made, the streams of this one go on.
        case sentAway(plan: Int)
    }

    /// Why a connection did not come to be, or ended.
    package enum Failure: Sendable, Equatable {
        /// The server answered the BIND with this relay status.
        case refused(status: UInt8)
        case ended(Reason)
    }
}
