import Glibc
import ServiceLifecycle
import UnixSignals

/// The second SIGTERM or SIGINT ends the program at once; its children end with it.
struct Impatience: Service {
    /// Clears away what would be left behind.
    let farewell: @Sendable () -> Void

    static let signals: [UnixSignal] = [.sigterm, .sigint]

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: Impatience.signals)
        let watch = Task {
            var count = 0
            for await _ in signals {
                count += 1
                guard count > 1 else { continue }
                farewell()
                _exit(1)
            }
        }
        // The watch goes on while the others shut down, and ends with the program.
        try? await gracefulShutdown()
        _ = watch
    }
}
