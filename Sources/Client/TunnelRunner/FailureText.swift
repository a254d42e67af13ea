import Model
import Worker

/// Why there is no connection to a server, in words.
extension ClientDesk.Failure {
    /// What a person is told, and what can be done about it.
    var text: String {
        switch self {
        case .refused(1): "the server finds the request wrong (relay status 1): is the tunnel id right?"
        case .refused(2):
            "the server refuses these credentials (relay status 2): write them as user:password@ in front of its address"
        case .refused(3): "the server forbids this tunnel (relay status 3)"
        case .refused(5):
            "the server has no room for this tunnel, or its host belongs to another one (relay status 5)"
        case .refused(let status): "the server refused the tunnel with relay status \(status)"
        case .ended(let reason):
            switch reason {
            case .dialFailed: "the server cannot be reached"
            case .dialTimeout: "the server does not answer"
            case .wrongPath: "the server has no WebSocket at this path (404): see ?path="
            case .badUpgrade: "the server does not speak WebSocket here"
            case .relayFault: "the server does not speak the relay protocol here"
            case .smuxVersion: "the server speaks another version of smux: see ?mux.version="
            case .peerClosed: "the server closed the connection"
            case .keepAliveTimeout: "the server was silent for too long"
            default: reason.label
            }
        }
    }
}

extension Reason {
    /// Why a visitor found no local service.
    var targetText: String {
        switch self {
        case .noRoute: "no target takes the visitor's host"
        case .dialFailed: "it cannot be reached"
        case .dialTimeout: "it does not answer in time"
        default: label
        }
    }
}
