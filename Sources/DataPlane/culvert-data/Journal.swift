import EventLoop
import Glibc
import Model
import Observe
import Primitives
import Synchronization

/// Log lines of this process on standard error; the workers' lines come through here, rate-limited per message.
final class Journal: Sendable {
    private let form: LogForm
    private let plane: String
    private struct State {
        var node = ""
        var rate = LogRate()
        var lowest = Severity.info
    }
    private let state = Mutex(State())

    init(form: LogForm, plane: String) {
        self.form = form
        self.plane = plane
    }

    func write(_ severity: Severity, _ message: String, _ fields: [(String, String)] = [], now: Tick = Clock.now()) {
        let line: [UInt8]? = state.withLock { state in
            guard severity >= state.lowest else { return nil }
            guard case .write(let suppressed) = state.rate.judge(message, at: now) else { return nil }
            let milliseconds = WallClock.now()
            let time = WallTime(
                seconds: milliseconds / 1_000, nanoseconds: UInt32(milliseconds % 1_000) * 1_000_000)
            var line = LogLine(form, at: time, severity, message, node: state.node, plane: plane)
            for (key, value) in fields { line.put(key, value) }
            if suppressed > 0 { line.put("suppressed", suppressed) }
            return line.finish()
        }
        guard let line else { return }
        _ = line.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
