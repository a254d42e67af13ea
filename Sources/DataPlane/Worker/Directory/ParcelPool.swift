import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Memory of a worker for what it tells others and does not fit into a mailbox's cell. Of its own, so that a worker
/// whose buffers are all with slow readers still hears and says what must not be lost. Pages are touched as they are
/// needed, last used first.
struct ParcelPool: ~Copyable {
    /// Bytes of one parcel.
    static var stride: Int { 2_048 }
    /// Parcels of one worker that may be on their way.
    static var countMax: Int { 1_024 }
    /// Parcels that visitors who move leave to binds and routes, which cannot be refused.
    static var reserved: Int { 256 }
    /// Set in the numbers of parcels, which tells them from buffers that are lent.
    static var mark: UInt32 { 0x8000_0000 }

    /// Bytes that one parcel takes, its place in the free list included.
    static var bytesPerParcel: Int { stride + MemoryLayout<UInt32>.stride }

    private let memory: UnsafeMutableRawPointer
    private let free: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private var freeCount = 0
    private var touched = 0

    /// Room for `capacity` parcels.
    init(capacity: Int) {
        precondition(capacity > 0 && capacity < Int(ParcelPool.mark))
        self.capacity = capacity
        memory = .allocate(byteCount: capacity * ParcelPool.stride, alignment: 64)
        free = .allocate(capacity: capacity)
    }

    deinit {
        memory.deallocate()
        free.deallocate()
    }

    /// How many may still be taken.
    var room: Int { capacity - touched + freeCount }

    /// A parcel with a copy of `count` bytes, or nil when all are on their way.
    @_noLocks
    mutating func pack(_ bytes: UnsafeRawPointer, count: Int) -> Parcel? {
        precondition(count <= ParcelPool.stride, "what is told does not fit into a parcel")
        let slot: UInt32
        if freeCount > 0 {
            freeCount -= 1
            slot = free[freeCount]
        } else if touched < capacity {
            slot = UInt32(touched)
            touched += 1
        } else {
            return nil
        }
        let at = memory + Int(slot) * ParcelPool.stride
        at.copyMemory(from: bytes, byteCount: count)
        return Parcel(address: UInt(bitPattern: at), count: UInt32(count), buffer: slot | ParcelPool.mark)
    }

    /// A parcel came home.
    @_noLocks
    mutating func give(_ marked: UInt32) {
        precondition(marked & ParcelPool.mark != 0 && freeCount < touched, "a parcel came home twice")
        free[freeCount] = marked & ~ParcelPool.mark
        freeCount += 1
    }
}

/// A message that waits for room in a mailbox, or for a parcel.
struct WaitingMessage {
    var message: WorkerMessage
    /// What its parcel shall hold; nil when it has one or needs none.
    var content: [UInt8]?
}
