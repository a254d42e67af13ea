/// Deadlines of many things, coarse (64 ms) and cheap: setting one touches a list head and two neighbours.
///
/// A node is a number the owner chooses (its slot); each has at most one deadline. Moving a deadline later does not move
/// the node: when its cell comes round, the wheel sees that it is not due and files it again. One turn of the wheel is
/// 512 cells ≈ 33 s; later deadlines stay in their cell for another round.
package struct TimerWheel: ~Copyable {
    private struct Node: BitwiseCopyable {
        var deadline: Tick = .never
        var next: UInt32 = .max
        var previous: UInt32 = .max
        /// Cell the node is filed in, or `unfiled`.
        var cell: UInt32 = .max
    }

    /// Bytes that one node takes.
    package static var bytesPerNode: Int { MemoryLayout<Node>.stride }

    private static var cellCount: Int { 512 }
    private static var cellNanoseconds: UInt64 { 64_000_000 }
    private static var unfiled: UInt32 { .max }

    private let nodes: UnsafeMutablePointer<Node>
    private let capacity: Int
    private let heads: UnsafeMutablePointer<UInt32>
    /// One bit per cell that has nodes.
    private let occupied: UnsafeMutablePointer<UInt64>
    private var touched = 0
    /// The cell number (not wrapped) up to which everything due has been handed out.
    private var current: UInt64

    /// The number of nodes that have a deadline.
    package private(set) var count = 0

    /// A wheel for nodes below `capacity`, at rest.
    package init(capacity: Int, now: Tick) {
        self.capacity = capacity
        nodes = .allocate(capacity: capacity)
        heads = .allocate(capacity: Self.cellCount)
        heads.initialize(repeating: Self.unfiled, count: Self.cellCount)
        occupied = .allocate(capacity: Self.cellCount / 64)
        occupied.initialize(repeating: 0, count: Self.cellCount / 64)
        current = now.nanoseconds / Self.cellNanoseconds
    }

    deinit {
        nodes.deallocate()
        heads.deallocate()
        occupied.deallocate()
    }

    /// Sets or moves the deadline of `node`; `.never` clears it.

    /// Sets a node's deadline, in place of the one it had.
    @_noLocks
    package mutating func set(_ node: UInt32, _ deadline: Tick) {
        let index = Int(node)
        precondition(index < capacity)
        while touched <= index {
            (nodes + touched).initialize(to: Node())
            touched += 1
        }
        if deadline.nanoseconds == .max { return clear(node) }
        if nodes[index].cell == Self.unfiled {
            nodes[index].deadline = deadline
            count += 1
            file(node)
        } else if deadline < nodes[index].deadline {
            unfile(node)
            nodes[index].deadline = deadline
            file(node)
        } else {
            nodes[index].deadline = deadline
        }
    }

    /// Takes a node's deadline away, if it has one.
    @_noLocks
    package mutating func clear(_ node: UInt32) {
        guard Int(node) < touched, nodes[Int(node)].cell != Self.unfiled else { return }
        unfile(node)
        nodes[Int(node)].deadline = .never
        count -= 1
    }

    /// The next node that is due at `now`, its deadline cleared, or nil.

    /// A node whose deadline is over, in no order; nil when there is none.
    @_noLocks
    package mutating func popDue(_ now: Tick) -> UInt32? {
        let target = now.nanoseconds / Self.cellNanoseconds
        if target > current + UInt64(Self.cellCount) { current = target - UInt64(Self.cellCount) }
        while current <= target {
            var node = heads[Int(current) & (Self.cellCount - 1)]
            while node != Self.unfiled {
                let following = nodes[Int(node)].next
                if nodes[Int(node)].deadline.nanoseconds <= now.nanoseconds {
                    clear(node)
                    return node
                }
                if cellNumber(nodes[Int(node)].deadline) & UInt64(Self.cellCount - 1)
                    != UInt64(nodes[Int(node)].cell)
                {
                    unfile(node)
                    file(node)
                }
                node = following
            }
            if current == target { return nil }
            current += 1
        }
        return nil
    }

    /// When to look next: not later than the earliest deadline needs, `.never` when there is none.

    /// When the wheel is to be looked at next; never, when nothing is set.
    @_noLocks
    package func nextCheck() -> Tick {
        guard count > 0 else { return .never }
        for step in 0..<Self.cellCount {
            let number = current + UInt64(step)
            let cell = Int(number) & (Self.cellCount - 1)
            if occupied[cell >> 6] & (1 << UInt64(cell & 63)) != 0 {
                return Tick(nanoseconds: (number + 1) * Self.cellNanoseconds)
            }
        }
        return Tick(nanoseconds: (current + UInt64(Self.cellCount)) * Self.cellNanoseconds)
    }

    @_noLocks
    private func cellNumber(_ deadline: Tick) -> UInt64 {
        max(deadline.nanoseconds / Self.cellNanoseconds, current)
    }

    @_noLocks
    private mutating func file(_ node: UInt32) {
        let cell = Int(cellNumber(nodes[Int(node)].deadline)) & (Self.cellCount - 1)
        nodes[Int(node)].cell = UInt32(cell)
        nodes[Int(node)].previous = Self.unfiled
        nodes[Int(node)].next = heads[cell]
        if heads[cell] != Self.unfiled { nodes[Int(heads[cell])].previous = node }
        heads[cell] = node
        occupied[cell >> 6] |= 1 << UInt64(cell & 63)
    }

    @_noLocks
    private mutating func unfile(_ node: UInt32) {
        let entry = nodes[Int(node)]
        let cell = Int(entry.cell)
        if entry.previous != Self.unfiled {
            nodes[Int(entry.previous)].next = entry.next
        } else {
            heads[cell] = entry.next
            if entry.next == Self.unfiled { occupied[cell >> 6] &= ~(1 << UInt64(cell & 63)) }
        }
        if entry.next != Self.unfiled { nodes[Int(entry.next)].previous = entry.previous }
        nodes[Int(node)].cell = Self.unfiled
    }
}
