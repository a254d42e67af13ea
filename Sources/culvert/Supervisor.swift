import CLinux
import EventLoop
import Glibc
import Logging
import Primitives
import ServiceLifecycle
import Synchronization

/// Runs a node's processes until it is told to stop: performs what `Supervision` decides, on a thread of its own that
/// lives as long as the children.
final class Supervisor: Service {
    /// One of the children refused its configuration and has said why.
    struct ConfigurationFault: Error {
        var child: String
    }

    /// What one of the children needs at its first start is not to be had; it has said what.
    struct UnavailableFault: Error {
        var child: String
    }

    private let commands: [ChildCommand]
    private let logger: Logger
    private let stopGraceMilliseconds: UInt64
    /// An eventfd; written when the thread is to stop.
    private let wake: Int32
    private let isStopping = Atomic<Bool>(false)
    private let hangsUp = Atomic<Bool>(false)

    init(
        _ commands: [ChildCommand], logger: Logger,
        stopGraceMilliseconds: UInt64 = Supervision.stopGraceMilliseconds
    ) {
        self.commands = commands
        self.stopGraceMilliseconds = stopGraceMilliseconds
        self.logger = logger
        wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        precondition(wake >= 0, "no descriptor for an event")
    }

    deinit { close(wake) }

    /// Returns when every child has ended after a shutdown; throws when one refused its configuration.
    func run() async throws {
        let outcome = await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                let thread = DedicatedThread(name: "supervisor") { continuation.resume(returning: self.loop()) }
                thread.start()
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
        switch outcome {
        case .stopped: break
        case .configuration(let child): throw ConfigurationFault(child: commands[child].name)
        case .unavailable(let child): throw UnavailableFault(child: commands[child].name)
        }
    }

    /// Passes a SIGHUP on to every child.
    func hangUp() {
        hangsUp.store(true, ordering: .releasing)
        eventfd_write(wake, 1)
    }

    private func stop() {
        isStopping.store(true, ordering: .releasing)
        eventfd_write(wake, 1)
    }

    private func loop() -> Supervision.Outcome {
        var supervision = Supervision(
            count: commands.count, now: Clock.now(), stopGraceMilliseconds: stopGraceMilliseconds)
        var running = RunningChildren(count: commands.count)
        var effects: [Supervision.Effect] = []
        var hasStopped = false
        while true {
            effects += supervision.turn(now: Clock.now())
            while !effects.isEmpty {
                if let outcome = perform(effects.removeFirst(), &supervision, &running, &effects) { return outcome }
            }
            let deadline = supervision.nextDeadline
            let ended = running.wait(wake: wake, milliseconds: Supervisor.timeout(until: deadline))
            for (index, ending) in ended { effects += supervision.ended(index, ending, now: Clock.now()) }
            if hangsUp.exchange(false, ordering: .acquiring) {
                for index in commands.indices { running.send(SIGHUP, to: index) }
            }
            if isStopping.load(ordering: .acquiring), !hasStopped {
                hasStopped = true
                effects += supervision.stop(now: Clock.now())
            }
        }
    }

    /// The outcome, when this was the last effect.
    private func perform(
        _ effect: Supervision.Effect, _ supervision: inout Supervision, _ running: inout RunningChildren,
        _ effects: inout [Supervision.Effect]
    ) -> Supervision.Outcome? {
        switch effect {
        case .start(let index):
            let command = commands[index]
            switch ChildProcess.start(command) {
            case .success(let child):
                logger.debug("process started", metadata: ["process": "\(command.name)", "pid": "\(child.id)"])
                running.add(child, at: index)
            case .failure(let fault):
                effects += supervision.ended(index, .notStarted(fault.number), now: Clock.now())
            }
        case .terminate(let index): running.send(SIGTERM, to: index)
        case .kill(let index):
            logger.warning("process did not end in time: killed", metadata: ["process": "\(commands[index].name)"])
            running.send(SIGKILL, to: index)
        case .report(let index, let ending, let milliseconds):
            logger.error(
                "process ended: starting it again",
                metadata: [
                    "process": "\(commands[index].name)", "why": "\(ending.text)", "retry_ms": "\(milliseconds)",
                ])
        case .finish(let outcome): return outcome
        }
        return nil
    }

    /// For poll: rounded up, so that it never spins before a deadline; -1 for ever.
    private static func timeout(until deadline: Tick) -> Int32 {
        guard deadline < .never else { return -1 }
        let now = Clock.now()
        return deadline <= now ? 0 : Int32(clamping: deadline.milliseconds(since: now) + 1)
    }
}

extension Supervision.Ending {
    /// For a person: `exit status 1`, `signal 9 (Killed)`.
    var text: String {
        switch self {
        case .exit(let code): "exit status \(code)"
        case .signal(let number): "signal \(number) (\(String(cString: strsignal(number))))"
        case .notStarted(let number): "could not be started: \(String(cString: strerror(number)))"
        }
    }
}
