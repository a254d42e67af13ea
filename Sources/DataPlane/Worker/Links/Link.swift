import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Where a link is in its life. The upper row is the accepting side, the lower one the dialling side:
///
///     accept → (proxied →) upgrading → awaitingRequest → binding → mux
///                                                      ↘ (CONNECT) visiting ⇄ moving (to another worker)
///                                                      ↘ (wrong credentials) refused
///     accept → peerAccepted (⇄ moving) → peerChallenged → mux     (another data plane)
///     dial → connecting → peerHelloSent → peerProofSent → mux     (likewise)
///     dial → connecting → upgradeSent → requestSent → mux
///                                                   ↘ (CONNECT) conversing
///     dial → connecting → (requestSent →) raw                     (a stock node's entrypoint)
package enum LinkPhase: UInt8, BitwiseCopyable {
    /// May begin with the header of a proxy, which is not complete yet.
    case proxied
    /// WebSocket: the upgrade request is not complete yet.
    case upgrading
    /// The relay request is not complete yet.
    case awaitingRequest
    /// A BIND that waits for the control plane and for every worker's word.
    case binding
    /// A connector: smux frames.
    case mux
    /// A relay visitor: raw payload of one stream.
    case visiting
    /// A relay visitor on its way to another worker.
    case moving
    /// Wrong credentials: its refusal is kept back for a while.
    case refused
    /// A relay visitor that waits until it is known where its tunnel is.
    case lookingUp
    /// Another data plane, whose hello is not complete yet.
    case peerAccepted
    /// Our hello is out, its proof is awaited.
    case peerChallenged

    case connecting
    case upgradeSent
    case requestSent
    /// A visit of ours: raw payload of one conversation.
    case conversing
    /// Our hello is out, the other data plane's is awaited.
    case peerHelloSent
    /// Our proof is out, the other's is awaited.
    case peerProofSent
    /// A stock node's entrypoint: the bytes of one stream, without frames.
    case raw
}

/// One carrier connection with its transport stack: TCP → [PROXY header] → [TLS] → [WebSocket] → relay → smux. Each
/// layer is a value; absent ones cost nothing.
package struct Link: BitwiseCopyable {
    var socket: UInt32
    var phase: LinkPhase
    var service: ServiceIndex
    var isWebSocket: Bool
    /// We dialled: frames are masked, the peer opens the streams.
    var isClient: Bool
    var cipher = LinkCipher(.none)
    /// Bytes that the cipher has not sealed yet.
    var plain = SliceQueue()
    var peer = PeerAddress()
    var webSocket: WebSocketReader
    var smux: SmuxReader
    /// Decoded bytes of an incomplete handshake; afterwards empty.
    var pending = SliceQueue()
    /// Complete control frames, headers included, that go out ahead of data.
    var control = SliceQueue()

    var tunnel = TunnelID.zero
    var connector = ConnectorID.zero
    var weight: UInt8 = 0
    var isUDP = false
    var capabilities: RelayCapabilities = []
    /// A BIND under way: the host granted and the port asked for. A relay visitor: where it wants to go. A slot of
    /// `addresses`, because most links are connectors, which need none.
    var address: UInt32 = .max
    /// Workers that have not yet said that they know this connector.
    var awaitedWorkers: UInt8 = 0
    var isAnswered = false
    /// Where the hosts of relay visitors are looked up.
    var ingress = IngressIndex(0)
    /// It was let in only to be told that it cannot be served.
    var surplus: Reason?
    /// A relay visitor that came to an entrypoint.
    var isAtEntrypoint = false
    var visit = RelayVisit()
    /// Relay visitor on its way to another worker.
    var destination: UInt8 = 0
    var hasMoved = false
    /// Ends at the end of the turn, for this reason.
    var doom: Reason?
    var nextDoomed: UInt32 = .max
    /// A link to another data plane: its place among the peer links; `.max`: it is none.
    var peerLink: UInt32 = .max
    /// A link to a stock node, which carries one stream as it is: the node's number among the peers; `.max`: it is none.
    var stock: UInt16 = .max
    /// Of such a link: by which the hello that it carries is known should it come back; 0: it carries none.
    var helloMark: UInt64 = 0
    /// A peer's link on its way to the worker that it wants.
    var isPeerOnItsWay = false
    /// The client said that it leaves: it is in no table any more, and gets no new stream.
    var isWithdrawn = false
    /// This data plane leaves, and the other side was told so.
    var isSentAway = false
    /// Client role: which of the configured connections this is; `.max` when it is none any more.
    var connection: UInt32 = .max
    /// Client role: the visit that this link carries.
    var ownVisit: UInt32 = .max
    /// Client role: when the stream headers that are awaited must be looked at; peer link: when its streams must be.
    var headersDue = Tick.never

    var began: Tick
    var lastHeard: Tick
    var lastKeepAlive: Tick
    var nextStreamID: UInt32
    var streamCount: UInt32 = 0
    /// Of these, idle ones that are kept for a visitor's later requests.
    var parkedCount: UInt32 = 0
    var firstStream: UInt32 = .max
    var firstReady: UInt32 = .max
    var lastReady: UInt32 = .max
    /// Streams with a window update to send.
    var firstUpdate: UInt32 = .max
    /// Relay visitor: its stream.
    var stream: UInt32 = .max
    /// Version 1, which has no windows: bytes that wait for readers.
    var unreadBytes: Int = 0
    var isPaused = false

    init(
        socket: UInt32, phase: LinkPhase, service: ServiceIndex, isWebSocket: Bool, isClient: Bool, muxVersion: UInt8,
        now: Tick
    ) {
        self.socket = socket
        self.phase = phase
        self.service = service
        self.isWebSocket = isWebSocket
        self.isClient = isClient
        webSocket = WebSocketReader(role: isClient ? .client : .server)
        smux = SmuxReader(version: muxVersion)
        nextStreamID = isClient ? 0 : 1
        began = now
        lastHeard = now
        lastKeepAlive = now
    }

    /// Whom the link is from: its peer, or whom the proxy in front named.
    var source: SocketAddress {
        get { SocketAddress(high: peer.high, low: peer.low, port: peer.port) }
        set {
            peer.high = newValue.high
            peer.low = newValue.low
            peer.port = newValue.port
        }
    }
}
