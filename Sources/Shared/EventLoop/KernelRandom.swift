internal import CLinux

/// The kernel's randomness, for seeds at start; workers ask their shell (`randomBytes`).
package enum KernelRandom {
    /// 64 bits that nobody can guess.
    package static func seed() -> UInt64 {
        var seed: UInt64 = 0
        precondition(culvert_random(&seed, MemoryLayout<UInt64>.size) != 0, "the kernel has no randomness")
        return seed
    }
}
