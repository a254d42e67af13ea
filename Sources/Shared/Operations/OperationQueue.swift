import Primitives

/// The operations of one turn, in order. Fixed capacity; the worker emits at most a few per completion, the shell
/// drains it whenever it submits.
package struct OperationQueue: ~Copyable {
    private let cells: UnsafeMutablePointer<Operation>
    private let capacity: Int
    package private(set) var count = 0

    /// An empty queue; it never grows.
    package init(capacity: Int) {
        self.capacity = capacity
        cells = .allocate(capacity: capacity)
    }

    deinit { cells.deallocate() }

    @inlinable package var isEmpty: Bool { @_noLocks get { count == 0 } }
    /// How many more operations fit.
    package var room: Int { @_noLocks get { capacity - count } }

    @_noLocks
    /// The next operation of this turn; a full queue is a broken promise of the shell.
    package mutating func append(_ operation: Operation) {
        precondition(count < capacity, "the shell did not drain the operations of this turn")
        (cells + count).initialize(to: operation)
        count += 1
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
