import EventLoop
import Foundation
import Glibc
import Logging
import ServiceLifecycle
import Testing

@testable import culvert

/// Real processes: what they inherit, how they end, and that nothing is left of them.
struct SupervisorTests {
    private var logger: Logger {
        var logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        return logger
    }

    private func shell(_ script: String) -> ChildCommand {
        ChildCommand(name: "sh", file: "/bin/sh", arguments: ["-c", script])
    }

    private func ending(of script: String) throws -> Supervision.Ending {
        switch ChildProcess.start(shell(script)) {
        case .success(let child):
            let id = child.id
            var children = RunningChildren(count: 1)
            children.add(child, at: 0)
            let ended = children.wait(wake: -1, milliseconds: 20_000)
            #expect(kill(id, 0) == -1 && errno == ESRCH, "no zombie is left")
            return try #require(ended.first).1
        case .failure(let fault):
            Issue.record("not started: \(fault.number)")
            return .notStarted(fault.number)
        }
    }

    @Test(
        arguments: [
            ("exit 0", .exit(0)), ("exit 78", .exit(78)), ("kill -9 $$", .signal(9)), ("kill -TERM $$", .signal(15)),
            // No signal is blocked.
            ("exec grep -q 'SigBlk:.0*$' /proc/self/status", .exit(0)),
            // Its own process group.
            ("test $(cut -d' ' -f5 /proc/$$/stat) = $$", .exit(0)),
        ] as [(String, Supervision.Ending)])
    func aChildIsAFreshProcess(script: String, expected: Supervision.Ending) throws {
        #expect(try ending(of: script) == expected)
    }

    @Test func aChildInheritsNoDescriptor() throws {
        // `dup` gives one that is not closed on exec.
        let open = dup(2)
        defer { close(open) }
        #expect(try ending(of: "test -e /proc/$$/fd/2 && test ! -e /proc/$$/fd/\(open)") == .exit(0))
    }

    @Test func aFileThatIsNoProgramIsSaid() {
        let result = ChildProcess.start(ChildCommand(name: "x", file: "/nonexistent/program", arguments: []))
        guard case .failure(let fault) = result else { return #expect(Bool(false), "it cannot have started") }
        #expect(fault.number == ENOENT)
    }

    @Test func aConfigurationFaultEndsTheOthersToo() async throws {
        let supervisor = Supervisor([shell("exec sleep 1000"), shell("exit 78")], logger: logger)
        await #expect(throws: Supervisor.ConfigurationFault.self) { try await supervisor.run() }
    }

    @Test func aGracefulShutdownEndsTheChildren() async throws {
        let mark = NSTemporaryDirectory() + "culvert-mark-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: mark) }
        let script = "trap 'echo ended > \(mark); exit 0' TERM; echo started > \(mark); while :; do sleep 0.01; done"
        let group = ServiceGroup(services: [Supervisor([shell(script)], logger: logger)], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            while (try? String(contentsOfFile: mark, encoding: .utf8)) != "started\n" { await Task.yield() }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(try String(contentsOfFile: mark, encoding: .utf8) == "ended\n")
    }
}
