internal import CScan

/// 64-bit keys to 32-bit values: open addressing with linear probing, fixed capacity, deletion by shifting back.
///
/// The caller hashes: keys must be well mixed, and a key that is not unique by itself (a hash of something longer) must
/// be confirmed by the caller through `next`.
@frozen
public struct IndexTable: ~Copyable {
    @usableFromInline let keys: UnsafeMutablePointer<UInt64>
    @usableFromInline let values: UnsafeMutablePointer<UInt32>
    @usableFromInline let mask: Int
    public let capacity: Int
    public private(set) var count = 0

    /// Marks a free cell; values are kept one higher, so that untouched memory is free.
    @usableFromInline static var empty: UInt32 { @_noLocks get { 0 } }

    /// Room for `capacity` entries; twice as many cells.
    public init(capacity: Int) {
        precondition(capacity > 0)
        var cells = 16
        while cells < capacity * 2 { cells *= 2 }
        self.capacity = capacity
        mask = cells - 1
        keys = .allocate(capacity: cells)
        guard let zeroed = culvert_zeroed(cells * MemoryLayout<UInt32>.stride) else {
            preconditionFailure("no memory for a table of \(cells) cells")
        }
        values = zeroed.bindMemory(to: UInt32.self, capacity: cells)
    }

    deinit {
        keys.deallocate()
        culvert_give_zeroed(values)
    }

    @inlinable @inline(__always) @_noLocks
    func home(_ key: UInt64) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 20) & mask }

    /// Adds an entry; false when the table is full. A key may stand in it several times.
    @inlinable @_noLocks
    public mutating func insert(_ key: UInt64, _ value: UInt32) -> Bool {
        precondition(value != .max)
        guard count < capacity else { return false }
        var cell = home(key)
        while values[cell] != Self.empty { cell = (cell &+ 1) & mask }
        keys[cell] = key
        values[cell] = value &+ 1
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
