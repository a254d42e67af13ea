import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What a relay visitor's link knows of its visit.
///
/// Until the first byte of an answer comes, what the visitor sent is kept (in `Link.pending`), so that the visit can
/// begin anew on another connector when its stream ends; see Worker+VisitRetries.
struct RelayVisit: BitwiseCopyable {
    /// Who comes, as the stream's header says it.
    var source = SocketAddress.unknown
    /// Another node forwarded it to this one.
    var isForwarded = false
    /// The visitor was told that it is connected.
    var isAnswered = false
    /// Nothing came back yet, and all that was sent is kept.
    var mayRetry = false
    /// The worker counts it among those that keep bytes.
    var isCounted = false
    /// The visitor ended its sending side.
    var inputEnded = false
    /// Further connectors that were tried.
    var attempts: UInt8 = 0
    var avoiding = ConnectorID.zero
    /// Why it is tried again: told when there is nobody else to try.
    var failure = Reason.connectorLost
    /// Its tunnel was found: what is missing is somebody who has it.
    var isRouted = false
    /// Where it stands among those that wait for an answer about their host or tunnel.
    var waiting = Waiting()
    /// When its present stream was opened, and the payload given to it.
    var began = Tick.zero
    var sentBytes = 0
}
