internal import CLinux

/// The wall clock, for log lines, stored values and HTTP dates. Never for deadlines.
package enum WallClock {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    package static func now() -> Int64 { culvert_wall_clock() }
}
