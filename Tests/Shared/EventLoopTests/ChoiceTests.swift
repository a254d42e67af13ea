import Foundation
import Testing

/// The choice between the shells under a real seccomp filter, and signals, each in a process of its own.
@Suite struct ChoiceTests {
    /// A helper that was built beside the tests.
    private static func process(_ name: String, _ arguments: [String]) throws -> (process: Process, output: Pipe) {
        let tests = URL(fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let process = Process()
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent(name)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        return (process, output)
    }

    private static func run(_ name: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let (process, output) = try process(name, arguments)
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self))
    }

    /// `auto` takes readiness and says why and what to do, in one line.
    @Test(arguments: [("setup", EPERM), ("setup", ENOSYS), ("enter", EPERM)])
    func autoFallsBack(call: String, error: Int32) throws {
        let (status, output) = try Self.run("SeccompProbe", "auto", call, String(error))
        #expect(status == 0, "\(output)")
        let lines = output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0] == "kind: poll")
        #expect(lines[1].hasPrefix("notice: using readiness (epoll)"))
        #expect(lines[1].contains("io_uring_\(call)"))
        #expect(lines[1].contains("seccomp"))
        #expect(lines[1].contains("error \(error)"))
    }

    /// `ring` does not start, and says why and what to do.
    @Test(arguments: [("setup", EPERM), ("setup", ENOSYS), ("enter", EPERM)])
    func ringRefuses(call: String, error: Int32) throws {
        let (status, output) = try Self.run("SeccompProbe", "ring", call, String(error))
        #expect(status == 1)
        #expect(output.hasPrefix("fault: "))
        for part in ["io_uring_\(call)", "seccomp", "--io poll", "error \(error)"] {
            #expect(output.contains(part), "\(part) in \(output)")
        }
    }

    @Test func pollNeverAsks() throws {
        let (status, output) = try Self.run("SeccompProbe", "poll", "setup", String(EPERM))
        #expect(status == 0)
        #expect(output == "kind: poll\nnotice: none\n")
    }

    @Test func signalsAreEvents() throws {
        let (process, output) = try Self.process("SignalProbe", [])
        let lines = output.fileHandleForReading
        var text = ""
        func waitFor(_ line: String) {
            while !text.contains(line + "\n") {
                let more = lines.availableData
                guard !more.isEmpty else { break }
                text += String(decoding: more, as: UTF8.self)
            }
            #expect(text.contains(line + "\n"), "\(line) in \(text)")
        }
        waitFor("ready")
        kill(process.processIdentifier, SIGHUP)
        waitFor("hang-up")
        kill(process.processIdentifier, SIGINT)
        waitFor("interrupt")
        kill(process.processIdentifier, SIGTERM)
        waitFor("terminate")
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
