internal import CScan

/// 64-bit keys to 32-bit values: open addressing with linear probing, fixed capacity, deletion by shifting back.
///
/// A large capacity costs address space only: keys spread over few cells at first, and over twice as many each time half
/// of them are used. Each such level has its place in memory that is taken at the start and touched when its time has come.
///
/// The caller hashes: keys must be well mixed, and a key that is not unique by itself (a hash of something longer) must
/// be confirmed by the caller through `next`.
@frozen
public struct IndexTable: ~Copyable {
    /// Of the present level; the one of so many cells begins at the cell of that number.
    @usableFromInline var keys: UnsafeMutablePointer<UInt64>
    @usableFromInline var values: UnsafeMutablePointer<UInt32>
    @usableFromInline var mask: Int
    @usableFromInline let cellsMax: Int
    private let allKeys: UnsafeMutablePointer<UInt64>
    private let allValues: UnsafeMutablePointer<UInt32>
    public let capacity: Int
    public private(set) var count = 0

    /// Marks a free cell; values are kept one higher, so that untouched memory is free.
    @usableFromInline static var empty: UInt32 { @_noLocks get { 0 } }

    /// Cells of the first level, if the capacity is not smaller: a few pages.
    private static var cellsFirst: Int { 1_024 }

    /// Cells of all levels of a table for `capacity` entries.
    public static func cells(capacity: Int) -> Int {
        var cells = 16
        while cells < capacity * 2 { cells *= 2 }
        return cells * 2
    }

    /// Bytes of one cell.
    public static var bytesPerCell: Int { MemoryLayout<UInt64>.stride + MemoryLayout<UInt32>.stride }

    /// Room for `capacity` entries; at most twice as many cells.
    public init(capacity: Int) {
        precondition(capacity > 0)
        let cells = Self.cells(capacity: capacity) / 2
        self.capacity = capacity
        cellsMax = cells
        allKeys = .allocate(capacity: cells * 2)
        guard let zeroed = culvert_zeroed(cells * 2 * MemoryLayout<UInt32>.stride) else {
            preconditionFailure("no memory for a table of \(cells) cells")
        }
        allValues = zeroed.bindMemory(to: UInt32.self, capacity: cells * 2)
        let first = min(cells, Self.cellsFirst)
        keys = allKeys + first
        values = allValues + first
        mask = first - 1
    }

    deinit {
        allKeys.deallocate()
        culvert_give_zeroed(allValues)
    }

    /// Every entry moves to the next level.
    @_noLocks
    @usableFromInline
    mutating func grow() {
        let (keysBefore, valuesBefore, maskBefore) = (keys, values, mask)
        let cells = (mask + 1) * 2
        keys = allKeys + cells
        values = allValues + cells
        mask = cells - 1
        var cell = 0
        while cell <= maskBefore {
            if valuesBefore[cell] != Self.empty { put(keysBefore[cell], valuesBefore[cell]) }
            cell += 1
        }
    }

    @inlinable @inline(__always) @_noLocks
    func put(_ key: UInt64, _ value: UInt32) {
        var cell = home(key)
        while values[cell] != Self.empty { cell = (cell &+ 1) & mask }
        keys[cell] = key
        values[cell] = value
    }

    @inlinable @inline(__always) @_noLocks
    func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 20) & mask }

    /// Adds an entry; false when the table is full. A key may stand in it several times.
    @inlinable @_noLocks
    public mutating func insert(_ key: UInt64, _ value: UInt32) -> Bool {
        precondition(value != .max)
        guard count < capacity else { return false }
        if count * 2 > mask, mask < cellsMax - 1 { grow() }
        put(key, value &+ 1)
        setCount(count + 1)
        return true
    }

    @_noLocks
    @usableFromInline mutating func setCount(_ value: Int) { count = value }

    /// The value of the first entry with this key, or nil.
    @inlinable @_noLocks
    public func first(_ key: UInt64) -> UInt32? {
        var cell = home(key)
        return next(key, &cell)
    }

    /// Walks the entries of a key: begin with `cursor(key)`, ends with nil.
    @inlinable @_noLocks
    public func cursor(_ key: UInt64) -> Int { home(key) }

    @inlinable @_noLocks
    public func next(_ key: UInt64, _ cell: inout Int) -> UInt32? {
        while values[cell] != Self.empty {
            defer { cell = (cell &+ 1) & mask }
            if keys[cell] == key { return values[cell] &- 1 }
        }
        return nil
    }

    /// Removes the entry of `key` with `value`; false when there is none.
    @inlinable @_noLocks
    public mutating func remove(_ key: UInt64, _ value: UInt32) -> Bool {
        var cell = home(key)
        while values[cell] != Self.empty {
            if keys[cell] == key, values[cell] == value &+ 1 {
                closeGap(at: cell)
                setCount(count - 1)
                return true
            }
            cell = (cell &+ 1) & mask
        }
        return false
    }

    /// Moves later entries of the run back so that no probe ends early at the gap.
    @usableFromInline
    @_noLocks
    mutating func closeGap(at removed: Int) {
        var gap = removed
        var cell = (gap &+ 1) & mask
        while values[cell] != Self.empty {
            let distance = (cell &- home(keys[cell])) & mask
            if distance >= (cell &- gap) & mask {
                keys[gap] = keys[cell]
                values[gap] = values[cell]
                gap = cell
            }
            cell = (cell &+ 1) & mask
        }
        values[gap] = Self.empty
    }
}
