package import Primitives

/// How often the same message may be written: a burst, then silence until the window is over, then one line that says
/// how many were left out. Bounded: messages beyond `messagesMax` share one budget.
package struct LogRate: Sendable {
    /// What to do with a line.
    package enum Verdict: Equatable, Sendable {
        /// Write it; `suppressed` lines of this message were left out before.
        case write(suppressed: UInt64)
        case suppress
    }

    private struct Window {
        var start: Tick
        var written: UInt64 = 0
        var suppressed: UInt64 = 0
    }

    /// Lines of one message per window.
    package static let burstLines: UInt64 = 10
    package static let windowMilliseconds: UInt64 = 10_000
    /// Different messages that are counted on their own.
    package static let messagesMax = 256

    private var windows: [String: Window] = [:]

    package init() {}

    /// Judges one more line of `message`, which is the constant text, not its fields.
    package mutating func judge(_ message: String, at now: Tick) -> Verdict {
        let key = windows[message] != nil || windows.count < LogRate.messagesMax ? message : ""
        var window = windows[key] ?? Window(start: now)
        defer { windows[key] = window }
        let isOver = now.milliseconds(since: window.start) >= LogRate.windowMilliseconds
        if window.written < LogRate.burstLines || isOver {
            let suppressed = window.suppressed
            window = Window(start: isOver ? now : window.start, written: isOver ? 1 : window.written + 1)
            return .write(suppressed: suppressed)
        }
        window.suppressed += 1
        return .suppress
    }
}
