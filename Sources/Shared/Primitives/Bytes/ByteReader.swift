/// A cursor over bytes that a caller holds: every read is bounds-checked, and reading past the end sets `overran` for
/// good and gives zeros, so that a decoder judges once at the end instead of after every field.
///
/// It does not hold the bytes (a span in a struct could not live in a slab): each read is handed them.
package struct ByteReader: Sendable, BitwiseCopyable {
    /// Offset of the next byte.
    package var offset: Int { @_noLocks get { position } }
    private var position: Int
    /// Offset after the last byte that may be read.
    package var end: Int { @_noLocks get { limit } }
    private let limit: Int
    /// Whether a read went past `end`.
    package var overran: Bool { @_noLocks get { failed } }
    private var failed = false

    /// Reads `start ..< end`, which must be ordered; reads past the span's own end trap.
    @_noLocks package init(from start: Int, to end: Int) {
        precondition(start >= 0 && start <= end)
        position = start
        limit = end
    }

    package var remaining: Int { @_noLocks get { limit &- position } }

    /// Moves past `count` bytes and gives their offset, or nil (and `overran`) when there are fewer.
    @_noLocks package mutating func take(_ count: Int) -> Int? {
        guard !failed, count >= 0, limit &- position >= count else {
            failed = true
            return nil
        }
        let start = position
        position = position &+ count
        return start
    }

    /// The next byte; 0 and a failed reader where there is none, as in all that follow.
    @_noLocks package mutating func byte(_ bytes: borrowing RawSpan) -> UInt8 {
        guard let at = take(1) else { return 0 }
        return bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt8.self)
    }

    /// The next 2 bytes, most significant first.
    @_noLocks package mutating func big16(_ bytes: borrowing RawSpan) -> UInt16 {
        guard let at = take(2) else { return 0 }
        return UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt16.self))
    }

    /// The next 4 bytes, most significant first.
    @_noLocks package mutating func big32(_ bytes: borrowing RawSpan) -> UInt32 {
        guard let at = take(4) else { return 0 }
        return UInt32(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self))
    }

    /// The next 8 bytes, most significant first.
    @_noLocks package mutating func big64(_ bytes: borrowing RawSpan) -> UInt64 {
        guard let at = take(8) else { return 0 }
        return UInt64(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    @_noLocks package mutating func little16(_ bytes: borrowing RawSpan) -> UInt16 { big16(bytes).byteSwapped }
    @_noLocks package mutating func little32(_ bytes: borrowing RawSpan) -> UInt32 { big32(bytes).byteSwapped }
    @_noLocks package mutating func little64(_ bytes: borrowing RawSpan) -> UInt64 { big64(bytes).byteSwapped }
}
