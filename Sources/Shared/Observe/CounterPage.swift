package import Model

/// One worker's counters: words in shared memory that it alone writes, by plain stores, and that the control plane
/// reads whenever it likes. Behind the counters stands one word per `Reason` for what was refused or ended.
///
/// Trivial: a pointer. The memory belongs to the shell.
package struct CounterPage: @unchecked Sendable, BitwiseCopyable {
    @usableFromInline let words: UnsafeMutablePointer<UInt64>

    init(words: UnsafeMutablePointer<UInt64>) { self.words = words }

    @_noLocks
    @inlinable package func add(_ counter: Counter, _ amount: UInt64 = 1) {
        let word = words + Int(counter.rawValue)
        word.pointee = word.pointee &+ amount
    }

    /// Counts an end or a refusal by its reason.
    @_noLocks
    @inlinable package func add(_ reason: Reason, _ amount: UInt64 = 1) {
        let word = words + (Counter.count &+ Int(reason.rawValue))
        word.pointee = word.pointee &+ amount
    }

    /// What was counted so far.
    @_noLocks
    package func value(_ counter: Counter) -> UInt64 { words[Int(counter.rawValue)] }

    /// How often this was a reason so far.
    @_noLocks
    package func value(_ reason: Reason) -> UInt64 { words[Counter.count &+ Int(reason.rawValue)] }
}
