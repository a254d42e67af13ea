import CLinux
import Synchronization

/// Where the threads of a process meet once, each bringing the descriptor that wakes it and leaving with everybody's.
final class Meeting: Sendable {
    private let descriptors: Mutex<[Int32]>
    private let missing: Atomic<Int32>

    init(_ count: Int) {
        descriptors = Mutex(Array(repeating: -1, count: count))
        missing = Atomic(Int32(count))
    }

    /// Blocks until all have come.
    func exchange(_ index: Int, _ descriptor: Int32) -> [Int32] {
        descriptors.withLock { $0[index] = descriptor }
        _ = missing.subtract(1, ordering: .acquiringAndReleasing)
        while missing.load(ordering: .acquiring) > 0 { culvert_yield() }
        return descriptors.withLock { $0 }
    }
}
