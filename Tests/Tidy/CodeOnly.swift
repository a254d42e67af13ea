/// Blanks comments and the contents of string literals, so that rules see only code. Lines and columns stay.
///
/// Interpolations are blanked with their literal: no rule looks into them.
enum CodeOnly {
    static func of(_ text: String) -> String {
        var scan = Scan(Array(text.utf8))
        scan.run()
        return String(decoding: scan.bytes, as: UTF8.self)
    }

    private struct Scan {
        var bytes: [UInt8]
        var at = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func starts(_ word: StaticString) -> Bool {
            // Nearly always the first byte decides.
            guard bytes[at] == word.utf8Start[0], at + word.utf8CodeUnitCount <= bytes.count else { return false }
            return (1..<word.utf8CodeUnitCount).allSatisfy { bytes[at + $0] == word.utf8Start[$0] }
        }

        mutating func blank(_ count: Int = 1) {
            for _ in 0..<count where at < bytes.count {
                if bytes[at] != UInt8(ascii: "\n") { bytes[at] = UInt8(ascii: " ") }
                at += 1
            }
        }

        mutating func run() {
            while at < bytes.count {
                if starts("//") {
                    while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { blank() }
                } else if starts("/*") {
                    while at < bytes.count, !starts("*/") { blank() }
                    blank(2)
                } else if starts("\"\"\"") {
                    at += 3
                    literal(endsWith: "\"\"\"", length: 3)
                } else if starts("\"") {
                    at += 1
                    literal(endsWith: "\"", length: 1)
                } else {
                    at += 1
                }
            }
        }

        mutating func literal(endsWith end: StaticString, length: Int) {
            var depth = 0
            while at < bytes.count {
                if depth == 0, starts(end) {
                    at += length
                    return
                }
                if starts("\\(") {
                    depth += 1
                    blank(2)
                } else if depth == 0, bytes[at] == UInt8(ascii: "\\") {
                    blank(2)
                } else {
                    if depth > 0 {
                        if bytes[at] == UInt8(ascii: "(") { depth += 1 }
                        if bytes[at] == UInt8(ascii: ")") { depth -= 1 }
                    }
                    blank()
                }
            }
        }
    }
}
