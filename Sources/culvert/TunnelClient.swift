import EventLoop
import ServiceLifecycle
import Settings
import TunnelRunner

/// The tunnel client's machine as a service: it runs on a thread of its own, reconnecting for ever. A graceful shutdown
/// lets it leave: what is under way ends first. Cancelled, it ends at once.
final class TunnelClient: Service {
    private let runner: TunnelRunner
    private let ready: @Sendable () async -> Void

    /// Exposes every tunnel of the configuration, whose ids are complete (`KeptTunnelIDs`), as soon as `ready` returned.
    /// Serves local visitors at `sockets`. The reports may be called from any thread and do not block.
    init(
        _ configuration: ClientConfiguration, _ choice: Settings.ShellChoice, sockets: VisitorSockets,
        after ready: @escaping @Sendable () async -> Void, _ report: @escaping @Sendable (TunnelStatus) -> Void,
        visits: @escaping @Sendable (VisitStatus) -> Void
    ) throws {
        runner = try TunnelRunner(configuration, choice.loop, sockets: sockets, report, visits: visits)
        self.ready = ready
    }

    /// From now on these tunnels are wanted; their ids are complete.
    func change(to configuration: ClientConfiguration) { runner.change(to: configuration) }

    /// Counted since the start.
    var load: TunnelLoad { runner.load }

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.ready() }
        let runner = runner
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
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
            } onGracefulShutdown: {
                runner.leave()
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
