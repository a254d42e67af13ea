import Operations
import Primitives

/// One socket of the simulated world: a stream, or one for datagrams.
final class SimulatedSocket {
    enum Phase { case fresh, listening, connecting, connected, closed }

    /// What one direction holds until its reader takes it (bytes on the way count).
    static let capacity = 256 * 1_024

    let id: UInt64
    let host: SimulatedHost
    let isUnix: Bool
    let isDatagram: Bool
    var phase = Phase.fresh
    var peer: SimulatedSocket?
    /// Its own address and that of the other end.
    var name = SimulatedAddress(low: 0, port: 0)
    var remote = SimulatedAddress(low: 0, port: 0)

    // What came in.
    var inbox = ByteQueue()
    /// Descriptors that came, each with the position of its byte in the stream.
    var attachments: [(position: UInt64, files: [OpenFile])] = []
    var taken: UInt64 = 0
    var arrived: UInt64 = 0
    var isEnded = false
    /// The error that the next read or write reports, once.
    var error: Int32 = 0
    /// Reading was shut down here.
    var isReadShut = false

    /// Datagrams that came, with their senders.
    var datagrams: [(from: SimulatedAddress, bytes: [UInt8])] = []
    var datagramBytes = 0

    // What goes out.
    var outstanding = 0
    var isWriteShut = false
    /// The connection broke: writing fails.
    var isBroken = false
    /// How long what it sent may be held on its way before it breaks; 0: for ever.
    var unacknowledgedMilliseconds: UInt64 = 0
    /// When the last thing sent will have arrived: nothing overtakes within a direction.
    var lastArrival = Tick.zero

    // Listening.
    var backlog: [SimulatedSocket] = []
    var backlogMax = 0
    var isAsleep = false
    /// Attempts that wait for room in the queue.
    var waiting: [SimulatedSocket] = []

    // Whoever uses it: operations of a worker, or a peer outside.
    var reads: [PendingOperation] = []
    var writes: [PendingOperation] = []
    weak var outside: SimulatedPeer?
    weak var outsideListener: SimulatedPeerListener?
    weak var outsideDatagrams: SimulatedDatagramPeer?

    init(id: UInt64, host: SimulatedHost, isUnix: Bool, isDatagram: Bool = false) {
        self.id = id
        self.host = host
        self.isUnix = isUnix
        self.isDatagram = isDatagram
    }

    var room: Int { max(0, SimulatedSocket.capacity - outstanding) }
}

/// An operation that the simulated kernel has not finished.
final class PendingOperation {
    let operation: Operation
    let port: SimulatedPort
    /// Its completions stay in order, whatever delays them.
    var lastCompletion = Tick.zero
    /// What its memory held when it was submitted: it must not change before the completion.
    var memoryHash: UInt64 = 0

    init(_ operation: Operation, port: SimulatedPort) {
        self.operation = operation
        self.port = port
    }
}

/// What a descriptor stands for; several descriptors may stand for the same.
final class OpenFile {
    enum Content {
        case socket(SimulatedSocket)
        case bytes([UInt8])
    }

    let content: Content
    /// Descriptors and messages on the way that hold it.
    var references = 0

    init(_ content: Content) { self.content = content }

    var socket: SimulatedSocket? {
        if case .socket(let socket) = content { return socket }
        return nil
    }
}
