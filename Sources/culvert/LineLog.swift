import EventLoop
import Glibc
import Logging
import Model
import Observe
import Settings

/// Sends what this process and its packages log to stderr, a line each, in the form that all processes share.
struct LineLog: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    let node: String

    /// A terminal is for people; anything else is for machines.
    private static let form: LogForm = isatty(STDERR_FILENO) != 0 ? .text : .json

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let milliseconds = WallClock.now()
        let time = WallTime(seconds: milliseconds / 1_000, nanoseconds: UInt32(milliseconds % 1_000) * 1_000_000)
        var line = LogLine(
            LineLog.form, at: time, LineLog.severity(event.level), event.message.description, node: node,
            plane: "culvert")
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line.put(key, value.description) }
        let bytes = line.finish()
        // One write for each line, so that those of several processes do not mix; nobody reads a failure to log.
        let put = { _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) } }
        if let status = StatusLine.ofTerminal { status.above(put) } else { put() }
    }

    private static func severity(_ level: Logger.Level) -> Severity {
        switch level {
        case .trace: .trace
        case .debug: .debug
        case .info, .notice: .info
        case .warning: .warning
        case .error, .critical: .error
        }
    }

    /// The logger of this process. The packages it uses are loud: of them only warnings are shown, unless asked for more.
    static func logger(label: String, level: LogLevel, node: String) -> Logger {
        var logger = Logger(label: label, factory: { _ in LineLog(logLevel: .info, node: node) })
        logger.logLevel =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        return logger
    }
}
