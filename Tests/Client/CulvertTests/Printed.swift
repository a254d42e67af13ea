import Synchronization

/// What was printed, for tests.
final class Printed: Sendable {
    private let lines: Mutex<[String]> = Mutex([])

    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
}
