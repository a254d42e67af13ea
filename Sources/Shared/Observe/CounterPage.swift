package import Model

/// One worker's counters: words in shared memory that it alone writes, by plain stores, and that the control plane
/// reads whenever it likes. Behind the counters stands one word per `Reason` for what was refused or ended.
///
/// Trivial: a pointer. The memory belongs to the shell.
package struct CounterPage: @unchecked Sendable, BitwiseCopyable {
    @usableFromInline let words: UnsafeMutablePointer<UInt64>

    init(words: UnsafeMutablePointer<UInt64>) { self.words = words }

    @_noLocks
    /// A plain store: each page has one writer.
    @inlinable package func add(_ counter: Counter, _ amount: UInt64 = 1) {
        let word = words + CounterPage.index(counter)
        word.pointee = word.pointee &+ amount
    }

    /// Counts an end or a refusal by its reason.
    @_noLocks
    @inlinable package func add(_ reason: Reason, _ amount: UInt64 = 1) {
        let word = words + (Counter.count &+ CounterPage.index(reason))
        word.pointee = word.pointee &+ amount
    }

    /// Writes a level, which goes both ways.
    @_noLocks
    @inlinable package func set(_ level: Counter, to value: UInt64) { words[CounterPage.index(level)] = value }

    /// What was counted so far.
    @_noLocks
    package func value(_ counter: Counter) -> UInt64 { words[CounterPage.index(counter)] }

    /// How often this was a reason so far.
    @_noLocks
    package func value(_ reason: Reason) -> UInt64 { words[Counter.count &+ CounterPage.index(reason)] }

    // An enumeration without payloads is its case's number in one byte; its synthesised `rawValue` is a switch that
    // the compiler does not prove free of locks. A test compares the two for every case.

    @_noLocks
    @usableFromInline static func index(_ counter: Counter) -> Int { Int(unsafeBitCast(counter, to: UInt8.self)) }

    @_noLocks
    @usableFromInline static func index(_ reason: Reason) -> Int { Int(unsafeBitCast(reason, to: UInt8.self)) }
}
