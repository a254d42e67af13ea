import CLinux
import EventLoop
import Glibc
import Model
import Observe
import Primitives
import Synchronization
import Worker

/// The log of this process on standard error, one line per event, rate-limited per message.
///
/// Whoever reads it may be slow, so workers never write it themselves: they `post` into a bounded queue, and a thread
/// of the journal's own writes. Lines that find the queue full are counted and dropped.
final class Journal: Sendable {
    /// Lines that may wait to be written.
    static let linesMax = 1_024

    private let form: LogForm
    private let plane: String
    private struct State {
        var node = ""
        var rate = LogRate()
        var lowest = Severity.info
        var lines: [[UInt8]] = []
        /// Lines dropped since the last one that was queued.
        var dropped: UInt64 = 0
    }
    private let state = Mutex(State())
    /// Held while lines are written, so that they stay whole and in order.
    private let output = Mutex(())
    private let wake: Int32

    init(form: LogForm, plane: String) {
        self.form = form
        self.plane = plane
        wake = culvert_eventfd()
    }

    /// Starts the thread that writes what is posted.
    func start() throws(ShellFault) {
        guard wake >= 0 else { throw ShellFault(call: .eventfd, error: -wake) }
        let thread = try WorkerThread(name: "journal") { [self] in
            var waiting = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
            while true {
                var count: UInt64 = 0
                if poll(&waiting, 1, -1) > 0 { _ = Glibc.read(wake, &count, 8) }
                flush()
            }
        }
        _ = consume thread
    }

    /// Queues a line. False when nothing will be written: too many of this kind, or too many wait. `kind` is what is
    /// counted together, `suppressed` how many were left out before this one came here.
    @discardableResult
    func post(
        _ severity: Severity, _ message: String, _ fields: [(String, String)] = [], kind: String? = nil,
        suppressed: UInt64 = 0, now: Tick = Clock.now()
    ) -> Bool {
        let isQueued = state.withLock { state in
            guard severity >= state.lowest else { return true }
            guard case .write(let others) = state.rate.judge(kind ?? message, at: now) else { return false }
            guard state.lines.count < Journal.linesMax else {
                state.dropped += 1
                return false
            }
            let milliseconds = WallClock.now()
            let time = WallTime(
                seconds: milliseconds / 1_000, nanoseconds: UInt32(milliseconds % 1_000) * 1_000_000)
            var line = LogLine(form, at: time, severity, message, node: state.node, plane: plane)
            for (key, value) in fields { line.put(key, value) }
            let left = others + suppressed + state.dropped
            state.dropped = 0
            if left > 0 { line.put("suppressed", left) }
            state.lines.append(line.finish())
            return true
        }
        if isQueued { _ = culvert_wake(wake) }
        return isQueued
    }

    /// Writes a line and everything that waits, now: before the threads start, and before the process ends.
    func write(_ severity: Severity, _ message: String, _ fields: [(String, String)] = []) {
        post(severity, message, fields)
        flush()
    }

    private func flush() {
        output.withLock { _ in
            let lines = state.withLock { state in
                defer { state.lines = [] }
                return state.lines
            }
            for line in lines { _ = line.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) } }
        }
    }

    /// A worker's refusal. False as for `post`.
    func post(_ refusal: Refusal, worker: Int, now: Tick) -> Bool {
        var fields = [("reason", refusal.reason.label)]
        if refusal.source != .unknown { fields.append(("source", refusal.source.text)) }
        if !refusal.tunnel.isZero { fields.append(("tunnel", refusal.tunnel.shortText)) }
        if !refusal.host.isEmpty { fields.append(("host", Journal.shown(refusal.host.string))) }
        fields.append(("worker", String(worker)))
        return post(
            refusal.reason.severity, "refused", fields, kind: "refused \(refusal.reason.label)",
            suppressed: refusal.suppressed, now: now)
    }

    /// A visitor may have asked for a tunnel's id as a host name: that is a secret wherever it stands.
    private static func shown(_ host: String) -> String {
        host.split(separator: ".", omittingEmptySubsequences: false)
            .map { TunnelID(String($0))?.shortText ?? String($0) }
            .joined(separator: ".")
    }
}
