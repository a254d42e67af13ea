/// The file that a request's target names, as steps down from the served directory. Judged as text only; that no link
/// leads out is the kernel's part (`FileTree`).
struct FilePath: Equatable {
    /// Decoded bytes of each step: never empty, `.` or `..`, and without `/` and NUL.
    var steps: [[UInt8]]
    /// Whether the target ends in a slash, or is the top itself.
    var namesDirectory: Bool

    /// Why a target names no file.
    enum Refusal: Error, Equatable {
        /// No path, or a `%` that is not followed by two hexadecimal digits.
        case malformed
        /// It climbs with `..`, or hides a slash or NUL behind `%2f` and `%00`.
        case escape
    }

    /// Longest target that is looked at.
    static let bytesMax = 8_192

    /// Takes the origin or absolute form of a target (RFC 9112 §3.2); the query is dropped.
    static func judge(_ target: String) -> Result<FilePath, Refusal> {
        guard target.utf8.count <= bytesMax else { return .failure(.malformed) }
        var path = Substring(target).prefix { $0 != "?" && $0 != "#" }
        if !path.hasPrefix("/") {
            guard let mark = path.firstRange(of: "://") else { return .failure(.malformed) }
            path = path[mark.upperBound...].drop { $0 != "/" }
        }
        var steps: [[UInt8]] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")) {
            guard let step = decoded(part) else { return .failure(.malformed) }
            if step == [UInt8(ascii: ".")] { continue }
            if step == Array("..".utf8) || step.contains(0) || step.contains(UInt8(ascii: "/")) {
                return .failure(.escape)
            }
            steps.append(step)
        }
        let last = path.utf8.last
        let endsInDot = path.hasSuffix("/.")
        return .success(FilePath(steps: steps, namesDirectory: steps.isEmpty || last == UInt8(ascii: "/") || endsInDot))
    }

    private static func decoded(_ text: Substring.UTF8View) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
        default: nil
        }
    }

    /// A name as one step of a reference: everything but RFC 3986's unreserved characters as `%XX`.
    static func encoded(_ name: [UInt8]) -> String {
        var out = ""
        for byte in name {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                out += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return out
    }
}
