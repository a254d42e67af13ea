import EventLoop
import Model

/// The command line of `culvert-data`, read by hand: the data plane links no argument parser, because that would bring
/// Foundation.
struct Options {
    var controlPath = ""
    var name = "data-0"
    var workers = 0
    var io = ShellChoice.auto
    var isSupervised = false
    var logsText = false

    static let usage = """
        usage: culvert-data --control PATH [--name NAME] [--workers N] [--io auto|ring|poll] [--log json|text]

          --control PATH   the control plane's Unix socket
          --name NAME      stable name of this data plane; a process of the same name takes over its listeners (data-0)
          --workers N      threads, 1 to \(WorkerIndex.countMax); one per core when not given
          --io CHOICE      io_uring (ring), epoll (poll), or the ring where the kernel allows it (auto)
          --log FORM       json, or text; text on a terminal when not given
          --supervised     end when the parent process ends

        """

    enum Fault: Error {
        case help
        case wrong(String)
    }

    init(_ arguments: [String]) throws(Fault) {
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if name == "--help" || name == "-h" { throw .help }
            if name == "--supervised" {
                isSupervised = true
                continue
            }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw .wrong("\(name) needs a value")
            }
            try take(name, value)
        }
        if controlPath.isEmpty { throw .wrong("--control PATH is missing") }
    }

    private mutating func take(_ name: String, _ value: String) throws(Fault) {
        switch name {
        case "--control":
            guard value.utf8.count <= 107 else { throw .wrong("--control: a Unix socket's path has at most 107 bytes") }
            controlPath = value
        case "--name":
            guard !value.isEmpty, value.utf8.count <= 64 else { throw .wrong("--name: 1 to 64 bytes") }
            self.name = value
        case "--workers":
            guard let count = Int(value), count >= 1, count <= WorkerIndex.countMax else {
                throw .wrong("--workers: a number from 1 to \(WorkerIndex.countMax), not \"\(value)\"")
            }
            workers = count
        case "--io":
            guard let choice = ShellChoice(rawValue: value) else {
                throw .wrong("--io: auto, ring or poll, not \"\(value)\"")
            }
            io = choice
        case "--log":
            guard value == "json" || value == "text" else { throw .wrong("--log: json or text, not \"\(value)\"") }
            logsText = value == "text"
        default:
            throw .wrong("\(name) is not an option")
        }
    }
}
