import EventLoop
import Settings
import TunnelRunner

/// The tunnel client's machine as a task: it runs on a thread of its own until the task is cancelled.
enum TunnelClient {
    /// Exposes every tunnel of the configuration, reconnecting for ever, and serves local visitors at `sockets`, until its
    /// task is cancelled; returns once every session is closed. Ids are complete (`KeptTunnelIDs`). The reports may be
    /// called from any thread and do not block.
    static func run(
        _ configuration: ClientConfiguration, _ choice: Settings.ShellChoice, sockets: VisitorSockets,
        _ report: @escaping @Sendable (TunnelStatus) -> Void, visits: @escaping @Sendable (VisitStatus) -> Void
    ) async throws {
        let runner = try TunnelRunner(configuration, choice.loop, sockets: sockets, report, visits: visits)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                DedicatedThread(name: "tunnels") {
                    do throws(ShellFault) {
                        try runner.run()
                        done.resume()
                    } catch {
                        done.resume(throwing: error)
                    }
                }.start()
            }
        } onCancel: {
            runner.stop()
        }
    }
}

extension Settings.ShellChoice {
    /// The same choice in the event loop's words.
    fileprivate var loop: EventLoop.ShellChoice {
        switch self {
        case .automatic: .auto
        case .ring: .ring
        case .poll: .poll
        }
    }
}
