import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What a socket is for: which slab its `owner` is a slot of, and who hears of its bytes.
package enum SocketRole: UInt8, BitwiseCopyable {
    /// Detached: only waits for its last operations to complete.
    case none
    /// A visitor at an entrypoint.
    case visitor
    /// A carrier connection: a tunnel client's (or, dialled by us, a server's), or a relay visitor's.
    case link
    /// A local service of this process's customer; `owner` is its stream.
    case target
    /// The local side of a visit: a connection that a visitor service accepted; `owner` is the visit.
    case visit
    /// A visitor service's socket for datagrams; `owner` is a position in `datagramServices`.
    case datagrams
}

/// Whether a receive operation is with the shell.
package enum Receiving: UInt8, BitwiseCopyable {
    case idle
    /// A single receive.
    case once
    /// A multishot receive.
    case shot
    /// A multishot receive whose cancellation was asked for; bytes may still come.
    case cancelling
}

/// One TCP or Unix connection, or UDP socket, without meaning: descriptor, operations in flight, bytes to send.
///
/// At most one receive and one send (of a UDP socket: several) are in flight. A slot is given back when its descriptor is
/// closed and nothing is in flight any more, in whichever order these come, so that no completion can meet a stranger;
/// generations guard against our own mistakes.
package struct Socket: BitwiseCopyable {
    /// −1 once it is closed.
    var descriptor: Int32
    var role: SocketRole
    var owner: UInt32
    var receiving = Receiving.idle
    /// Whether more bytes are wanted; the difference to `receiving` is what `updateReceiving` acts on.
    var wantsBytes = false
    /// Receive once at a time: until a visitor knows which worker it belongs to.
    var receivesOnce = false
    var endOfInput = false
    /// The shell had no buffer; listed to be armed again.
    var isStarved = false
    /// Operations whose completions are still to come.
    var inFlight: UInt8 = 0
    var isSending = false
    var isClosing = false
    var isCloseSubmitted = false
    var closesWhenSent = false
    /// Its queue is counted in `bytesBeingDropped` until it is given back.
    var isBeingDropped = false
    var shutsDownWhenSent = false
    var hasShutDown = false
    /// After the last byte is out, the peer's bytes are read and dropped for a while, so that the answer is not reset.
    var lingers = false
    /// Closing resets the connection, so that the peer sees that it was cut.
    var resetsWhenClosed = false
    /// Bytes are received in datagrams, and what is queued is sent in them (`Worker+Datagrams`).
    var isDatagram = false
    var isInFlushList = false
    var nextToFlush: UInt32 = .max
    var nextStarved: UInt32 = .max
    /// The worker to which its owner waits to move, or none, and its neighbours in that list.
    var awaitedWorker: UInt8 = .max
    var nextToMove: UInt32 = .max
    var previousToMove: UInt32 = .max
    /// The gathered send in flight, or none.
    var vector: UInt32 = .max
    /// The buffer that holds the address of a dial under way, or none.
    var dialBuffer: UInt32 = .max
    var out = SliceQueue()

    @_noLocks
    init(descriptor: Int32, role: SocketRole, owner: UInt32) {
        self.descriptor = descriptor
        self.role = role
        self.owner = owner
    }
}

/// The memory of gathered sends in flight: never initialised twice, taken last-in-first-out.
package struct SendVectorPool: ~Copyable {
    /// Bytes that one vector takes.
    static var bytesPerVector: Int { MemoryLayout<SendVector>.stride + MemoryLayout<UInt32>.stride }

    private let vectors: UnsafeMutablePointer<SendVector>
    private let free: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private var freeCount = 0
    private var touched = 0

    init(capacity: Int) {
        self.capacity = capacity
        vectors = .allocate(capacity: capacity)
        free = .allocate(capacity: capacity)
    }

    deinit {
        vectors.deallocate()
        free.deallocate()
    }

    /// A vector, or nil when all are in flight (the caller then sends one slice).
    @_noLocks
    mutating func take() -> UInt32? {
        if freeCount > 0 {
            freeCount -= 1
            return free[freeCount]
        }
        guard touched < capacity else { return nil }
        (vectors + touched).initialize(to: SendVector())
        touched += 1
        return UInt32(touched - 1)
    }

    @_noLocks
    mutating func give(_ vector: UInt32) {
        free[freeCount] = vector
        freeCount += 1
    }

    subscript(vector: UInt32) -> UnsafeMutablePointer<SendVector> { vectors + Int(vector) }
}
