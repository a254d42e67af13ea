/// Every number that bounds a data plane: name, unit, default, range and the reason counted when it is reached.
///
/// The control plane owns the values and pushes them; these defaults are compiled in for a data plane that has not
/// heard from it yet. This table is the only place a limit is declared; the reference document is generated from it.
package enum Limit: UInt16, CaseIterable, Sendable {
    case headBytesMax
    case headTimeoutMilliseconds
    case firstByteTimeoutMilliseconds
    case proxyHeaderBytesMax
    case proxyHeaderTimeoutMilliseconds
    case helloBytesMax
    case helloTimeoutMilliseconds
    case bodyIdleMilliseconds
    case keepAliveIdleMilliseconds
    case answerHeadTimeoutMilliseconds
    case handshakeTimeoutMilliseconds
    case bindAnswerTimeoutMilliseconds
    case loginDelayMilliseconds
    case loginsPendingMax
    case halfCloseGraceMilliseconds
    case lingerMilliseconds
    case relayHeadBytesMax
    case muxKeepAliveMilliseconds
    case muxKeepAliveTimeoutMilliseconds
    case openedTimeoutMilliseconds
    case parkedStreamsMax
    case replayBytesMax
    case visitorsPerWorkerMax
    case visitorsPerSourceMax
    case linksPerWorkerMax
    case streamsPerWorkerMax
    case streamsPerConnectorMax
    case connectorsPerTunnelMax
    case tunnelsMax
    case streamWindowBytes
    case streamWindowBytesMax
    case stalledBytesMax
    case muxOneUnreadBytesMax
    case muxOneStallMilliseconds
    case visitorQueueBytesMax
    case carrierQueueBytesMax
    case controlQueueBytesMax
    case streamHeaderTimeoutMilliseconds
    case datagramIdleMilliseconds
    case datagramQueueBytesMax
    case datagramBacklogMax
    case leaveGraceMilliseconds
    case descriptorsReserved
    case moveTimeoutMilliseconds
    case peerHeartbeatMilliseconds
    case peerSilenceMilliseconds
    case peerLinksPerWorkerMax
    case streamsPerPeerLinkMax
    case forwardTimeoutMilliseconds
    case forwardsPendingMax
    case lookupTimeoutMilliseconds
    case lookupsPendingMax
    case remoteTunnelsMax
    case drainGraceMilliseconds
    case peerSuspectMilliseconds
    case repetitionsPercent
    case repetitionsSavedMax
    case unacknowledgedMilliseconds
    case stockLinksPerWorkerMax
    case stockForwardTimeoutMilliseconds

    /// What is known of one limit.
    package struct Row: Sendable {
        package let unit: String
        package let standard: UInt64
        package let range: ClosedRange<UInt64>
        /// What is counted when the limit is reached; nil where reaching it pauses a source and ends nothing.
        package let reason: Reason?
        package let meaning: String
    }

    /// This limit's row of the table.
    package var row: Row {
        switch self {
        case .headBytesMax:
            Row(
                unit: "bytes", standard: 15_500, range: 1_024...15_500, reason: .headTooLarge,
                meaning: "longest request head at an entrypoint; longer ones are answered 431")
        case .headTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .headTimeout,
                meaning: "from a request's first byte to the end of its head")
        case .firstByteTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .firstByteTimeout,
                meaning: "from accepting a visitor to its first byte")
        case .proxyHeaderBytesMax:
            Row(
                unit: "bytes", standard: 4_096, range: 536...16_000, reason: .proxyFault,
                meaning: "longest PROXY header, where one is accepted; one of version 1 has at most 107 bytes")
        case .proxyHeaderTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .proxyTimeout,
                meaning: "from accepting a connection to the end of the PROXY header it began with")
        case .helloBytesMax:
            Row(
                unit: "bytes", standard: 16_000, range: 2_048...16_000, reason: .helloTooLarge,
                meaning: "longest ClientHello of a TLS visitor, record headers included; at most 64 records")
        case .helloTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .helloTimeout,
                meaning: "from a TLS visitor's first byte to the end of its ClientHello")
        case .bodyIdleMilliseconds:
            Row(
                unit: "ms", standard: 60_000, range: 100...3_600_000, reason: .bodyTimeout,
                meaning: "silence of a visitor inside a request's body")
        case .keepAliveIdleMilliseconds:
            Row(
                unit: "ms", standard: 75_000, range: 1_000...3_600_000, reason: .keepAliveIdle,
                meaning: "how long a visitor's connection may wait between requests")
        case .answerHeadTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 60_000, range: 100...3_600_000, reason: .answerTimeout,
                meaning: "from a complete request to the answer's head; entrypoint.readTimeout")
        case .handshakeTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .handshakeTimeout,
                meaning: "from accepting a link to its complete relay request; readTimeout")
        case .bindAnswerTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 500, range: 50...10_000, reason: .bindTimeout,
                meaning: "how long a BIND waits for the control plane before the data plane answers it alone")
        case .loginDelayMilliseconds:
            Row(
                unit: "ms", standard: 4_000, range: 0...60_000, reason: .unauthorized,
                meaning:
                    "longest time for which the refusal of wrong credentials is kept back: a sixteenth for a "
                    + "source's first ones, twice as long for each further")
        case .loginsPendingMax:
            Row(
                unit: "logins", standard: 16, range: 1...4_096, reason: .loginThrottled,
                meaning: "refusals kept back for one source on one worker; beyond it the source is refused unjudged")
        case .halfCloseGraceMilliseconds:
            Row(
                unit: "ms", standard: 5_000, range: 100...600_000, reason: .finished,
                meaning: "silence after which a half-closed visitor's stream is ended")
        case .lingerMilliseconds:
            Row(
                unit: "ms", standard: 2_000, range: 100...60_000, reason: .finished,
                meaning: "how long a closing connection's unread bytes are drained so that the answer is not reset")
        case .relayHeadBytesMax:
            Row(
                unit: "bytes", standard: 16_000, range: 1_024...16_000, reason: .relayFault,
                meaning: "longest relay request or response")
        case .muxKeepAliveMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: nil,
                meaning: "how often a connector is sent a NOP; mux.keepaliveInterval")
        case .muxKeepAliveTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 30_000, range: 300...3_600_000, reason: .keepAliveTimeout,
                meaning: "silence after which a connector is given up; mux.keepaliveTimeout")
        case .openedTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 50...600_000, reason: .dialTimeout,
                meaning: "how long a tunnel client tries to reach its service for a visitor")
        case .parkedStreamsMax:
            Row(
                unit: "streams", standard: 4, range: 0...4, reason: nil,
                meaning: "idle streams a visitor's connection keeps for its next requests")
        case .replayBytesMax:
            Row(
                unit: "bytes", standard: 16_384, range: 0...65_536, reason: nil,
                meaning: "longest request (head and body) that is kept to be repeated on another connector")
        case .visitorsPerWorkerMax:
            Row(
                unit: "connections", standard: 65_536, range: 16...65_536, reason: .visitorsFull,
                meaning:
                    "visitors' connections of one worker; beyond it the longest silent ones are ended (shed_silent), and "
                    + "where there are none 64 more are let in to be told")
        case .visitorsPerSourceMax:
            Row(
                unit: "connections", standard: 16_384, range: 1...65_536, reason: .sourceFull,
                meaning:
                    "visitors' connections of one worker from one address (IPv6: one /64); trusted proxies are exempt")
        case .linksPerWorkerMax:
            Row(
                unit: "connections", standard: 65_536, range: 16...65_536, reason: .linksFull,
                meaning:
                    "tunnel clients' connections of one worker; beyond it those that have said nothing for longest are "
                    + "ended (shed_silent), and where there are none 64 more are let in to be told")
        case .streamsPerWorkerMax:
            Row(
                unit: "streams", standard: 131_072, range: 16...131_072, reason: .streamsFull,
                meaning: "streams of one worker")
        case .streamsPerConnectorMax:
            Row(
                unit: "streams", standard: 4_096, range: 1...65_536, reason: .streamsFull,
                meaning: "streams of one connector")
        case .connectorsPerTunnelMax:
            Row(
                unit: "connectors", standard: 256, range: 1...4_096, reason: .connectorsFull,
                meaning: "connectors of one tunnel on one data plane")
        case .tunnelsMax:
            Row(
                unit: "tunnels", standard: 131_072, range: 16...131_072, reason: .tunnelsFull,
                meaning: "tunnels with a connector on one data plane")
        case .streamWindowBytes:
            Row(
                unit: "bytes", standard: 262_144, range: 65_536...16_777_216, reason: .windowExceeded,
                meaning: "first receive window of a stream; smux v2 peers assume 262,144 until told")
        case .streamWindowBytesMax:
            Row(
                unit: "bytes", standard: 16_777_216, range: 65_536...67_108_864, reason: nil,
                meaning: "what a stream's receive window may grow to while its visitor reads")
        case .stalledBytesMax:
            Row(
                unit: "bytes", standard: 67_108_864, range: 4_194_304...67_108_864, reason: .stalled,
                meaning:
                    "bytes of one worker that wait for readers; above it who takes nothing is reset, the worst first")
        case .muxOneUnreadBytesMax:
            Row(
                unit: "bytes", standard: 4_194_304, range: 65_536...67_108_864, reason: nil,
                meaning: "unread bytes at which a version 1 connector, which has no windows, is paused")
        case .muxOneStallMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .stalled,
                meaning: "how long a stream without progress may keep a version 1 connector paused")
        case .visitorQueueBytesMax:
            Row(
                unit: "bytes", standard: 262_144, range: 16_384...16_777_216, reason: nil,
                meaning: "bytes of one visitor that may wait for its stream before the visitor is not read further")
        case .carrierQueueBytesMax:
            Row(
                unit: "bytes", standard: 65_536, range: 16_384...16_777_216, reason: nil,
                meaning: "framed bytes that may wait on one link, so that a small frame never waits behind bulk")
        case .controlQueueBytesMax:
            Row(
                unit: "bytes", standard: 262_144, range: 16_384...16_777_216, reason: .stalled,
                meaning: "control frames that may wait on one link; a peer that causes more and reads none is dropped")
        case .streamHeaderTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 10_000, range: 100...600_000, reason: .streamHeaderTimeout,
                meaning: "at a client: from the opening of a stream to the end of the header that names its visitor")
        case .datagramIdleMilliseconds:
            Row(
                unit: "ms", standard: 60_000, range: 1_000...3_600_000, reason: .datagramIdle,
                meaning: "at a client: silence after which a stream of datagrams and its socket to the target end")
        case .datagramQueueBytesMax:
            Row(
                unit: "bytes", standard: 262_144, range: 65_536...16_777_216, reason: .datagramOverflow,
                meaning: "datagrams of one sender that may wait for a link; those beyond are dropped")
        case .datagramBacklogMax:
            Row(
                unit: "senders", standard: 1_024, range: 1...65_536, reason: .datagramOverflow,
                meaning:
                    "senders of a udp service whose conversation is still being set up; more are not heard; backlog")
        case .leaveGraceMilliseconds:
            Row(
                unit: "ms", standard: 5_000, range: 100...600_000, reason: .shutdown,
                meaning: "how long a tunnel client that leaves waits for its streams to end")
        case .descriptorsReserved:
            Row(
                unit: "descriptors", standard: 64, range: 16...4_096, reason: .descriptorsFull,
                meaning:
                    "descriptors of the process that stay free: connections that would take them find room where a "
                    + "silent one is ended, or are closed")
        case .moveTimeoutMilliseconds:
            Row(
                unit: "ms", standard: 1_000, range: 10...60_000, reason: .workerBusy,
                meaning:
                    "how long a visitor that needs a connector of another worker waits where more are on their way "
                    + "than there are parcels to carry them")
        case .peerHeartbeatMilliseconds, .peerSilenceMilliseconds, .peerLinksPerWorkerMax, .streamsPerPeerLinkMax,
            .forwardTimeoutMilliseconds, .forwardsPendingMax, .lookupTimeoutMilliseconds, .lookupsPendingMax,
            .remoteTunnelsMax, .drainGraceMilliseconds, .peerSuspectMilliseconds, .stockLinksPerWorkerMax,
            .stockForwardTimeoutMilliseconds:
            clusterRow
        case .repetitionsPercent, .repetitionsSavedMax, .unacknowledgedMilliseconds:
            lossRow
        }
    }
}

/// The values of all limits: trivial, copied to every worker.
package struct Limits: Sendable, BitwiseCopyable {
    private var values = InlineArray<64, UInt64>(repeating: 0)

    /// The standard values.
    package init() {
        precondition(Limit.allCases.count <= 64)
        for limit in Limit.allCases { values[Int(limit.rawValue)] = limit.row.standard }
    }

    /// Reading is free; writing clamps to the limit's range.
    @inlinable package subscript(limit: Limit) -> UInt64 {
        get { value(at: Int(limit.rawValue)) }
    }

    @usableFromInline package func value(at index: Int) -> UInt64 { values[index] }

    /// Sets a limit; values outside its range are clamped, which the caller has reported before.
    package mutating func set(_ limit: Limit, to value: UInt64) {
        let range = limit.row.range
        values[Int(limit.rawValue)] = min(max(value, range.lowerBound), range.upperBound)
    }
}
