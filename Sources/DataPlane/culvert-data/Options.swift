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
    /// Only say how much memory it may come to use, by these limits.
    var printsMemory = false
    var limits = Limits()

    static let usage = """
        usage: culvert-data --control PATH [--name NAME] [--workers N] [--io auto|ring|poll] [--log json|text]

          --control PATH   the control plane's Unix socket
          --name NAME      stable name of this data plane; a process of the same name takes over its listeners (data-0)
          --workers N      threads, 1 to \(WorkerIndex.countMax); one per core when not given
          --io CHOICE      io_uring (ring), epoll (poll), or the ring where the kernel allows it (auto)
          --log FORM       json, or text; text on a terminal when not given
          --supervised     end when the parent process ends
          --print-memory   say how much memory the data plane may come to use, table by table, and end
          --limit NAME=N   a limit to print it for (docs/limits.md); in force is what the control plane says

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
            if name == "--print-memory" {
                printsMemory = true
                continue
            }
            guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                throw .wrong("\(name) needs a value")
            }
            try take(name, value)
        }
        if controlPath.isEmpty, !printsMemory { throw .wrong("--control PATH is missing") }
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
        case "--limit":
            try take(limit: value)
        default:
            throw .wrong("\(name) is not an option")
        }
    }

    /// `visitorsPerWorkerMax=1000`.
    private mutating func take(limit text: String) throws(Fault) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let limit = Limit.allCases.first(where: { "\($0)" == parts[0] }) else {
            throw .wrong("--limit: NAME=N with a name of docs/limits.md, not \"\(text)\"")
        }
        guard let value = UInt64(parts[1]), limit.row.range.contains(value) else {
            let range = limit.row.range
            throw .wrong(
                "--limit \(limit): a number from \(range.lowerBound) to \(range.upperBound), not \"\(parts[1])\"")
        }
        limits.set(limit, to: value)
    }
}
