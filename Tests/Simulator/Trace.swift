import Operations
import Primitives

/// A running hash of all that can be observed: two runs are the same exactly when their hashes are.
package struct Trace {
    package private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    package private(set) var events: UInt64 = 0

    mutating func note(_ words: UInt64...) {
        events += 1
        for word in words { mix(word) }
    }

    mutating func note(bytes: UnsafeRawBufferPointer) {
        let words = bytes.count / 8
        for index in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
        for index in words * 8..<bytes.count { mix(UInt64(bytes[index])) }
    }

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        hash ^= hash >> 29
    }
}
