/// A monotonic instant, in nanoseconds since an arbitrary origin.
///
/// Instants are arguments: exactly one place reads the clock (`EventLoop`), once per loop turn.
package struct Tick: Comparable, Hashable, Sendable, BitwiseCopyable {
    package var nanoseconds: UInt64

    @_noLocks @inlinable
    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @_noLocks @inlinable
    package static func < (left: Tick, right: Tick) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `milliseconds` later.
    @_noLocks @inlinable package func advanced(milliseconds: UInt64) -> Tick {
        Tick(nanoseconds: nanoseconds &+ milliseconds &* 1_000_000)
    }

    /// Whole milliseconds since `earlier`; 0 if `earlier` is not in the past.
    @_noLocks @inlinable package func milliseconds(since earlier: Tick) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? (nanoseconds &- earlier.nanoseconds) / 1_000_000 : 0
    }

    /// An instant that never comes.
    @inlinable package static var never: Tick { @_noLocks get { Tick(nanoseconds: .max) } }
    @inlinable package static var zero: Tick { @_noLocks get { Tick(nanoseconds: 0) } }
}
