/// The rows that concern other data planes.
extension Limit {
    /// This limit's row of the table, if it is one of them.
    var clusterRow: Row {
        switch self {
        case .peerHeartbeatMilliseconds:
            Row(
                unit: "ms", standard: 250, range: 50...10_000, reason: nil,
                meaning: "how often a peer link is sent a NOP, whatever else it carries")
        case .peerSuspectMilliseconds:
            // Three missing heartbeats were 750 ms: a request that waits for them misses what a fault may cost in its
            // first second, 500 ms. One that is missing, and the coarseness of timers (64 ms on either side), are 400.
            Row(
                unit: "ms", standard: 400, range: 100...60_000, reason: nil,
                meaning:
                    "silence after which a peer is suspect: new requests go elsewhere, and those that wait there for "
                    + "an answer's first byte are repeated elsewhere where that is safe; at least 150 ms more than "
                    + "`peerHeartbeatMilliseconds`")
        case .peerSilenceMilliseconds:
            Row(
                unit: "ms", standard: 3_000, range: 300...600_000, reason: .keepAliveTimeout,
                meaning: "silence after which a peer link is given up, and what waits on it is repeated elsewhere")
        case .peerLinksPerWorkerMax:
            Row(
                unit: "links", standard: 4_096, range: 16...4_096, reason: .linksFull,
                meaning: "links of one worker to workers of other data planes, those that prove themselves included")
        case .streamsPerPeerLinkMax:
            Row(
                unit: "streams", standard: 16_384, range: 1...65_536, reason: .streamsFull,
                meaning: "streams of one peer link")
        case .forwardTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 250, range: 10...60_000, reason: .forwardTimeout,
                meaning:
                    "how long another data plane may take to accept a visitor's stream before the next one is asked")
        case .forwardsPendingMax:
            Row(
                unit: "streams", standard: 8_192, range: 16...8_192, reason: .streamsFull,
                meaning: "streams of one worker that wait for another data plane to accept them")
        case .lookupTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 1_000, range: 50...60_000, reason: .lookupTimeout,
                meaning: "how long a visitor waits for the control plane to say where its tunnel is")
        case .lookupsPendingMax:
            Row(
                unit: "questions", standard: 1_024, range: 16...1_024, reason: .noRoute,
                meaning: "questions of one worker that are out; whoever misses beyond is answered by what is known")
        case .remoteTunnelsMax:
            Row(
                unit: "tunnels", standard: 65_536, range: 16...65_536, reason: nil,
                meaning:
                    "tunnels of other data planes that a worker remembers; those not asked for longest are forgotten")
        case .drainGraceMilliseconds:
            Row(
                unit: "ms", standard: 20_000, range: 1_000...3_600_000, reason: .shutdown,
                meaning:
                    "how long a data plane that leaves lets what is under way end; connectors that have not gone by "
                    + "half of it get nothing new any more")
        case .stockLinksPerWorkerMax:
            Row(
                unit: "connections", standard: 16_384, range: 16...16_384, reason: .peersUnreachable,
                meaning: "connections of one worker to stock nodes, one for each visitor's request that is served there"
            )
        case .stockForwardTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 1_000, range: 50...60_000, reason: .forwardTimeout,
                meaning:
                    "how long a stock node may take to accept a visitor, a relay visitor by its answer, before the next "
                    + "one is asked")
        default: preconditionFailure("a limit of another table")
        }
    }
}
