/// SHA-256 (RFC 6234 §6.2), and the keyed digest HMAC-SHA-256 (RFC 2104) on it.
///
/// Written here because both planes need it and pure code may not reach a C library; the data plane initialises none
/// unless TLS is configured.
package struct SHA256: BitwiseCopyable {
    /// Bytes of a digest, and of the blocks that are absorbed.
    package static let digestBytes = 32
    private static let blockBytes = 64

    private var state: InlineArray<8, UInt32> = [
        0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
    ]
    private var block = InlineArray<64, UInt8>(repeating: 0)
    private var byteCount: UInt64 = 0

    @_noLocks package init() {}

    /// Takes one more byte.
    @_noLocks package mutating func take(_ byte: UInt8) {
        block[Int(byteCount & 63)] = byte
        byteCount = byteCount &+ 1
        if byteCount & 63 == 0 { absorb() }
    }

    /// Takes more bytes.
    @_noLocks package mutating func take(_ bytes: UnsafeRawBufferPointer) {
        for index in 0..<bytes.count { take(bytes[index]) }
    }

    /// The digest of everything taken, as four big-endian words.
    @_noLocks package consuming func finish() -> InlineArray<4, UInt64> {
        let bits = byteCount &* 8
        take(0x80)
        while byteCount & 63 != 56 { take(0) }
        for index in 0..<8 { take(UInt8(truncatingIfNeeded: bits &>> UInt64((7 &- index) &* 8))) }
        var words = InlineArray<4, UInt64>(repeating: 0)
        for index in 0..<4 { words[index] = UInt64(state[index &* 2]) &<< 32 | UInt64(state[index &* 2 &+ 1]) }
        return words
    }

    // MARK: HMAC

    /// The inner hash of an HMAC with a key of 16 bytes, ready to take the message.
    @_noLocks package static func keyed(high: UInt64, low: UInt64) -> SHA256 { padded(high, low, with: 0x36) }

    /// The HMAC whose inner hash, begun by `keyed` with the same key, has taken the whole message.
    @_noLocks package static func finishKeyed(
        _ inner: consuming SHA256, high: UInt64, low: UInt64
    ) -> InlineArray<4, UInt64> {
        let digest = inner.finish()
        var outer = padded(high, low, with: 0x5C)
        outer.take(words: digest)
        return outer.finish()
    }

    /// The inner hash of an HMAC with a key of 32 bytes (four big-endian words), ready to take the message.
    @_noLocks package static func keyed(_ key: InlineArray<4, UInt64>) -> SHA256 { padded(key, with: 0x36) }

    /// The HMAC whose inner hash, begun by `keyed` with the same key, has taken the whole message.
    @_noLocks package static func finishKeyed(
        _ inner: consuming SHA256, _ key: InlineArray<4, UInt64>
    ) -> InlineArray<4, UInt64> {
        let digest = inner.finish()
        var outer = padded(key, with: 0x5C)
        outer.take(words: digest)
        return outer.finish()
    }

    /// Takes four words, most significant byte first: a digest as it is.
    @_noLocks package mutating func take(words: InlineArray<4, UInt64>) {
        for word in 0..<4 {
            for index in 0..<8 { take(UInt8(truncatingIfNeeded: words[word] &>> UInt64((7 &- index) &* 8))) }
        }
    }

    @_noLocks private static func padded(_ key: InlineArray<4, UInt64>, with pad: UInt8) -> SHA256 {
        var hash = SHA256()
        for word in 0..<4 {
            for index in 0..<8 {
                hash.take(UInt8(truncatingIfNeeded: key[word] &>> UInt64((7 &- index) &* 8)) ^ pad)
            }
        }
        for _ in digestBytes..<blockBytes { hash.take(pad) }
        return hash
    }

    @_noLocks private static func padded(_ high: UInt64, _ low: UInt64, with pad: UInt8) -> SHA256 {
        var hash = SHA256()
        for index in 0..<8 { hash.take(UInt8(truncatingIfNeeded: high &>> UInt64((7 &- index) &* 8)) ^ pad) }
        for index in 0..<8 { hash.take(UInt8(truncatingIfNeeded: low &>> UInt64((7 &- index) &* 8)) ^ pad) }
        for _ in 16..<blockBytes { hash.take(pad) }
        return hash
    }

    // MARK: One block

    @_noLocks @inline(__always) private static func rotate(_ x: UInt32, _ bits: UInt32) -> UInt32 {
        (x &>> bits) | (x &<< (32 &- bits))
    }

    @_noLocks private mutating func absorb() {
        var schedule = InlineArray<64, UInt32>(repeating: 0)
        for index in 0..<16 {
            let at = index &* 4
            schedule[index] =
                UInt32(block[at]) &<< 24 | UInt32(block[at &+ 1]) &<< 16 | UInt32(block[at &+ 2]) &<< 8
                | UInt32(block[at &+ 3])
        }
        for index in 16..<64 {
            let early = schedule[index &- 15], late = schedule[index &- 2]
            let first = SHA256.rotate(early, 7) ^ SHA256.rotate(early, 18) ^ (early &>> 3)
            let second = SHA256.rotate(late, 17) ^ SHA256.rotate(late, 19) ^ (late &>> 10)
            schedule[index] = schedule[index &- 16] &+ first &+ schedule[index &- 7] &+ second
        }
        var v = state
        for index in 0..<64 {
            let second = SHA256.rotate(v[4], 6) ^ SHA256.rotate(v[4], 11) ^ SHA256.rotate(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let mixed = v[7] &+ second &+ choice &+ SHA256.constant(index) &+ schedule[index]
            let first = SHA256.rotate(v[0], 2) ^ SHA256.rotate(v[0], 13) ^ SHA256.rotate(v[0], 22)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            v = [mixed &+ first &+ majority, v[0], v[1], v[2], v[3] &+ mixed, v[4], v[5], v[6]]
        }
        for index in 0..<8 { state[index] = state[index] &+ v[index] }
    }

    /// The round constants: fractional parts of the cube roots of the first 64 primes.
    @_noLocks @inline(__always) private static func constant(_ index: Int) -> UInt32 {
        let table: InlineArray<64, UInt32> = [
            0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
            0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
            0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
            0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
            0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
            0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
            0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
            0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
        ]
        return table[index]
    }
}
