package import Model
package import Primitives

/// What a log line looks like: JSON for machines, text on a terminal.
package enum LogForm: Sendable, BitwiseCopyable { case json, text }

/// One event as one line of bytes. Time goes in, bytes come out; who writes them and where to is the shell's.
///
/// `{"time":"…","level":"info","msg":"…","node":"…","plane":"…",…}` or
/// `12:59:59.123 info  msg key=value …`
package struct LogLine: Sendable {
    private let form: LogForm
    private var bytes: [UInt8] = []

    /// Longest line; values beyond it are cut, so that one event never floods the log.
    package static let bytesMax = 8_192

    /// Begins a line. `node` and `plane` are said in every line of JSON and left out on a terminal.
    package init(
        _ form: LogForm, at time: WallTime, _ severity: Severity, _ message: String, node: String, plane: String
    ) {
        self.form = form
        bytes.reserveCapacity(256)
        switch form {
        case .json:
            bytes.append(contentsOf: "{\"time\":\"".utf8)
            time.append(to: &bytes)
            bytes.append(contentsOf: "\",\"level\":\"\(severity.label)\"".utf8)
            put("msg", message)
            put("node", node)
            put("plane", plane)
        case .text:
            var stamp: [UInt8] = []
            time.append(to: &stamp)
            bytes.append(contentsOf: stamp[11..<23])
            let label = "\(severity.label)"
            bytes.append(contentsOf: " \(label)\(String(repeating: " ", count: 8 - label.utf8.count))".utf8)
            appendPlain(message)
        }
    }

    /// A field, escaped as the form asks.
    package mutating func put(_ key: String, _ value: String) {
        begin(key)
        switch form {
        case .json:
            bytes.append(UInt8(ascii: "\""))
            appendEscaped(value)
            bytes.append(UInt8(ascii: "\""))
        case .text:
            let isPlain =
                !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7F }
            if isPlain { return appendPlain(value) }
            bytes.append(UInt8(ascii: "\""))
            appendEscaped(value)
            bytes.append(UInt8(ascii: "\""))
        }
    }

    package mutating func put(_ key: String, _ value: InlineText) { put(key, value.string) }

    /// A field of a number.
    package mutating func put(_ key: String, _ value: some BinaryInteger) {
        begin(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    /// A field of a truth.
    package mutating func put(_ key: String, _ value: Bool) {
        begin(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    package mutating func put(_ key: String, _ reason: Reason) { put(key, reason.label) }

    /// The line with its newline.
    package consuming func finish() -> [UInt8] {
        if form == .json { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// Keys are ours: plain words, never cut.
    private mutating func begin(_ key: String) {
        switch form {
        case .json: bytes.append(contentsOf: ",\"\(key)\":".utf8)
        case .text: bytes.append(contentsOf: " \(key)=".utf8)
        }
    }

    /// Bytes a value may still take; keys and the end of the line come on top.
    private func room() -> Int { max(LogLine.bytesMax - bytes.count, 0) }

    /// Control characters would let what a stranger sent move the cursor of whoever reads the log.
    private mutating func appendPlain(_ text: String) {
        for byte in text.utf8.prefix(room()) { bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
    }

    private mutating func appendEscaped(_ text: String) {
        for scalar in text.unicodeScalars {
            guard room() > 8 else { return }
            switch scalar {
            case "\"": bytes.append(contentsOf: "\\\"".utf8)
            case "\\": bytes.append(contentsOf: "\\\\".utf8)
            case "\n": bytes.append(contentsOf: "\\n".utf8)
            case "\r": bytes.append(contentsOf: "\\r".utf8)
            case "\t": bytes.append(contentsOf: "\\t".utf8)
            default:
                if scalar.value < 0x20 || scalar.value >= 0x7F && scalar.value < 0xA0 {
                    let digits = String(scalar.value, radix: 16)
                    bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8)
                } else {
                    bytes.append(contentsOf: String(scalar).utf8)
                }
            }
        }
    }
}
