import Primitives

/// The classes of bytes in HTTP/1.x heads (RFC 9110 §5.5, §5.6.2; RFC 9112 §3, §7.1).
package enum HTTPBytes {
    package static var carriageReturn: UInt8 { 0x0D }
    package static var lineFeed: UInt8 { 0x0A }
    package static var space: UInt8 { 0x20 }
    package static var tab: UInt8 { 0x09 }

    /// Letters, digits and ``!#$%&'*+-.^_`|~``.
    @_noLocks @inline(__always) package static func isToken(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        guard byte < 128 else { return false }
        return ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 == 1
    }

    /// Bytes of a field value or chunk extension: everything but controls; tab is allowed.
    @_noLocks @inline(__always) package static func isFieldValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == tab
    }

    /// Bytes of a request target: no controls, no space, no fragment mark. Bytes above 0x7F are passed on as they are,
    /// as visitors send unencoded paths.
    @_noLocks @inline(__always) package static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != 0x23
    }

    @_noLocks @inline(__always) package static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// The value of a hexadecimal digit, or nil.
    @_noLocks @inline(__always) package static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte >= 0x30, byte <= 0x39 { return byte &- 0x30 }
        let letter = byte | 0x20
        return letter >= 0x61 && letter <= 0x66 ? letter &- 87 : nil
    }

    /// Offset of the first control byte (below 0x20, or 0x7F) at or after `from`, or the span's count. By words: a word
    /// without such a byte costs four operations.
    @_noLocks package static func firstControl(in bytes: borrowing RawSpan, from: Int) -> Int {
        let count = bytes.byteCount
        var offset = from
        while count &- offset >= 8 {
            let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let found = controls(word)
            if found != 0 { return offset &+ found.trailingZeroBitCount &>> 3 }
            offset = offset &+ 8
        }
        while offset < count {
            let byte = ByteScan.byte(bytes, offset)
            if byte < 0x20 || byte == 0x7F { return offset }
            offset = offset &+ 1
        }
        return count
    }

    /// Offset of the first byte that does not belong to a token at or after `from`, or the span's count. By words where
    /// a name has letters and hyphens only, as nearly all have.
    @_noLocks package static func firstNonToken(in bytes: borrowing RawSpan, from: Int) -> Int {
        let count = bytes.byteCount
        var offset = from
        while count &- offset >= 8 {
            let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let others = nonLetters(word)
            offset = offset &+ (others == 0 ? 8 : others.trailingZeroBitCount &>> 3)
            if others == 0 { continue }
            guard isToken(ByteScan.byte(bytes, offset)) else { return offset }
            offset = offset &+ 1
        }
        while offset < count, isToken(ByteScan.byte(bytes, offset)) { offset = offset &+ 1 }
        return offset
    }

    /// Offset of the first byte that does not belong to a request target at or after `from`, or the span's count.
    @_noLocks package static func firstNonTarget(in bytes: borrowing RawSpan, from: Int, to count: Int) -> Int {
        var offset = from
        while count &- offset >= 8 {
            let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let found = controls(word) | zeros(word ^ (ones &* 0x20)) | zeros(word ^ (ones &* 0x23))
            if found != 0 { return offset &+ found.trailingZeroBitCount &>> 3 }
            offset = offset &+ 8
        }
        while offset < count, isTarget(ByteScan.byte(bytes, offset)) { offset = offset &+ 1 }
        return offset
    }

    private static var ones: UInt64 { @_noLocks get { 0x0101_0101_0101_0101 } }
    private static var tops: UInt64 { @_noLocks get { 0x8080_8080_8080_8080 } }

    /// A word whose lowest set bit lies in the first zero byte of `word`; 0 when there is none.
    @_noLocks @inline(__always) private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & tops }

    /// The top bit of every byte of `word` that is neither a letter nor a hyphen; exact for every byte.
    @_noLocks @inline(__always) private static func nonLetters(_ word: UInt64) -> UInt64 {
        // Folded to lower case and freed of the top bit, no sum below carries into the next byte.
        let folded = (word | ones &* 0x20) & ~tops
        let letters = (folded &+ ones &* (0x80 - 0x61)) & ~(folded &+ ones &* (0x80 - 0x7B))
        let notHyphen = ((word ^ ones &* 0x2D) & ~tops) &+ ~tops
        return (~letters & notHyphen | word) & tops
    }

    /// A word whose lowest set bit lies in the first control byte of `word`; 0 when there is none. (Bytes after the
    /// first one found may be marked wrongly, by borrow.)
    @_noLocks @inline(__always) private static func controls(_ word: UInt64) -> UInt64 {
        (word &- ones &* 0x20) & ~word & tops | zeros(word ^ (ones &* 0x7F))
    }
}
