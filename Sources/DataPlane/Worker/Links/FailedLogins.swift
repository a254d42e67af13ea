import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Sources that offered wrong credentials lately, and how often: what decides how long they wait for their refusal.
///
/// Of fixed size: sets of four, found by a salted hash of the source, of which the one heard of longest ago makes room.
/// A source is an IPv4 address or the first 64 bits of an IPv6 address: the smallest thing that an attacker has one of.
struct FailedLogins: ~Copyable {
    // Not private: 6.3 emits broken code for a private type that a generic member of a noncopyable struct holds.
    struct Entry: BitwiseCopyable {
        /// 0: free.
        var key: UInt64
        var last: Tick
        /// In a row: since `memoryMilliseconds` without any.
        var failures: UInt16
        /// Refusals that are kept back at the moment.
        var pending: UInt16
    }

    /// After so long without a failure a source begins anew.
    static var memoryMilliseconds: UInt64 { 60_000 }
    private static var sets: Int { 256 }
    private static var ways: Int { 4 }
    /// Sources that are kept in mind, and the bytes of each.
    static var count: Int { sets * ways }
    static var bytesPerSource: Int { MemoryLayout<Entry>.stride }

    private let entries: ZeroedTable<Entry>
    private let salt: UInt64

    /// `salt` is randomness: who shares a set with whom cannot be arranged from outside.
    init(salt: UInt64) {
        entries = ZeroedTable(count: FailedLogins.count)
        self.salt = salt
    }

    /// Refusals of the source that are kept back at the moment.
    func pending(_ source: SocketAddress) -> Int {
        find(key(source)).map { Int(entries.elements[$0].pending) } ?? 0
    }

    /// One more failure, whose refusal is kept back until `refused`. How many there were in a row, this one included.
    mutating func failed(_ source: SocketAddress, now: Tick) -> Int {
        let key = key(source)
        let place = find(key) ?? oldest(key)
        let entry = entries.elements + place
        if entry.pointee.key != key { entry.pointee = Entry(key: key, last: now, failures: 0, pending: 0) }
        if now.milliseconds(since: entry.pointee.last) >= FailedLogins.memoryMilliseconds { entry.pointee.failures = 0 }
        entry.pointee.last = now
        entry.pointee.failures = min(entry.pointee.failures, .max - 1) + 1
        entry.pointee.pending = min(entry.pointee.pending, .max - 1) + 1
        return Int(entry.pointee.failures)
    }

    /// A refusal that was kept back is out, or its connection is gone.
    @_noLocks
    mutating func refused(_ source: SocketAddress) {
        // It may have made room for another source meanwhile.
        guard let place = find(key(source)), entries.elements[place].pending > 0 else { return }
        entries.elements[place].pending -= 1
    }

    @_noLocks
    private func key(_ source: SocketAddress) -> UInt64 {
        var hash = (source.high ^ salt) &* 0x9E37_79B9_7F4A_7C15
        if source.ipv4 != nil { hash ^= source.low &* 0xD6E8_FEB8_6659_FD93 }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        return max(hash ^ hash >> 29, 1)
    }

    @_noLocks
    private func first(_ key: UInt64) -> Int { Int(key % UInt64(FailedLogins.sets)) * FailedLogins.ways }

    @_noLocks
    private func find(_ key: UInt64) -> Int? {
        let first = first(key)
        for place in first..<first + FailedLogins.ways where entries.elements[place].key == key { return place }
        return nil
    }

    private func oldest(_ key: UInt64) -> Int {
        let first = first(key)
        var oldest = first
        for place in first..<first + FailedLogins.ways {
            if entries.elements[place].key == 0 { return place }
            if entries.elements[place].last < entries.elements[oldest].last { oldest = place }
        }
        return oldest
    }
}
