import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Datagrams that are being sent: the memory of their operations, and the bytes they hold until they are out.
package struct DatagramPool: ~Copyable {
    /// Fewer than what a socket counts as in flight: even one that has them all leaves room for its other operations.
    static let capacity = 192

    /// One of them.
    struct InFlight: BitwiseCopyable {
        var bytes: SliceQueue
        /// The socket that sends it.
        var socket: UInt32
    }

    private let datagrams: UnsafeMutablePointer<SendDatagram>
    private let entries: UnsafeMutablePointer<InFlight>
    private let free: UnsafeMutablePointer<UInt32>
    private var freeCount = 0
    private var touched = 0

    init() {
        datagrams = .allocate(capacity: Self.capacity)
        entries = .allocate(capacity: Self.capacity)
        free = .allocate(capacity: Self.capacity)
    }

    deinit {
        datagrams.deallocate()
        entries.deallocate()
        free.deallocate()
    }

    /// Datagrams in flight.
    var count: Int { touched - freeCount }

    /// A place for one, or nil when all are in flight.
    mutating func take() -> UInt32? {
        if freeCount > 0 {
            freeCount -= 1
            return free[freeCount]
        }
        guard touched < Self.capacity else { return nil }
        (datagrams + touched).initialize(to: SendDatagram())
        touched += 1
        return UInt32(touched - 1)
    }

    mutating func give(_ index: UInt32) {
        free[freeCount] = index
        freeCount += 1
    }

    /// The memory of the operation.
    subscript(index: UInt32) -> UnsafeMutablePointer<SendDatagram> { datagrams + Int(index) }

    func entry(_ index: UInt32) -> UnsafeMutablePointer<InFlight> { entries + Int(index) }
}
