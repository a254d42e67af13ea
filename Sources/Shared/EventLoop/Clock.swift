internal import CLinux
package import Primitives

/// The one place that reads the monotonic clock; called once per loop turn.
package enum Clock {
    package static func now() -> Tick {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Tick(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }
}
