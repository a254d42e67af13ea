import Model
import Primitives
import Settings
import Worker

// What is configured, as the worker's desk has it, and what the desk says, as people read it.

extension ServerAddress {
    var dialled: ClientDesk.Server {
        var server = ClientDesk.Server(
            host: host, port: port, isWebSocket: carrier == .ws, path: InlineText(path) ?? InlineText(),
            hostHeader: InlineText(hostHeader) ?? InlineText())
        server.header = header.flatMap { Array("\($0.name): \($0.value)\r\n".utf8) }
        server.pings = pingMilliseconds != nil
        server.handshakeTimeoutMilliseconds = handshakeTimeoutMilliseconds
        return server
    }
}

extension VisitorService {
    var visited: VisitDesk.Service {
        guard
            var service = VisitDesk.Service(
                name: name, tunnel: tunnel, servers: servers.map(\.dialled), destination: destination)
        else { preconditionFailure("a destination that was read is none") }
        service.user = userName.flatMap { InlineText($0) }
        service.password = password.flatMap { InlineText($0) } ?? InlineText()
        service.isUDP = isUDP
        service.keepsAlive = keepsAlive
        service.idleMilliseconds = idleMilliseconds
        service.datagramBytesMax = datagramBytesMax
        service.backlogMax = backlog
        return service
    }
}

extension ClientDesk.Failure {
    /// Why a visit failed: what happened, and what to do (statuses: protocol relay §3, §7).
    var visitText: String {
        switch self {
        case .refused(let status):
            switch status {
            case 1: "the server refused: 1 Bad Request; it is no tunnel server, or does not know this kind of visit"
            case 2: "the server refused: 2 Unauthorized; write the user and password into `-F`"
            case 3: "the server refused: 3 Forbidden; it does not let this host be visited"
            case 4: "the server refused: 4 Timeout"
            case 5: "the server refused: 5 Service Unavailable; no client of this tunnel is connected to it"
            case 6:
                "the server refused: 6 Host Unreachable; the host does not lead to this tunnel: check the service's host "
                    + "and `tunnel.id`"
            case 7: "the server refused: 7 Network Unreachable; the host leads to no tunnel"
            case 8: "the server refused: 8 Internal Server Error; look into its log"
            default: "the server refused with relay status \(status)"
            }
        case .ended(let reason):
            switch reason {
            case .dialFailed: "the server cannot be reached"
            case .dialTimeout: "the server does not answer"
            case .wrongPath: "the server has no WebSocket at this path (404)"
            case .badUpgrade: "the server does not speak WebSocket here"
            case .peerClosed: "the server closed the connection without an answer; does it know the tunnel's id?"
            default: reason.label
            }
        }
    }
}
