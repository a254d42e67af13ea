import CLinux
import CSeccomp
import EventLoop
import Operations
import Primitives

// Makes a shell under a real seccomp filter, and says what came of it:
//
//     SeccompProbe ring|poll|auto setup|enter ERRNO
//
// Prints `kind: …` and `notice: …`, and echoes a byte through the shell; or prints `fault: …` and exits with 1.

/// A byte through a pair of sockets, by operations.
func echoes(_ shell: inout Shell) -> Bool {
    var pair: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0 else { return false }
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    byte.initialize(to: 42)
    defer { byte.deallocate() }
    var queue = OperationQueue(capacity: 8)
    queue.append(Operation(.provideBuffer, token: Token(.provideBuffer, slot: 0, generation: 0), descriptor: -1))
    queue.append(Operation(.receive, token: Token(.receive, slot: 1, generation: 0), descriptor: pair[0]))
    queue.append(
        Operation(
            .send, token: Token(.send, slot: 2, generation: 0), descriptor: pair[1], address: UInt(bitPattern: byte),
            length: 1))
    shell.submit(&queue)
    var now = Clock.now()
    let deadline = now.advanced(milliseconds: 5_000)
    while now < deadline {
        shell.waitForCompletions(until: deadline, now: now)
        while let completion = shell.next() {
            if completion.token.kind == .receive { return completion.result == 1 && completion.hasBuffer }
        }
        now = Clock.now()
    }
    return false
}

func say(_ line: String) {
    var line = line + "\n"
    line.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
}

func run() -> Int32 {
    let arguments = CommandLine.arguments
    guard arguments.count == 4, let choice = ShellChoice(rawValue: arguments[1]), let error = Int32(arguments[3]) else {
        say("usage: SeccompProbe ring|poll|auto setup|enter ERRNO")
        return 2
    }
    let filtered =
        arguments[2] == "setup" ? culvert_forbid_ring_setup(error) : culvert_forbid_ring_enter(error)
    guard filtered == 0 else {
        say("no filter: error \(-filtered)")
        return 3
    }
    do throws(ShellFault) {
        let memory = try BufferMemory(byteCount: 4_096)
        let geometry = BufferGeometry(
            base: memory.base, strideBytes: 4_096, headroomBytes: 0, payloadBytes: 4_096, count: 1)
        var configuration = ShellConfiguration(buffers: geometry)
        configuration.descriptorsMax = 1_024
        let chosen = try Shell.choose(choice)
        var shell = try Shell(choice, configuration)
        guard shell.kind == chosen.choice, shell.notice == chosen.notice else {
            say("the choice and the shell differ")
            return 4
        }
        say("kind: \(shell.kind.rawValue)")
        say("notice: \(shell.notice ?? "none")")
        guard echoes(&shell) else {
            say("the shell does not work")
            return 5
        }
        return 0
    } catch {
        say("fault: \(error)")
        return 1
    }
}

_exit(run())
