internal import CLinux
package import Observe
package import Primitives

/// The control plane's clocks: the one place of it that reads them.
package enum ControlClock {
    /// Monotonic; for deadlines.
    package static func now() -> Tick {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Tick(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// Only for log lines.
    package static func wallTime() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }

    /// Eight bytes of kernel randomness.
    package static func random() -> UInt64 {
        var value: UInt64 = 0
        while getrandom(&value, 8, 0) != 8 {}
        return value
    }
}
