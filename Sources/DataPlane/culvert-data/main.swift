import CLinux
import EventLoop
import Glibc
import Model
import Observe
import Worker

// culvert-data: the data plane. It has no configuration of its own; what it serves comes over the plane link.

Signals.block()
_ = culvert_raise_descriptor_limit()
do throws(Options.Fault) {
    let options = try Options(CommandLine.arguments)
    if options.isSupervised { _ = culvert_die_with_parent() }
    if options.printsMemory {
        print(Boot.memoryPlan(options).text, terminator: "")
        exit(0)
    }
    let form: LogForm = options.logsText || isatty(2) == 1 ? .text : .json
    let journal = Journal(form: form, plane: options.name)
    do throws(ShellFault) {
        try Boot(options: options, journal: journal).run()
    } catch {
        journal.write(.error, "the data plane cannot start", [("error", "\(error)")])
        exit(1)
    }
} catch {
    switch error {
    case .help:
        print(Options.usage, terminator: "")
        exit(0)
    case .wrong(let text):
        let line = "culvert-data: \(text)\n\n\(Options.usage)"
        _ = line.withCString { write(2, $0, strlen($0)) }
        exit(64)
    }
}
