/// xoshiro256** (Blackman, Vigna 2018): the only generator of pure code, seeded from outside.
///
/// A worker seeds it from the kernel at start; the simulator seeds it from its seed. Connector ids and nonces, which
/// must not be guessable, take their bytes from kernel randomness handed in by the shell, not from here.
package struct Random: RandomNumberGenerator, Sendable, BitwiseCopyable {
    private var a: UInt64, b: UInt64, c: UInt64, d: UInt64

    /// Spreads `seed` over the state by SplitMix64; every seed, zero included, is good.
    package init(seed: UInt64) {
        var x = seed
        func next() -> UInt64 {
            x = x &+ 0x9E37_79B9_7F4A_7C15
            var z = x
            z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z &>> 31)
        }
        a = next()
        b = next()
        c = next()
        d = next()
    }

    @inline(__always)
    private static func rotate(_ x: UInt64, _ k: UInt64) -> UInt64 { (x &<< k) | (x &>> (64 &- k)) }

    @_noLocks
    package mutating func next() -> UInt64 {
        let result = Random.rotate(b &* 5, 7) &* 9
        let t = b &<< 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= t
        d = Random.rotate(d, 45)
        return result
    }

    /// A number in `0 ..< bound`; the bias of the multiply-shift method is below 2⁻³² for the bounds used here.
    @_noLocks
    package mutating func below(_ bound: UInt32) -> UInt32 {
        precondition(bound > 0)
        return UInt32(truncatingIfNeeded: ((next() &>> 32) &* UInt64(bound)) &>> 32)
    }
}
