/// MD5 (RFC 1321), for the endpoint label of a tunnel only (protocol relay §6): a stable short name, not a protection.
///
/// Written here because pure code may not reach a C library and the data plane must not initialise one for a label.
package struct MD5: BitwiseCopyable {
    private var state: (UInt32, UInt32, UInt32, UInt32) = (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476)

    /// The 16-byte digest of `bytes`.
    @_noLocks package static func digest(of bytes: borrowing RawSpan) -> InlineArray<16, UInt8> {
        var hash = MD5()
        for number in 0..<DigestBlocks.count(of: bytes) {
            hash.absorb(DigestBlocks.block(number, of: bytes, lengthIsBigEndian: false))
        }
        return hash.output
    }

    private var output: InlineArray<16, UInt8> {
        @_noLocks get {
            var digest = InlineArray<16, UInt8>(repeating: 0)
            for index in 0..<4 {
                let shift = UInt32(index &* 8)
                digest[index] = UInt8(truncatingIfNeeded: state.0 &>> shift)
                digest[4 &+ index] = UInt8(truncatingIfNeeded: state.1 &>> shift)
                digest[8 &+ index] = UInt8(truncatingIfNeeded: state.2 &>> shift)
                digest[12 &+ index] = UInt8(truncatingIfNeeded: state.3 &>> shift)
            }
            return digest
        }
    }

    @_noLocks private mutating func absorb(_ block: InlineArray<64, UInt8>) {
        let constants: InlineArray<64, UInt32> = [
            0xD76A_A478, 0xE8C7_B756, 0x2420_70DB, 0xC1BD_CEEE,
            0xF57C_0FAF, 0x4787_C62A, 0xA830_4613, 0xFD46_9501,
            0x6980_98D8, 0x8B44_F7AF, 0xFFFF_5BB1, 0x895C_D7BE,
            0x6B90_1122, 0xFD98_7193, 0xA679_438E, 0x49B4_0821,
            0xF61E_2562, 0xC040_B340, 0x265E_5A51, 0xE9B6_C7AA,
            0xD62F_105D, 0x0244_1453, 0xD8A1_E681, 0xE7D3_FBC8,
            0x21E1_CDE6, 0xC337_07D6, 0xF4D5_0D87, 0x455A_14ED,
            0xA9E3_E905, 0xFCEF_A3F8, 0x676F_02D9, 0x8D2A_4C8A,
            0xFFFA_3942, 0x8771_F681, 0x6D9D_6122, 0xFDE5_380C,
            0xA4BE_EA44, 0x4BDE_CFA9, 0xF6BB_4B60, 0xBEBF_BC70,
            0x289B_7EC6, 0xEAA1_27FA, 0xD4EF_3085, 0x0488_1D05,
            0xD9D4_D039, 0xE6DB_99E5, 0x1FA2_7CF8, 0xC4AC_5665,
            0xF429_2244, 0x432A_FF97, 0xAB94_23A7, 0xFC93_A039,
            0x655B_59C3, 0x8F0C_CC92, 0xFFEF_F47D, 0x8584_5DD1,
            0x6FA8_7E4F, 0xFE2C_E6E0, 0xA301_4314, 0x4E08_11A1,
            0xF753_7E82, 0xBD3A_F235, 0x2AD7_D2BB, 0xEB86_D391,
        ]
        // The shifts of the four rounds, four each.
        let shifts: InlineArray<16, UInt32> = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]
        var (a, b, c, d) = state
        for index in 0..<64 {
            let mix: UInt32
            let word: Int
            switch index {
            case 0..<16: (mix, word) = ((b & c) | (~b & d), index)
            case 16..<32: (mix, word) = ((d & b) | (~d & c), (5 &* index &+ 1) & 15)
            case 32..<48: (mix, word) = (b ^ c ^ d, (3 &* index &+ 5) & 15)
            default: (mix, word) = (c ^ (b | ~d), (7 &* index) & 15)
            }
            let at = word &* 4
            let input =
                UInt32(block[at]) | UInt32(block[at &+ 1]) &<< 8 | UInt32(block[at &+ 2]) &<< 16
                | UInt32(block[at &+ 3]) &<< 24
            let sum = a &+ mix &+ constants[index] &+ input
            let shift = shifts[(index &>> 4) &* 4 &+ (index & 3)]
            (a, d, c, b) = (d, c, b, b &+ ((sum &<< shift) | (sum &>> (32 &- shift))))
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
    }
}
