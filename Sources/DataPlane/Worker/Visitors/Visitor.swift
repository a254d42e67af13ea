import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Where a visitor's connection is between two requests and within one:
///
///     (proxied →) head → (moving → head, on another worker) → exchange → head …
///                                                           ↘ raw (after 101)
///     head → discarding (refused, its body still comes) → head
///     head, hello → lookingUp → head, hello (where the host or its tunnel is not known here)
///     head → hello (TLS) → (moving → hello, on another worker) → raw
package enum VisitorPhase: UInt8, BitwiseCopyable {
    /// May begin with the header of a proxy, which is not complete yet.
    case proxied
    /// Waits for a request's first byte, or for the rest of its head.
    case head
    /// TLS: its first message is not complete yet.
    case hello
    /// Belongs to another worker; goes there when nothing of it is in flight here.
    case moving
    /// Waits until it is known where the request belongs.
    case lookingUp
    /// A request is with a stream.
    case exchange
    /// Bytes pass unread both ways.
    case raw
    /// Refused; the rest of the request's body is dropped.
    case discarding
}

/// Whom a visitor's connection is from.
package enum VisitorOrigin: UInt8, BitwiseCopyable {
    /// Its address is not known yet, or was not looked at.
    case unknown
    case visitor
    /// From where another node forwards; see Worker+ForwardedVisitors.
    case node
}

/// How far the answer is.
package enum AnswerPhase: UInt8, BitwiseCopyable {
    case awaitingHead
    case body
    case done
}

/// One visitor's connection at an entrypoint: HTTP/1.x, routed request by request, or TLS, passed through by name.
package struct Visitor: BitwiseCopyable {
    // Fields of one size stand together, the largest first: there are many visitors, and most of them are idle.

    var peer = PeerAddress()
    /// Received bytes that nobody has read: the next head, the rest of a body, pipelined requests.
    var input = SliceQueue()
    var headBegan: Tick

    // The request.
    var requestBody = HTTPBody(.none)
    /// The request, or the hello and what followed it, as it came, for a repetition; meaningful while `mayReplay`.
    var replay = SliceQueue()
    var requestBytes = 0
    var routeKey: UInt64 = 0
    /// Whose the present request is; for the log.
    var tunnel = TunnelID.zero
    var avoiding = ConnectorID.zero

    // The answer.
    /// Bytes of an answer's head that is not complete.
    var answerHead = SliceQueue()
    var answerBody = HTTPBody(.none)

    /// Where it stands among those that wait for an answer about their host or tunnel.
    var waiting = Waiting()
    var socket: UInt32
    /// Its place in the count of connections by address, or none.
    var sourceSlot: UInt32 = .max
    /// The stream of the request in progress.
    var stream: UInt32 = .max
    /// Idle streams for later requests, oldest first.
    var parked = InlineArray<4, UInt32>(repeating: .max)
    /// Requests begun on this connection.
    var requestCount: UInt32 = 0
    var service: ServiceIndex
    var ingress: IngressIndex
    /// The version field of a TLS hello, in which it is refused.
    var helloVersion: UInt16 = 0

    // The connection.
    var phase = VisitorPhase.head
    var inputEnded = false
    /// It began with a TLS hello: everything it sends passes unread, after the name in the hello was looked up.
    var isTLS = false
    /// Whom its requests are for stands in them: it came to an entrypoint that asks proxies for that.
    var namesClientByField = false
    var origin = VisitorOrigin.unknown
    /// Another node forwarded the present request to this one.
    var isForwarded = false
    /// It was let in only to be told that it cannot be served.
    var surplus: Reason?
    /// Moves of this connection, as far as they matter.
    var movesInAll: UInt8 = 0
    /// The worker it is on its way to.
    var destination: UInt8 = 0

    // The request.
    var method = HTTPMethod.get
    var minor: UInt8 = 1
    var askedUpgrade = false
    /// The visitor wants its connection kept after this exchange.
    var keepsConnection = true
    /// The visitor said that this request is its last.
    var asksClose = false
    var requestIsDone = false
    var mayReplay = false
    /// Repetitions of the present request.
    var attempts: UInt8 = 0
    /// Moves between workers for the present request.
    var moves: UInt8 = 0
    /// The request went out on a stream that had served before: its end says nothing against its connector.
    var streamWasParked = false
    /// Why the request is being repeated: told when there is nobody else to try.
    var failure = Reason.connectorLost

    // The answer.
    var answer = AnswerPhase.awaitingHead
    /// Something of an answer reached the visitor: from now on the request cannot be repeated.
    var answerStarted = false
    var answerUnchunks = false
    var originKeeps = false
    var interimCount: UInt8 = 0
    var parkedSlots: UInt8 = 0

    /// Of `parked`.
    var parkedCount: Int {
        @_noLocks get { Int(parkedSlots) }
        @_noLocks set { parkedSlots = UInt8(newValue) }
    }

    @_noLocks
    init(socket: UInt32, service: ServiceIndex, ingress: IngressIndex, now: Tick) {
        self.socket = socket
        self.service = service
        self.ingress = ingress
        headBegan = now
    }

    /// It has moved more than once and will again: nothing of it is kept in flight between two requests, so that it need
    /// not be waited for.
    var isRestless: Bool { @_noLocks get { movesInAll > 1 } }

    /// Whom the connection is from: its peer, or whom the proxy in front named.
    var source: SocketAddress {
        get { SocketAddress(high: peer.high, low: peer.low, port: peer.port) }
        set {
            peer.high = newValue.high
            peer.low = newValue.low
            peer.port = newValue.port
        }
    }
}
