/// Base64 with padding (RFC 4648 §4), strict: for the WebSocket keys.
package enum Base64 {
    /// Bytes of the text for `count` bytes of data.
    package static func encodedCount(_ count: Int) -> Int { (count &+ 2) / 3 &* 4 }

    /// Writes the text of `bytes`.
    @_noLocks package static func encode(_ bytes: borrowing RawSpan, to writer: inout ByteWriter) {
        var offset = 0
        let count = bytes.byteCount
        while offset < count {
            let left = min(3, count &- offset)
            var group: UInt32 = 0
            for index in 0..<3 {
                group = group &<< 8 | (index < left ? UInt32(ByteScan.byte(bytes, offset &+ index)) : 0)
            }
            for index in 0..<4 {
                let value = UInt8(truncatingIfNeeded: group &>> UInt32((3 &- index) &* 6)) & 63
                writer.byte(index <= left ? letter(value) : 0x3D)
            }
            offset = offset &+ 3
        }
    }

    /// Writes the data of the text `bytes[lower ..< upper]`; false (with some of it written) when the text is not
    /// canonical base64: its length is not a multiple of four, a letter is foreign, or padding bits are set.
    @_noLocks package static func decode(
        _ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int, to writer: inout ByteWriter
    ) -> Bool {
        guard lower <= upper, (upper &- lower) & 3 == 0 else { return false }
        var offset = lower
        while offset < upper {
            var group: UInt32 = 0
            var padding = 0
            for index in 0..<4 {
                let byte = ByteScan.byte(bytes, offset &+ index)
                if byte == 0x3D, offset &+ 4 == upper, index >= 2 {
                    padding = padding &+ 1
                    group = group &<< 6
                    continue
                }
                guard padding == 0, let value = value(byte) else { return false }
                group = group &<< 6 | UInt32(value)
            }
            if padding == 1, group & 0xFF != 0 { return false }
            if padding == 2, group & 0xFFFF != 0 { return false }
            writer.byte(UInt8(truncatingIfNeeded: group &>> 16))
            if padding < 2 { writer.byte(UInt8(truncatingIfNeeded: group &>> 8)) }
            if padding < 1 { writer.byte(UInt8(truncatingIfNeeded: group)) }
            offset = offset &+ 4
        }
        return true
    }

    @_noLocks private static func letter(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: value &+ 0x41
        case 26..<52: value &+ 71
        case 52..<62: value &- 4
        case 62: 0x2B
        default: 0x2F
        }
    }

    @_noLocks private static func value(_ letter: UInt8) -> UInt8? {
        switch letter {
        case 0x41...0x5A: letter &- 0x41
        case 0x61...0x7A: letter &- 71
        case 0x30...0x39: letter &+ 4
        case 0x2B: 62
        case 0x2F: 63
        default: nil
        }
    }
}
