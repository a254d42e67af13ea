import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// How many visitors' connections each address has on this worker, so that one source cannot take every slot. An IPv6
/// source is its /64, which is what one customer usually has.
struct SourceTable: ~Copyable {
    struct Source: BitwiseCopyable {
        var high: UInt64
        var low: UInt64
        var count: UInt32
    }

    /// Bytes that one address takes, beside its place in the index.
    static var bytesPerSource: Int { Slab<Source>.bytesPerSlot }

    private var sources: Slab<Source>
    private var index: IndexTable

    /// Room for so many different addresses; never more than there are visitors.
    init(capacity: Int) {
        sources = Slab(capacity: capacity)
        index = IndexTable(capacity: capacity)
    }

    /// Different addresses.
    var count: Int { Int(sources.count) }

    /// Counts one more connection; the address's slot, or nil when it has `max` already.
    @_noLocks
    mutating func enter(_ address: SocketAddress, max: UInt64) -> UInt32? {
        let low = address.ipv4 == nil ? 0 : address.low
        let key = SourceTable.key(address.high, low)
        var cell = index.cursor(key)
        while let slot = index.next(key, &cell) {
            let source = sources[slot]
            guard source.pointee.high == address.high, source.pointee.low == low else { continue }
            guard UInt64(source.pointee.count) < max else { return nil }
            source.pointee.count += 1
            return slot
        }
        guard let slot = sources.take(Source(high: address.high, low: low, count: 1)) else { return nil }
        let isIndexed = index.insert(key, slot)
        precondition(isIndexed)
        return slot
    }

    /// One connection less.
    @_noLocks
    mutating func leave(_ slot: UInt32) {
        let source = sources[slot]
        source.pointee.count -= 1
        guard source.pointee.count == 0 else { return }
        let isRemoved = index.remove(SourceTable.key(source.pointee.high, source.pointee.low), slot)
        precondition(isRemoved)
        sources.give(slot)
    }

    @_noLocks
    private static func key(_ high: UInt64, _ low: UInt64) -> UInt64 {
        let mixed = (high ^ (low &* 0x9E37_79B9_7F4A_7C15)) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ (mixed >> 31)
    }
}
