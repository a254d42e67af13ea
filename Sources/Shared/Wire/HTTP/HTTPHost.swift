import Primitives

/// The judgement of a Host value or an authority: `uri-host [":" port]` (RFC 9110 §7.2), narrower than the URI grammar:
/// letters, digits, `-`, `.`, `_` or a bracketed IPv6 literal. Anything else could not be routed and only serves to be
/// read differently by two parties.
package enum HTTPHost {
    /// Longest name, without port, that is accepted.
    package static var bytesMax: Int { @_noLocks get { 253 } }

    /// Whether `bytes[start ..< end]` is acceptable; an empty value is not.
    @_noLocks package static func isValid(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> Bool {
        guard let nameEnd = nameEnd(bytes, start, end), nameEnd > start, nameEnd &- start <= bytesMax else {
            return false
        }
        guard nameEnd < end else { return true }
        guard ByteScan.byte(bytes, nameEnd) == 0x3A, end &- nameEnd <= 6 else { return false }
        var port = 0
        for offset in nameEnd &+ 1..<end {
            let byte = ByteScan.byte(bytes, offset)
            guard HTTPBytes.isDigit(byte) else { return false }
            port = port &* 10 &+ Int(byte &- 0x30)
        }
        return port <= 65_535
    }

    /// Offset after the name (before the port's colon), or nil when a byte does not belong there.
    @_noLocks package static func nameEnd(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> Int? {
        guard start < end else { return nil }
        var offset = start
        if ByteScan.byte(bytes, start) == 0x5B {
            offset = offset &+ 1
            while offset < end {
                let byte = ByteScan.byte(bytes, offset)
                if byte == 0x5D { return offset > start &+ 2 ? offset &+ 1 : nil }
                guard HTTPBytes.hexValue(byte) != nil || byte == 0x3A || byte == 0x2E else { return nil }
                offset = offset &+ 1
            }
            return nil
        }
        while offset < end {
            let byte = ByteScan.byte(bytes, offset)
            if byte == 0x3A { return offset }
            let letter = byte | 0x20
            guard
                letter >= 0x61 && letter <= 0x7A || HTTPBytes.isDigit(byte) || byte == 0x2D || byte == 0x2E
                    || byte == 0x5F
            else { return nil }
            offset = offset &+ 1
        }
        return end
    }
}
