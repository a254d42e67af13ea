/// A message as MD5 and SHA-1 read it (RFC 1321 §3.1, RFC 3174 §4): blocks of 64 bytes; behind the message a one bit,
/// zeros, and at the end of the last block the message's length in bits.
enum DigestBlocks {
    @_noLocks static func count(of message: borrowing RawSpan) -> Int { (message.byteCount &+ 8) / 64 &+ 1 }

    /// One of them. The two digests differ in the order of the length's bytes.
    @_noLocks static func block(
        _ number: Int, of message: borrowing RawSpan, lengthIsBigEndian: Bool
    ) -> InlineArray<64, UInt8> {
        var block = InlineArray<64, UInt8>(repeating: 0)
        let start = number &* 64
        let rest = message.byteCount &- start
        for index in 0..<min(max(rest, 0), 64) { block[index] = ByteScan.byte(message, start &+ index) }
        if rest >= 0, rest < 64 { block[rest] = 0x80 }
        guard number &+ 1 == count(of: message) else { return block }
        let bits = UInt64(message.byteCount) &* 8
        for index in 0..<8 {
            let shift = UInt64((lengthIsBigEndian ? 7 &- index : index) &* 8)
            block[56 &+ index] = UInt8(truncatingIfNeeded: bits &>> shift)
        }
        return block
    }
}
