import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A bounded number of words, first in, first out. Memory that was never used is never touched.
struct WordQueue: ~Copyable {
    private let words: UnsafeMutablePointer<UInt64>
    let capacity: Int
    private(set) var count = 0
    private var head = 0

    init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
        words = .allocate(capacity: capacity)
    }

    deinit { words.deallocate() }

    var isEmpty: Bool { @_noLocks get { count == 0 } }

    /// False when there is no room.
    @_noLocks
    mutating func append(_ word: UInt64) -> Bool {
        guard count < capacity else { return false }
        (words + (head + count) % capacity).initialize(to: word)
        count += 1
        return true
    }

    @_noLocks
    mutating func popFirst() -> UInt64? {
        guard count > 0 else { return nil }
        let word = words[head]
        head = (head + 1) % capacity
        count -= 1
        // A queue that is usually empty uses the same few words.
        if count == 0 { head = 0 }
        return word
    }
}
