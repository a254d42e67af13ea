import EventLoop
import Primitives
import ServiceLifecycle
import TunnelRunner

/// Keeps the status line of a terminal up to date.
struct StatusDisplay: Service {
    let line: StatusLine
    let report: TunnelReport
    let client: TunnelClient

    static let period = Duration.seconds(1)

    /// Until the group shuts down; the line is gone then.
    func run() async throws {
        await cancelWhenGracefulShutdown { await renew() }
        line.show("")
    }

    private func renew() async {
        var before = client.load
        var instant = Clock.now()
        while !Task.isCancelled {
            try? await Task.sleep(for: StatusDisplay.period)
            let now = Clock.now()
            let load = client.load
            let passed = Double(now.milliseconds(since: instant)) / 1_000
            guard passed > 0, !Task.isCancelled else { continue }
            line.show(
                StatusText.line(report.standing, load, before: before, seconds: passed, columns: StatusLine.columns - 1)
            )
            (before, instant) = (load, now)
        }
    }
}
