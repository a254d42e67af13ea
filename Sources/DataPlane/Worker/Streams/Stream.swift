import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Who is at this side's end of a stream.
package enum StreamPartner: BitwiseCopyable, Equatable {
    /// Nobody yet, or nobody any more: a parked stream between two requests belongs to its visitor as well.
    case none
    case visitor(UInt32)
    /// A relay visitor: the link that carries it.
    case relayVisitor(UInt32)
    /// The stream on the other side of a forward: of a peer link's, a connector's, and the other way round.
    case stream(UInt32)
    /// A stream that another data plane opened, whose header is not complete.
    case arriving
    /// Words of our control plane for another node's: the desk knows which.
    case telling
    /// A local service; the socket is `none` until the dial began.
    case target(socket: UInt32)
}

/// One multiplexed conversation on a connector.
///
/// Closing. smux's FIN ends both directions at once, so who may send it when is decided here:
///
///     the visitor ended its sending side   → nothing is sent until the answer ended or the stream was silent for
///                                            `halfCloseGrace`; then FIN (with the extension: half-close at once)
///     the visitor is gone                  → FIN behind what it had sent
///     the service's connection broke       → the same, as a reset where the peer understands that (extension)
///     the peer sent FIN                    → what came before it is delivered, then the visitor's connection ends;
///                                            FIN goes back at once
///     the peer half-closed (extension)     → as its FIN for the answer, but its window for our bytes lives on
///     the link is gone                     → as FIN, and the request may be repeated elsewhere
package struct Stream: BitwiseCopyable {
    struct Flags: OptionSet, BitwiseCopyable {
        var rawValue: UInt16
        /// In its link's list of streams with something to send.
        static var ready: Flags { Flags(rawValue: 1) }
        /// FIN goes out behind the queue, then the slot is given back.
        static var finishes: Flags { Flags(rawValue: 2) }
        /// The peer's FIN came.
        static var peerFinished: Flags { Flags(rawValue: 4) }
        /// What goes out behind the queue says that more should have come, where the peer understands that.
        static var isCut: Flags { Flags(rawValue: 8) }
        /// Half-close goes out behind the queue.
        static var halfCloses: Flags { Flags(rawValue: 16) }
        static var halfClosed: Flags { Flags(rawValue: 32) }
        /// A window update is listed to be sent.
        static var updatesWindow: Flags { Flags(rawValue: 64) }
        /// Idle, kept by its visitor for a later request.
        static var parked: Flags { Flags(rawValue: 128) }
        /// The partner's source is paused because the queue is long.
        static var sourcePaused: Flags { Flags(rawValue: 256) }
        /// The first inbound delivery was acknowledged with a window.
        static var windowAnnounced: Flags { Flags(rawValue: 512) }
        /// Client role: the header that names visitor and host was read.
        static var headerRead: Flags { Flags(rawValue: 1024) }
        /// Client role: the local service is connected.
        static var connected: Flags { Flags(rawValue: 2048) }
        /// The peer will send no more, but still reads (private extension).
        static var peerHalfClosed: Flags { Flags(rawValue: 4096) }
    }

    var link: UInt32
    var id: UInt32
    var partner: StreamPartner
    var flags: Flags = []
    /// Payload that waits to be framed.
    var out = SliceQueue()
    /// Client role: inbound bytes that wait for the header to be complete or for the local service.
    var pending = SliceQueue()
    var sending = SmuxSendWindow()
    var receiving = SmuxReceiveWindow()
    /// What the peer is granted beyond what was delivered; grows while the reader keeps up.
    var window: UInt32
    /// `receiving.consumed` when `window` grew last.
    var grownAt: UInt32 = 0
    /// Which host and tunnel a parked stream serves.
    var routeKey: UInt64 = 0
    let opened: Tick
    /// When bytes came or went last, in whichever direction.
    var lastProgress: Tick
    /// When somebody took of what waits here last, the visitor or the peer; while nothing waits, when it began to.
    var lastTaken: Tick
    var nextReady: UInt32 = .max
    var previousInLink: UInt32 = .max
    var nextInLink: UInt32 = .max
    var nextUpdate: UInt32 = .max
    /// It was opened at another data plane and is not accepted yet: its place among the forwards, else `.max`.
    var forward: UInt32 = .max
}
