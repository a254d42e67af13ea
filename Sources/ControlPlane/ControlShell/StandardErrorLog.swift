internal import CLinux
package import Logging
internal import Model
internal import Observe
internal import Synchronization

/// The backend of swift-log in the control plane: one line per event on standard error, in the same form and with the
/// same fields as the data plane's lines, and with the same bound on repetition.
package struct StandardErrorLog: LogHandler {
    package var logLevel: Logger.Level = .info
    package var metadata: Logger.Metadata = [:]
    private let node: String
    private let form: LogForm
    private let rate: SharedLogRate

    /// Lines carry the node's name; a terminal gets text, everything else JSON.
    package init(node: String) {
        self.node = node
        form = isatty(2) == 1 ? .text : .json
        rate = SharedLogRate()
    }

    /// Fields of every line of this logger.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line, or none when its message comes too often.
    package func log(event: LogEvent) {
        let message = event.message.description
        guard case .write(let suppressed) = rate.judge(message) else { return }
        var line = LogLine(
            form, at: ControlClock.wallTime(), Severity(event.level), message, node: node, plane: "control")
        let fields = metadata.merging(event.metadata ?? [:]) { _, own in own }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line.put(key, "\(value)") }
        if let error = event.error { line.put("error", "\(error)") }
        if suppressed > 0 { line.put("suppressed", suppressed) }
        let bytes = line.finish()
        // A log that cannot be written must not stop what it tells of.
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }
}

/// The rate of all loggers of the process together.
private final class SharedLogRate: Sendable {
    private let rate = Mutex(LogRate())

    func judge(_ message: String) -> LogRate.Verdict {
        rate.withLock { $0.judge(message, at: ControlClock.now()) }
    }
}

extension Severity {
    init(_ level: Logger.Level) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info, .notice: self = .info
        case .warning: self = .warning
        case .error, .critical: self = .error
        }
    }
}

extension Logger.Level {
    init(_ severity: Severity) {
        switch severity {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
