import Primitives

/// The operations of one turn, in order; the shell drains it whenever it submits.
///
/// Sized for a busy turn. The end of a connector with thousands of streams emits more: then the queue grows, once, up to
/// `capacityMax`, which whoever makes it derives from the number of sockets there can be.
package struct OperationQueue: ~Copyable {
    private var cells: UnsafeMutablePointer<Operation>
    private var capacity: Int
    private let capacityMax: Int
    package private(set) var count = 0

    /// An empty queue with room for `capacity` operations before it grows.
    package init(capacity: Int, capacityMax: Int? = nil) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.capacityMax = max(capacity, capacityMax ?? capacity)
        cells = .allocate(capacity: capacity)
    }

    deinit { cells.deallocate() }

    @inlinable package var isEmpty: Bool { @_noLocks get { count == 0 } }
    /// How many more operations fit before the queue grows.
    package var room: Int { @_noLocks get { capacity - count } }

    /// The next operation of this turn; more than `capacityMax` are a broken promise of the shell.
    @_noLocks
    package mutating func append(_ operation: Operation) {
        if count == capacity { grow() }
        (cells + count).initialize(to: operation)
        count += 1
    }

    @inline(never) @_semantics("no_performance_analysis")
    private mutating func grow() {
        precondition(capacity < capacityMax, "the shell did not drain the operations of this turn")
        let larger = min(capacity * 2, capacityMax)
        let moved = UnsafeMutablePointer<Operation>.allocate(capacity: larger)
        moved.moveInitialize(from: cells, count: count)
        cells.deallocate()
        cells = moved
        capacity = larger
    }

    /// The operation at a position below `count`.
    package subscript(index: Int) -> Operation {
        @_noLocks get {
            precondition(index < count)
            return cells[index]
        }
    }

    @_noLocks
    package mutating func removeAll() { count = 0 }
}
