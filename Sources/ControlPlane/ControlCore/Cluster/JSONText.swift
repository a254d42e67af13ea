/// A JSON value (RFC 8259) as the stores hold them: small, written by us or by Go's encoder. What is not needed of it
/// (fractions, nulls) is read and forgotten.
enum JSONValue: Equatable {
    case text(String)
    /// Whole numbers from 0 on; all others are `other`.
    case number(UInt64)
    case list([JSONValue])
    case members([String: JSONValue])
    case other

    var text: String? { if case .text(let text) = self { text } else { nil } }
    var number: UInt64? { if case .number(let number) = self { number } else { nil } }
    var list: [JSONValue]? { if case .list(let list) = self { list } else { nil } }

    /// A member of an object; nil where there is none, or no object.
    subscript(name: String) -> JSONValue? { if case .members(let members) = self { members[name] } else { nil } }
}

/// Reads and writes JSON texts of at most `bytesMax` bytes and `depthMax` levels: others can write into a store.
struct JSONText {
    static let bytesMax = 8_192
    static let depthMax = 4

    private let bytes: [UInt8]
    private var position = 0

    /// The value of a whole text; nil when it is none or too large.
    static func read(_ bytes: [UInt8]) -> JSONValue? {
        guard bytes.count <= bytesMax else { return nil }
        var text = JSONText(bytes: bytes)
        guard let value = text.value(depth: 0) else { return nil }
        text.skipSpace()
        return text.position == bytes.count ? value : nil
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < JSONText.depthMax else { return nil }
        skipSpace()
        guard let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "{"): return members(depth: depth)
        case UInt8(ascii: "["): return list(depth: depth)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
        default: return word("true") ?? word("false") ?? word("null")
        }
    }

    private mutating func word(_ word: String) -> JSONValue? {
        guard bytes[position...].starts(with: word.utf8) else { return nil }
        position += word.utf8.count
        return .other
    }

    private mutating func number() -> JSONValue? {
        let start = position
        while let byte = next, "+-.eE0123456789".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if let whole = UInt64(text) { return .number(whole) }
        return Double(text) == nil ? nil : .other
    }

    private mutating func list(depth: Int) -> JSONValue? {
        position += 1
        var list: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .list(list) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            list.append(value)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .list(list) : nil
    }

    private mutating func members(depth: Int) -> JSONValue? {
        position += 1
        var members: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .members(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\""), let name = string(), take(UInt8(ascii: ":")),
                let value = value(depth: depth + 1)
            else { return nil }
            members[name] = value
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .members(members) : nil
    }

    private mutating func string() -> String? {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
            case 0..<0x20: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard let byte = next else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let unit = unit() else { return false }
            var scalar = UInt32(unit)
            if unit & 0xFC00 == 0xD800 {
                guard next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u")
                else { return false }
                position += 2
                guard let low = self.unit(), low & 0xFC00 == 0xDC00 else { return false }
                scalar = 0x10000 + (UInt32(unit & 0x3FF) << 10 | UInt32(low & 0x3FF))
            }
            guard let scalar = Unicode.Scalar(scalar) else { return false }
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: return false
        }
        return true
    }

    /// Four hexadecimal digits.
    private mutating func unit() -> UInt16? {
        guard position + 4 <= bytes.count else { return nil }
        let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
        position += 4
        return digits.utf8.contains(UInt8(ascii: "+")) ? nil : UInt16(digits, radix: 16)
    }

    // MARK: Writing

    /// The text in quotes.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
