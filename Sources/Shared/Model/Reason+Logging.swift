/// What the log makes of a reason.
extension Reason {
    /// Whether the log tells of it. Ends that are nobody's fault, and connections that were idle for long, are only
    /// counted.
    package var isLogged: Bool {
        @_noLocks get {
            switch self {
            case .peerClosed, .finished, .shutdown, .replaced, .keepAliveIdle, .datagramIdle, .peerElsewhere: false
            default: true
            }
        }
    }

    /// Limits and failures of this process are its operator's business; what a peer did wrong is news.
    package var severity: Severity {
        switch self {
        case .visitorsFull, .linksFull, .streamsFull, .connectorsFull, .tunnelsFull, .routesFull, .buffersFull,
            .stalled, .workerBusy, .descriptorsFull, .bindTimeout, .shedSilent, .peerUnproven, .peersUnreachable,
            .forwardTimeout, .lookupTimeout, .lookupFailed, .repetitionsSpent:
            .warning
        default: .info
        }
    }
}
