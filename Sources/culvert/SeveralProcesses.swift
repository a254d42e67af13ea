import Foundation
import Logging
import ServiceLifecycle
import Settings
import UnixSignals

/// Runs each argument list between ` -- ` in a process of its own, and starts again what ends.
struct SeveralProcesses {
    /// A client among them may need a while to leave, and has its own bound.
    private static let stopGraceMilliseconds: UInt64 = 600_000

    private let commands: [ChildCommand]

    init(_ processes: [[String]]) {
        let file = NodeRun.executable()
        commands = processes.enumerated().map { number, arguments in
            ChildCommand(name: "process \(number + 1)", file: file, arguments: arguments + ["--supervised"])
        }
    }

    /// Ends with the program: 0 after a signal, 78 when one of them refused its arguments. SIGHUP is passed on.
    func run() async -> Never {
        let logger = LineLog.logger(label: "culvert", level: .info, node: ProcessInfo.processInfo.hostName)
        var quiet = logger
        quiet.logLevel = .warning
        let supervisor = Supervisor(
            commands, logger: logger, stopGraceMilliseconds: SeveralProcesses.stopGraceMilliseconds)
        let hangUps = LeafService {
            for await _ in await UnixSignalsSequence(trapping: .sighup) { supervisor.hangUp() }
        }
        let group = ServiceGroup(
            services: [supervisor, hangUps, Impatience {}], gracefulShutdownSignals: Impatience.signals, logger: quiet)
        do {
            try await group.run()
            exit(0)
        } catch {
            exit(error is Supervisor.ConfigurationFault ? 78 : 1)
        }
    }
}
