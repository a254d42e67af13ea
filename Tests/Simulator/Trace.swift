import Operations
import Primitives

/// A running hash of all that can be observed: two runs are the same exactly when their hashes are (FNV-1a, 64 bits).
package struct Trace {
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    package private(set) var events: UInt64 = 0

    mutating func note(_ words: UInt64...) {
        events += 1
        for word in words { mix(word) }
    }

    mutating func note(bytes: UnsafeRawBufferPointer) {
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    private mutating func mix(_ word: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 16) {
            hash = (hash ^ (word >> shift & 0xFFFF)) &* 0x100_0000_01B3
        }
    }
}
