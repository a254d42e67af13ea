internal import CLinux
package import Primitives

/// The one place that reads the monotonic clock; called once per loop turn.
package enum Clock {
    @_noLocks
    package static func now() -> Tick { Tick(nanoseconds: culvert_clock()) }
}
