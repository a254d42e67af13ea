/// WebSocket masking (RFC 6455 §5.3): XOR with a four-byte key that repeats, by words.
///
/// A key is the four bytes as they stand on the wire, loaded as a little-endian number; a *phase* (0 … 3) is the number
/// of payload bytes, modulo four, that the key has already been applied to.
package enum Mask {
    /// The key as it applies to the byte after `count` more payload bytes.
    @_noLocks @inline(__always) package static func rotated(_ key: UInt32, by count: Int) -> UInt32 {
        let bits = UInt32(truncatingIfNeeded: (count & 3) &* 8)
        return bits == 0 ? key : (key &>> bits) | (key &<< (32 &- bits))
    }

    /// Masks or unmasks `count` bytes at `bytes` in place, starting at `phase`.
    @_noLocks package static func apply(
        _ bytes: UnsafeMutableRawPointer, count: Int, key: UInt32, phase: Int = 0
    ) {
        move(to: bytes, from: UnsafeRawPointer(bytes), count: count, key: key, phase: phase)
    }

    /// Unmasks `count` bytes at `source` while moving them to `target`: one pass for "unmask and compact". The ranges
    /// may overlap when `target` is not above `source`.
    @_noLocks package static func move(
        to target: UnsafeMutableRawPointer, from source: UnsafeRawPointer, count: Int, key: UInt32, phase: Int = 0
    ) {
        precondition(count >= 0)
        let narrow = rotated(key, by: phase)
        let wide = UInt64(narrow) | UInt64(narrow) &<< 32
        var offset = 0
        // Four words a turn. Loads come before stores: a target below the source may overlap what is still to be read.
        while count &- offset >= 32 {
            let a = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let b = source.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
            let c = source.loadUnaligned(fromByteOffset: offset &+ 16, as: UInt64.self)
            let d = source.loadUnaligned(fromByteOffset: offset &+ 24, as: UInt64.self)
            target.storeBytes(of: a ^ wide.littleEndian, toByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: b ^ wide.littleEndian, toByteOffset: offset &+ 8, as: UInt64.self)
            target.storeBytes(of: c ^ wide.littleEndian, toByteOffset: offset &+ 16, as: UInt64.self)
            target.storeBytes(of: d ^ wide.littleEndian, toByteOffset: offset &+ 24, as: UInt64.self)
            offset = offset &+ 32
        }
        while count &- offset >= 8 {
            let word = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: word ^ wide.littleEndian, toByteOffset: offset, as: UInt64.self)
            offset = offset &+ 8
        }
        var rest = wide
        while offset < count {
            let byte = source.load(fromByteOffset: offset, as: UInt8.self)
            target.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: offset, as: UInt8.self)
            rest = rest &>> 8
            offset = offset &+ 1
        }
    }
}
