internal import Model

/// The routing table as a file: written once by the control plane into a sealed memory file, mapped by every data
/// plane and looked up in place.
///
/// ```
/// header   128 bytes, all numbers little-endian
///     0  magic "CULVERTR"        8  version u32          12  longest probe u32
///    16  generation u64         24  routes u64
///    32  index offset u64       40  index slots u64 (a power of two)
///    48  entries offset u64     56  entries bytes u64
///    64  hash seed u64          72  file bytes u64
///    80  wildcard depths, 2 × u64: bit d is set when the name of a wildcard has d dots
///    96  checksum u64 over bytes 0 ..< 96; the rest is zero
/// index    one u64 per slot, linear probing from hash & (slots − 1):
///            0: empty; else low 32 bits: 1 + entry offset / 8; high 32 bits: high half of the hash
/// entries  each at a multiple of 8:
///     0  ingress u16             2  flags u8               3  name bytes u8     4  zero u32
///        flags: 1 private, 2 wildcard
///     8  tunnel id, 2 × u64     24  name (without a wildcard's dot), zero to the next multiple of 8
/// ```
///
/// The checksum guards against a file of something else, not against malice: the view checks every offset it follows.
package enum RouteSnapshot {
    static let magic: UInt64 = 0x5254_5245_564C_5543
    package static let version: UInt32 = 1
    package static let headerBytes = 128
    static let checkedBytes = 96
    static var entryHeadBytes: Int { @_noLocks get { 24 } }
    static var privateFlag: UInt8 { @_noLocks get { 1 } }
    static var wildcardFlag: UInt8 { @_noLocks get { 2 } }
    /// The index's low half holds 32 bits of entry offset in units of 8 bytes.
    static let entriesBytesMax: UInt64 = 0xFFFF_FFF0 * 8
    /// Routes of one table at most; more is refused where the table is planned.
    package static let routesMax = 16_777_216

    enum Offset {
        static let magic = 0, version = 8, probeMax = 12, generation = 16, count = 24
        static let indexOffset = 32, indexSlots = 40, entriesOffset = 48, entriesBytes = 56
        static let seed = 64, fileBytes = 72, depthsLow = 80, depthsHigh = 88, checksum = 96
    }

    /// Bytes of an entry whose host has `hostBytes` bytes; a wildcard's dot may be counted or not.
    @_noLocks
    package static func entryBytes(hostBytes: Int) -> Int { entryHeadBytes &+ (hostBytes &+ 7) & ~7 }

    /// Slots for `count` routes: a power of two, at least twice as many.
    package static func indexSlots(routes count: Int) -> Int {
        var slots = 16
        while slots < count * 2 { slots *= 2 }
        return slots
    }

    /// Bytes of a file with `routes` entries that take `entriesBytes` together.
    package static func fileBytes(routes: Int, entriesBytes: Int) -> Int {
        headerBytes + indexSlots(routes: routes) * 8 + entriesBytes
    }

    /// Whether the entry, which lies in the file with the key's length, is the key's.
    @_noLocks
    static func isEntry(_ entry: UnsafeRawPointer, of key: RouteKey) -> Bool {
        let head = UInt32(littleEndian: entry.load(as: UInt32.self))
        let isWildcard = UInt8(truncatingIfNeeded: head &>> 16) & wildcardFlag != 0
        return UInt16(truncatingIfNeeded: head) == key.ingress.rawValue && Int(head &>> 24) == key.count
            && isWildcard == key.isWildcard && key.hasName(entry + entryHeadBytes)
    }

    /// The route of an entry that lies in the file.
    @_noLocks
    static func route(_ entry: UnsafeRawPointer) -> Route {
        Route(
            tunnel: TunnelID(
                high: UInt64(littleEndian: entry.load(fromByteOffset: 8, as: UInt64.self)),
                low: UInt64(littleEndian: entry.load(fromByteOffset: 16, as: UInt64.self))),
            isPrivate: entry.load(fromByteOffset: 2, as: UInt8.self) & privateFlag != 0)
    }

    static func checksum(_ header: UnsafeRawPointer) -> UInt64 {
        var state: UInt64 = 0x243F_6A88_85A3_08D3
        for offset in stride(from: 0, to: checkedBytes, by: 8) {
            let word = UInt64(littleEndian: header.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
            state ^= state &>> 29
        }
        return state
    }
}
