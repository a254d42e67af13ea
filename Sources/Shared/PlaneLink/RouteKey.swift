package import Model

/// What a route is looked up by: an ingress and a host, where a wildcard (`.example.org`) is its name without the dot
/// and a mark. So every key of the walk from a host to its parents is a piece of the host itself.
///
/// Borrows the bytes: never kept.
package struct RouteKey: BitwiseCopyable {
    package let ingress: IngressIndex
    package let isWildcard: Bool
    /// 1 … 255 bytes, lower case, without a wildcard's leading dot.
    package let bytes: UnsafeRawPointer
    package let count: Int

    /// Longest name, without a wildcard's dot.
    package static var bytesMax: Int { @_noLocks get { 255 } }

    /// A key of known kind; `count` 1 … 255.
    @_noLocks
    @inline(__always)
    package init(ingress: IngressIndex, isWildcard: Bool, bytes: UnsafeRawPointer, count: Int) {
        self.ingress = ingress
        self.isWildcard = isWildcard
        self.bytes = bytes
        self.count = count
    }

    /// The key of a host as it is written; one that begins with a dot is a wildcard. nil when it is empty, too long,
    /// or a wildcard with more dots than `WildcardDepths.depthMax`.
    @_noLocks
    package init?(ingress: IngressIndex, host: UnsafeRawBufferPointer) {
        guard let start = host.baseAddress, host.count >= 1 else { return nil }
        let isWildcard = start.load(as: UInt8.self) == 0x2E
        let bytes = isWildcard ? start + 1 : start
        let count = isWildcard ? host.count &- 1 : host.count
        guard count >= 1, count <= RouteKey.bytesMax else { return nil }
        if isWildcard, RouteKey.dots(bytes, count) > WildcardDepths.depthMax { return nil }
        self.init(ingress: ingress, isWildcard: isWildcard, bytes: bytes, count: count)
    }

    /// The dots among `count` bytes.
    @_noLocks
    static func dots(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        var dots = 0
        for index in 0..<count where bytes.load(fromByteOffset: index, as: UInt8.self) == 0x2E { dots &+= 1 }
        return dots
    }

    /// The one hash of the routing tables: 64 bits, eight bytes of the name at a time, with a seed that nobody outside
    /// knows, so that host names cannot be chosen to collide. Multiply-and-fold by 64 × 64 → 128-bit products; not
    /// cryptographic: equality is always decided by the bytes.
    @_noLocks
    package func hash(seed: UInt64) -> UInt64 {
        let head = UInt64(ingress.rawValue) &<< 32 | (isWildcard ? 1 &<< 16 : 0) | UInt64(count)
        var state = RouteKey.fold(seed ^ 0x9E37_79B9_7F4A_7C15, head ^ 0xD6E8_FEB8_6659_FD93)
        var position = 0
        while position &+ 8 <= count {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            state = RouteKey.fold(state ^ UInt64(littleEndian: word), 0xA076_1D64_78BD_642F)
            position &+= 8
        }
        if position < count {
            let rest = RouteKey.tail(bytes + position, count &- position)
            state = RouteKey.fold(state ^ rest, 0xE703_7ED1_A0B4_28DB)
        }
        return RouteKey.fold(state ^ 0x8EBC_6AF0_9C88_C6E3, seed | 1)
    }

    /// Whether the name is the same as the `count` bytes at `other`.
    @_noLocks
    func hasName(_ other: UnsafeRawPointer) -> Bool {
        var position = 0
        while position &+ 8 <= count {
            let mine = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let theirs = other.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            if mine != theirs { return false }
            position &+= 8
        }
        let rest = count &- position
        return rest == 0 || RouteKey.tail(bytes + position, rest) == RouteKey.tail(other + position, rest)
    }

    @_noLocks
    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.low ^ product.high
    }

    /// The last 1 … 7 bytes as one word, zeros above.
    @_noLocks
    @inline(__always)
    private static func tail(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var word: UInt64 = 0
        var position = 0
        if count & 4 != 0 {
            word = UInt64(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
            position = 4
        }
        if count & 2 != 0 {
            let half = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
            word |= UInt64(half) &<< UInt64(position &* 8)
            position &+= 2
        }
        if count & 1 != 0 {
            word |= UInt64(bytes.load(fromByteOffset: position, as: UInt8.self)) &<< UInt64(position &* 8)
        }
        return word
    }
}
