import CLinux
import EventLoop
import Operations
import Primitives

// Takes signals as events of a loop: prints `ready`, then a line for each turn that signals woke, and ends at SIGTERM.

func run() throws(ShellFault) {
    Signals.block()
    let memory = try BufferMemory(byteCount: 4_096)
    let geometry = BufferGeometry(
        base: memory.base, strideBytes: 4_096, headroomBytes: 0, payloadBytes: 4_096, count: 1)
    var configuration = ShellConfiguration(buffers: geometry)
    configuration.descriptorsMax = 1_024
    var shell = try Shell(.auto, configuration)
    let signals = try SignalThread(slot: 5)
    shell.attach(signals.wake)
    // A signal that is to be ignored: it would end the process if it were not blocked.
    kill(getpid(), SIGPIPE)
    say("ready")
    while true {
        shell.waitForCompletions(until: .never, now: Clock.now())
        while let completion = shell.next() {
            guard completion.token == signals.wake.token else { continue }
            let came = signals.flags.take()
            if came.contains(.hangUp) { say("hang-up") }
            if came.contains(.interrupt) { say("interrupt") }
            if came.contains(.terminate) { return say("terminate") }
        }
    }
}

func say(_ line: String) {
    var line = line + "\n"
    line.withUTF8 { _ = write(1, $0.baseAddress, $0.count) }
}

do {
    try run()
} catch {
    say("fault: \(error)")
    _exit(1)
}
