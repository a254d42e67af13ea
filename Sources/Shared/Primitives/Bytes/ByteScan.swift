private import CScan

/// Searching and comparing bytes: the C library's vectorised routines where they pay, words elsewhere.
///
/// Every function checks its bounds, in release too.
package enum ByteScan {
    /// Offset of the first `byte` in `bytes[from ..< bytes.byteCount]`, or nil.
    @_noLocks package static func index(of byte: UInt8, in bytes: borrowing RawSpan, from: Int) -> Int? {
        let end = bytes.byteCount
        precondition(from >= 0 && from <= end)
        let count = end &- from
        guard count > 0 else { return nil }
        let found = bytes.withUnsafeBytes { culvert_index_of($0.baseAddress! + from, count, Int32(byte)) }
        return found < count ? from &+ found : nil
    }

    /// The offset after the first CRLF CRLF at or after `from`, or nil when the head's end has not come yet.
    @_noLocks package static func endOfHead(in bytes: borrowing RawSpan, from: Int) -> Int? {
        var position = from
        while let carriageReturn = index(of: 0x0D, in: bytes, from: position) {
            guard bytes.byteCount &- carriageReturn >= 4 else { return nil }
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: carriageReturn, as: UInt32.self)
            if UInt32(littleEndian: word) == 0x0A0D_0A0D { return carriageReturn &+ 4 }
            position = carriageReturn &+ 1
        }
        return nil
    }

    /// The byte at `offset`; traps outside the span.
    @_noLocks @inline(__always) package static func byte(_ bytes: borrowing RawSpan, _ offset: Int) -> UInt8 {
        bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    /// Whether `bytes[at ..< at + count]` equals `other[otherAt ..< otherAt + count]`.
    @_noLocks package static func equal(
        _ bytes: borrowing RawSpan, at: Int, _ other: borrowing RawSpan, at otherAt: Int, count: Int
    ) -> Bool {
        precondition(at >= 0 && otherAt >= 0 && count >= 0)
        precondition(bytes.byteCount &- at >= count && other.byteCount &- otherAt >= count)
        var offset = 0
        while count &- offset >= 8 {
            let left = bytes.unsafeLoadUnaligned(fromByteOffset: at &+ offset, as: UInt64.self)
            let right = other.unsafeLoadUnaligned(fromByteOffset: otherAt &+ offset, as: UInt64.self)
            guard left == right else { return false }
            offset = offset &+ 8
        }
        while offset < count {
            guard byte(bytes, at &+ offset) == byte(other, otherAt &+ offset) else { return false }
            offset = offset &+ 1
        }
        return true
    }

    /// Copies `bytes[from ..< from + count]` to `target`, which must have room for `count` bytes.
    @_noLocks package static func copy(
        _ bytes: borrowing RawSpan, from: Int, count: Int, to target: UnsafeMutableRawPointer
    ) {
        precondition(from >= 0 && count >= 0 && bytes.byteCount &- from >= count)
        guard count > 0 else { return }
        bytes.withUnsafeBytes { culvert_copy(target, $0.baseAddress! + from, count) }
    }

    /// Whether the bytes of `range`, letters without case, equal `text`, which must be lower-case ASCII.
    @_noLocks package static func equalsIgnoringCase(
        _ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int, _ text: StaticString
    ) -> Bool {
        let count = text.utf8CodeUnitCount
        guard upper &- lower == count else { return false }
        let expected = text.utf8Start
        for index in 0..<count {
            var found = byte(bytes, lower &+ index)
            if found >= 0x41, found <= 0x5A { found |= 0x20 }
            guard found == expected[index] else { return false }
        }
        return true
    }
}
