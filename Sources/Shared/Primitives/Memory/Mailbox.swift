internal import Synchronization

/// A bounded queue of 64-byte cells from one worker to one other: single producer, single consumer, no locks.
///
/// The producer wakes the consumer by an operation of its shell; the cells themselves are only memory, which lives as long
/// as the process unless both sides are gone and somebody calls `deallocate`. A few words long: nobody counts references
/// to it on the hot path.
public struct Mailbox: BitwiseCopyable, @unchecked Sendable {
    /// One message: 64 bytes, trivial; what it means is its users' business.
    @frozen
    public struct Cell: BitwiseCopyable, Sendable {
        public var words = InlineArray<8, UInt64>(repeating: 0)
        public init() {}
    }

    private let cells: UnsafeMutablePointer<Cell>
    private let mask: Int
    // Head and tail on cache lines of their own: each is written by one side only.
    private let head: UnsafeMutablePointer<Atomic<Int>>
    private let tail: UnsafeMutablePointer<Atomic<Int>>
    private let lines: UnsafeMutableRawPointer

    /// `capacity` is a power of two.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0)
        cells = .allocate(capacity: capacity)
        mask = capacity - 1
        lines = .allocate(byteCount: 256, alignment: 128)
        head = lines.bindMemory(to: Atomic<Int>.self, capacity: 1)
        tail = (lines + 128).bindMemory(to: Atomic<Int>.self, capacity: 1)
        head.initialize(to: Atomic(0))
        tail.initialize(to: Atomic(0))
    }

    /// Gives the memory back; neither side may use the mailbox any more.
    public func deallocate() {
        cells.deallocate()
        lines.deallocate()
    }

    /// How many cells are free, as the producer sees it; never less than that afterwards, until it puts one.
    public var room: Int {
        @_noLocks get {
            mask + 1 - (tail.pointee.load(ordering: .relaxed) - head.pointee.load(ordering: .acquiring))
        }
    }

    /// Cells that were ever put, as the producer sees it.
    public var putCount: Int { tail.pointee.load(ordering: .relaxed) }

    /// For the producer only. False when the mailbox is full.
    @_noLocks
    public func put(_ cell: Cell) -> Bool {
        let end = tail.pointee.load(ordering: .relaxed)
        guard end - head.pointee.load(ordering: .acquiring) <= mask else { return false }
        (cells + (end & mask)).initialize(to: cell)
        tail.pointee.store(end + 1, ordering: .releasing)
        return true
    }

    /// For the consumer only.
    @_noLocks
    public func take() -> Cell? {
        let start = head.pointee.load(ordering: .relaxed)
        guard start < tail.pointee.load(ordering: .acquiring) else { return nil }
        let cell = cells[start & mask]
        head.pointee.store(start + 1, ordering: .releasing)
        return cell
    }
}
