import Primitives

/// The layer between TCP and the rest of a link's stack: TLS's place (design §7). Bytes in, bytes out, one action; a link
/// without it pays one comparison.
///
/// `records` is there for tests alone and keeps no secret: records of a two-byte big-endian length and bytes xor 0x5A, so
/// that a record's end falls anywhere in what is received and the wire's bytes are more than the plain ones, as with TLS.
package struct LinkCipher: BitwiseCopyable, Sendable {
    /// Which layer stands there.
    package enum Kind: UInt8, BitwiseCopyable, Sendable {
        case none
        case records
    }

    /// What the bytes so far hold.
    package enum Step: Equatable, BitwiseCopyable {
        case needMore
        /// `count` plain bytes at `offset` of the bytes given, where they came in.
        case plain(offset: Int, count: Int)
        case broken
    }

    package let kind: Kind
    /// Bytes of a record's length that have come.
    private var gathered: UInt8 = 0
    /// The record's length, while it is gathered; then what of the record is to come.
    private var remaining: UInt16 = 0

    package static var recordBytesMax: Int { 4_096 }
    private static var headBytes: Int { 2 }
    private static var key: UInt32 { 0x5A5A_5A5A }

    package init(_ kind: Kind) { self.kind = kind }

    var isActive: Bool { kind != .none }

    /// The next step from the wire's bytes at `cursor`.
    @_noLocks
    package mutating func open(_ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int) -> Step {
        while true {
            guard cursor < bytes.count, let base = bytes.baseAddress else { return .needMore }
            if Int(gathered) < Self.headBytes {
                remaining = remaining << 8 | UInt16(base.load(fromByteOffset: cursor, as: UInt8.self))
                gathered += 1
                cursor += 1
                if Int(gathered) == Self.headBytes, remaining == 0 || Int(remaining) > Self.recordBytesMax {
                    return .broken
                }
                continue
            }
            let count = min(bytes.count - cursor, Int(remaining))
            let offset = cursor
            Mask.apply(base + offset, count: count, key: Self.key)
            cursor += count
            remaining -= UInt16(count)
            if remaining == 0 { gathered = 0 }
            return .plain(offset: offset, count: count)
        }
    }

    /// Seals as much of `plain` as fits into `target` in whole records; how much was taken, and how much written.
    @_noLocks
    package func seal(
        _ plain: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> (taken: Int, written: Int) {
        guard let source = plain.baseAddress, let base = target.baseAddress else { return (0, 0) }
        var taken = 0
        var written = 0
        while taken < plain.count, target.count - written > Self.headBytes {
            let count = min(min(plain.count - taken, target.count - written - Self.headBytes), Self.recordBytesMax)
            base.storeBytes(of: UInt16(count).bigEndian, toByteOffset: written, as: UInt16.self)
            Mask.move(to: base + written + Self.headBytes, from: source + taken, count: count, key: Self.key)
            taken += count
            written += count + Self.headBytes
        }
        return (taken, written)
    }
}
