/// SHA-1 (RFC 3174), for the WebSocket handshake only: it proves that the peer read the request, nothing more.
///
/// Written here because pure code may not reach a C library and the data plane must not initialise one for a handshake.
package struct SHA1: BitwiseCopyable {
    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) =
        (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0)

    /// The 20-byte digest of `bytes`.
    @_noLocks package static func digest(of bytes: borrowing RawSpan) -> InlineArray<20, UInt8> {
        var hash = SHA1()
        for number in 0..<DigestBlocks.count(of: bytes) {
            hash.absorb(DigestBlocks.block(number, of: bytes, lengthIsBigEndian: true))
        }
        return hash.output
    }

    private var output: InlineArray<20, UInt8> {
        @_noLocks get {
            var digest = InlineArray<20, UInt8>(repeating: 0)
            for index in 0..<4 {
                let shift = UInt32((3 &- index) &* 8)
                digest[index] = UInt8(truncatingIfNeeded: state.0 &>> shift)
                digest[4 &+ index] = UInt8(truncatingIfNeeded: state.1 &>> shift)
                digest[8 &+ index] = UInt8(truncatingIfNeeded: state.2 &>> shift)
                digest[12 &+ index] = UInt8(truncatingIfNeeded: state.3 &>> shift)
                digest[16 &+ index] = UInt8(truncatingIfNeeded: state.4 &>> shift)
            }
            return digest
        }
    }

    @_noLocks @inline(__always) private static func rotate(_ x: UInt32, _ bits: UInt32) -> UInt32 {
        (x &<< bits) | (x &>> (32 &- bits))
    }

    @_noLocks private mutating func absorb(_ block: InlineArray<64, UInt8>) {
        var schedule = InlineArray<80, UInt32>(repeating: 0)
        for index in 0..<16 {
            let at = index &* 4
            schedule[index] =
                UInt32(block[at]) &<< 24 | UInt32(block[at &+ 1]) &<< 16 | UInt32(block[at &+ 2]) &<< 8
                | UInt32(block[at &+ 3])
        }
        for index in 16..<80 {
            schedule[index] = SHA1.rotate(
                schedule[index &- 3] ^ schedule[index &- 8] ^ schedule[index &- 14] ^ schedule[index &- 16], 1)
        }
        var (a, b, c, d, e) = state
        for index in 0..<80 {
            let mix: UInt32
            let constant: UInt32
            switch index {
            case 0..<20: (mix, constant) = ((b & c) | (~b & d), 0x5A82_7999)
            case 20..<40: (mix, constant) = (b ^ c ^ d, 0x6ED9_EBA1)
            case 40..<60: (mix, constant) = ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
            default: (mix, constant) = (b ^ c ^ d, 0xCA62_C1D6)
            }
            let next = SHA1.rotate(a, 5) &+ mix &+ e &+ constant &+ schedule[index]
            (e, d, c, b, a) = (d, c, SHA1.rotate(b, 30), a, next)
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
    }
}
