/// What a worker counts. Only ever upwards: what exists now is the difference of two of them. The last one alone is a
/// level, written anew after every turn.
///
/// The order is free to change: the counters' file carries its names with it (`CounterFile`).
package enum Counter: UInt16, CaseIterable, Sendable, BitwiseCopyable {
    case visitorsAccepted, visitorsClosed
    /// Those that were dialled included.
    case linksAccepted, linksClosed
    case connectorsOpened, connectorsClosed
    case streamsOpened, streamsClosed
    /// Complete request heads at the entrypoints.
    case requests
    /// TLS conversations that were given a stream, repetitions included.
    case tlsPassed
    /// Requests given to another connector because the first one failed them.
    case requestsRetried
    /// Visitors handed to the worker of the connector they need.
    case visitorsMoved
    /// BINDs that were granted, and those of them that the data plane decided without the control plane.
    case bindsGranted, bindsGrantedAlone
    case bytesFromVisitors, bytesToVisitors
    case bytesFromLinks, bytesToLinks
    /// smux data frames passed on, each way.
    case framesToConnectors, framesFromConnectors
    /// WebSocket and smux keep-alives received.
    case keepAlives
    /// Turns of the worker's loop, and the calls of the kernel it made in them.
    case loopTurns, loopEnters
    case completions
    /// Receives that ended because the kernel had no buffer to receive into.
    case buffersExhausted
    /// Log lines that were due and are not written: too many of a kind, or the log's reader is too slow.
    case logLinesSuppressed
    /// Links to other data planes that were proven, and those of them that are over.
    case peerLinksOpened, peerLinksClosed
    /// Streams opened at other data planes, those of them that were opened once more because one did not accept, and
    /// streams accepted from others.
    case forwardsOpened, forwardsRepeated, forwardsAccepted
    /// Connections to stock nodes that were begun for visitors; each is a stream opened there as well.
    case stockForwardsOpened
    /// Visitors that waited for the control plane's word.
    case lookupsAwaited
    /// Buffers that hold somebody's bytes now.
    case buffersHeld

    /// The name in the counters' file: the case in snake case.
    package var label: String {
        var out = ""
        for character in "\(self)" {
            if character.isUppercase { out += "_" }
            out += character.lowercased()
        }
        return out
    }

    /// Words before the refusals in a page.
    package static var count: Int { @_noLocks get { 34 } }
}
