/// How much a log line matters. Ordered; the raw value crosses the plane link.
package enum Severity: UInt8, CaseIterable, Sendable, Comparable, BitwiseCopyable {
    case trace, debug, info, warning, error

    package static func < (left: Severity, right: Severity) -> Bool { left.rawValue < right.rawValue }

    /// The value of the log field `level`.
    package var label: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }
}
