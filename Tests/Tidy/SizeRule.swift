/// One file is one concept, one function one thought: at most so many lines.
enum SizeRule {
    static let linesPerFileMax = 400
    static let linesPerFunctionMax = 70
    /// Bodies that are tables, one row for each case: longer than a function may be, and nothing to follow in them.
    static let tables: Set<String> = ["Sources/Shared/Model/Limits.swift row"]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in files(source) + functions(source) }
    }

    private static func files(_ source: SourceText) -> [String] {
        // A final newline ends the last line and begins none.
        let count = source.lines.count - (source.text.hasSuffix("\n") ? 1 : 0)
        guard count > linesPerFileMax else { return [] }
        return ["\(source.path): \(count) lines, \(linesPerFileMax) are allowed: split it by event or concept"]
    }

    private static func functions(_ source: SourceText) -> [String] {
        Body.all(in: source.code).compactMap { body in
            guard body.lineCount > linesPerFunctionMax, !tables.contains("\(source.path) \(body.name)") else {
                return nil
            }
            return "\(source.path):\(body.line): \(body.name) has \(body.lineCount) lines, "
                + "\(linesPerFunctionMax) are allowed"
        }
    }
}

/// The body of a function, initialiser or computed property: where it is declared, and how many lines it takes from
/// its declaration to its closing brace.
struct Body: Equatable {
    var name: String
    var line: Int
    var lineCount: Int

    private static let keywords: Set<String> = ["func", "init", "deinit", "subscript", "var"]

    static func all(in code: String) -> [Body] {
        var bodies: [Body] = []
        let bytes = Array(code.utf8)
        var line = 1
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "\n") { line += 1 }
            guard isWordByte(bytes[index]), index == 0 || !isWordByte(bytes[index - 1]) else {
                index += 1
                continue
            }
            var end = index
            while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
            let word = String(decoding: bytes[index..<end], as: UTF8.self)
            let isMember = index > 0 && bytes[index - 1] == UInt8(ascii: ".")
            if keywords.contains(word), !isMember, let open = opening(bytes, from: end),
                let close = closing(bytes, from: open)
            {
                let count = bytes[index..<close].count { $0 == UInt8(ascii: "\n") } + 1
                bodies.append(Body(name: name(bytes, after: end) ?? word, line: line, lineCount: count))
            }
            index = end
        }
        return bodies
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
    }

    private static func name(_ bytes: [UInt8], after index: Int) -> String? {
        var start = index
        while start < bytes.count, bytes[start] == UInt8(ascii: " ") { start += 1 }
        var end = start
        while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
        return end > start ? String(decoding: bytes[start..<end], as: UTF8.self) : nil
    }

    /// The brace that opens the body, or nil when the declaration ends without one: at an assignment, a closing brace,
    /// or the next declaration.
    private static func opening(_ bytes: [UInt8], from start: Int) -> Int? {
        var depth = 0
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "{") where depth == 0: return index
            case UInt8(ascii: "}") where depth == 0, UInt8(ascii: "=") where depth == 0 && isAssignment(bytes, index):
                return nil
            case _ where depth == 0 && isWordByte(bytes[index]) && !isWordByte(bytes[index - 1]):
                var end = index
                while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
                let word = String(decoding: bytes[index..<end], as: UTF8.self)
                if keywords.contains(word) || word == "let" || word == "case" { return nil }
                index = end - 1
            default: break
            }
            if depth < 0 { return nil }
            index += 1
        }
        return nil
    }

    /// `=` alone, not `==` of a generic constraint or an operator's name.
    private static func isAssignment(_ bytes: [UInt8], _ index: Int) -> Bool {
        let signs = Set("=<>!&|+-*/%^~".utf8)
        return !(index + 1 < bytes.count && signs.contains(bytes[index + 1])) && !signs.contains(bytes[index - 1])
    }

    /// The index behind the brace that closes what `open` opens.
    private static func closing(_ bytes: [UInt8], from open: Int) -> Int? {
        var depth = 0
        for index in open..<bytes.count {
            if bytes[index] == UInt8(ascii: "{") { depth += 1 }
            if bytes[index] == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { return index + 1 }
            }
        }
        return nil
    }
}
