import Model
import Operations
import Primitives
import Wire

/// One conversation that a visitor service of this process carries to a server: a local connection, or the datagrams of
/// one sender, on this side; a link of its own, with CONNECT, on the other (protocol tunnel-client §6, §7).
///
///     accept, or a sender's first datagram → dial → CONNECT → open → end of either side → end
///
/// A local connection is not read before the server's OK: until then its bytes wait in the kernel, and it sees a server
/// that is slow to answer.
package struct Visit: BitwiseCopyable {
    /// Position among the desk's services.
    var service: UInt16
    /// The server that was tried first, and how many have failed since.
    var firstServer: UInt16 = 0
    var attempts: UInt8 = 0
    /// The server said OK.
    var isOpen = false
    /// The local connection will send no more; so will the server.
    var localEnded = false
    var answerEnded = false
    /// The link failed, rather than ended: what came may be less than all.
    var isCut = false
    /// Why the server or its connection did not take the visit; told once.
    var isReported = false
    /// Waits for a server's name to be resolved.
    var isResolving = false
    /// Position among `datagramServices`, or none: a local connection.
    var datagramService: UInt16 = .max
    var link: UInt32 = .max
    /// The local connection, or none.
    var socket: UInt32 = .max
    /// The local peer: the source that the CONNECT names, and who is answered by datagrams.
    var peer = PeerAddress()
    /// Of the WebSocket upgrade that is under way.
    var key: WebSocketUpgrade.Key?
    /// Datagrams that wait for the link, and those that came from it, as they travel on it.
    var outbound = SliceQueue()
    var inbound = SliceQueue()
    /// When something last moved, in either direction.
    var lastProgress: Tick

    init(service: UInt16, now: Tick) {
        self.service = service
        lastProgress = now
    }

    var isDatagram: Bool { datagramService != .max }
    /// The local peer in the model's words.
    var source: SocketAddress { SocketAddress(high: peer.high, low: peer.low, port: peer.port) }
}

/// What a worker must know of a visitor service for datagrams with every one of them; the rest is on the desk.
package struct DatagramService: BitwiseCopyable {
    /// Position among the desk's services.
    var service: UInt16
    var socket: UInt32
    /// The socket's own address family.
    var family: DialFamily
    /// Senders whose visit is not open yet.
    var openingCount: UInt32 = 0
}
