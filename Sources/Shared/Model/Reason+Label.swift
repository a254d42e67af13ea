/// What a reason is called wherever people and programs read it.
extension Reason {
    /// The name in metrics, logs and answers: the case in snake case.
    package var label: String { "\(text)" }

    /// The same without a string's cost, for whoever writes it into an answer.
    package var text: StaticString {
        @_noLocks get {
            switch self {
            case .peerClosed: "peer_closed"
            case .finished: "finished"
            case .shutdown: "shutdown"
            case .replaced: "replaced"
            case .noRoute: "no_route"
            case .privateRoute: "private_route"
            case .tunnelOffline: "tunnel_offline"
            case .connectorLost: "connector_lost"
            case .streamEndedEarly: "stream_ended_early"
            case .badAnswer: "bad_answer"
            case .answerTimeout: "answer_timeout"
            case .loopDetected: "loop_detected"
            case .badRequest: "bad_request"
            case .ambiguousFraming: "ambiguous_framing"
            case .missingHost: "missing_host"
            case .headTooLarge: "head_too_large"
            case .headTimeout: "head_timeout"
            case .bodyTimeout: "body_timeout"
            case .firstByteTimeout: "first_byte_timeout"
            case .keepAliveIdle: "keep_alive_idle"
            case .methodNotAllowed: "method_not_allowed"
            case .unknownTransferCoding: "unknown_transfer_coding"
            case .versionNotSupported: "version_not_supported"
            case .relayAtEntrypoint: "relay_at_entrypoint"
            case .tlsFault: "tls_fault"
            case .helloTooLarge: "hello_too_large"
            case .helloTimeout: "hello_timeout"
            case .proxyFault: "proxy_fault"
            case .proxyTimeout: "proxy_timeout"
            case .handshakeTimeout: "handshake_timeout"
            case .badUpgrade: "bad_upgrade"
            case .wrongPath: "wrong_path"
            case .webSocketFault: "web_socket_fault"
            case .cipherFault: "cipher_fault"
            case .relayFault: "relay_fault"
            case .relayVersion: "relay_version"
            case .noTunnel: "no_tunnel"
            case .unknownCommand: "unknown_command"
            case .unauthorized: "unauthorized"
            case .smuxFault: "smux_fault"
            case .smuxVersion: "smux_version"
            case .keepAliveTimeout: "keep_alive_timeout"
            case .windowExceeded: "window_exceeded"
            case .bindTimeout: "bind_timeout"
            case .bindRefused: "bind_refused"
            case .peerOpenedStream: "peer_opened_stream"
            default: textOfLimit
            }
        }
    }

    /// The names of limits, and of what came of the machine around us. A test walks all cases.
    private var textOfLimit: StaticString {
        @_noLocks get {
            switch self {
            case .visitorsFull: "visitors_full"
            case .sourceFull: "source_full"
            case .linksFull: "links_full"
            case .streamsFull: "streams_full"
            case .connectorsFull: "connectors_full"
            case .tunnelsFull: "tunnels_full"
            case .routesFull: "routes_full"
            case .buffersFull: "buffers_full"
            case .stalled: "stalled"
            case .workerBusy: "worker_busy"
            case .descriptorsFull: "descriptors_full"
            case .socketError: "socket_error"
            case .dialFailed: "dial_failed"
            case .dialTimeout: "dial_timeout"
            case .loginThrottled: "login_throttled"
            case .streamHeaderTimeout: "stream_header_timeout"
            case .connectRefused: "connect_refused"
            case .datagramIdle: "datagram_idle"
            case .datagramTooLong: "datagram_too_long"
            case .datagramOverflow: "datagram_overflow"
            case .shedSilent: "shed_silent"
            case .peerUnproven: "peer_unproven"
            case .peerElsewhere: "peer_elsewhere"
            case .peersUnreachable: "peers_unreachable"
            case .forwardTimeout: "forward_timeout"
            case .lookupTimeout: "lookup_timeout"
            case .lookupFailed: "lookup_failed"
            case .repetitionsSpent: "repetitions_spent"
            default: preconditionFailure("a reason without a name")
            }
        }
    }
}
