/// Every file says what it is, and what another module can see says what it does.
///
/// Two things speak for themselves in a documented type: stored properties, by name and type, and declarations whose
/// whole body stands on their line.
enum DocumentationRule {
    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in heads(source) + declarations(source) }
    }

    /// The first type or extension of a file is documented; a file of statements opens with a comment.
    private static func heads(_ source: SourceText) -> [String] {
        let first = source.numberedCode.first { _, code in
            let words = Words.of(code)
            guard let kind = words.firstIndex(where: kinds.contains) else { return false }
            return words[..<kind].allSatisfy(Declaration.isModifier)
        }
        // A file of statements, or one that only extends a type, may open with an ordinary comment, above or below its
        // imports.
        let opensWithComment =
            source.lines.first { !$0.isEmpty && ImportRule.imported($0) == nil }?.hasPrefix("// ") ?? false
        guard let first else { return opensWithComment ? [] : ["\(source.path): does not say what it is"] }
        if opensWithComment, Declaration.types(in: source).isEmpty { return [] }
        // Another type of the file may be its main one: one documented declaration at the left margin is enough.
        let isDocumented = source.numberedCode.contains { line, code in
            let words = Words.of(code)
            guard !code.hasPrefix(" "), let kind = words.firstIndex(where: kinds.contains),
                words[..<kind].allSatisfy(Declaration.isModifier)
            else { return false }
            return hasDocumentation(source, line)
        }
        return isDocumented ? [] : ["\(source.path):\(first.line): the file's main type has no doc comment"]
    }

    private static let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol", "extension", "func"]

    /// Names that a protocol of the standard library gives their meaning.
    private static let known: Set<String> = [
        "description", "debugDescription", "hash", "encode", "body", "next", "makeIterator", "allCases", "rawValue",
        "==", "<", "deinit", "startIndex", "endIndex",
    ]

    private static func declarations(_ source: SourceText) -> [String] {
        source.numberedCode.compactMap { line, code in
            guard let name = visibleName(code), !known.contains(name), !speaksForItself(code),
                !hasDocumentation(source, line)
            else { return nil }
            if name == "init", MemberwiseInitialiser.isPlain(source, line) { return nil }
            return "\(source.path):\(line): \(name) is visible to other modules and has no doc comment"
        }
    }

    /// A stored property, or a member with its body on its line; not a type or an alias.
    static func speaksForItself(_ code: Substring) -> Bool {
        let words = Words.of(code)
        let isProperty = words.contains("var") || words.contains("let")
        let isMember = isProperty || ["func", "init", "subscript"].contains(where: words.contains)
        let text = code.reversed().drop { $0 == " " }
        return isMember && (text.first == "}" || (isProperty && text.first != "{"))
    }

    /// The name declared by a line that begins with `public` or `package`; nil for other lines and for imports.
    static func visibleName(_ code: Substring) -> String? {
        guard code.utf8.contains(UInt8(ascii: "p")), code.contains("package ") || code.contains("public ") else {
            return nil
        }
        let trimmed = code.drop { $0 == " " }
        var words = Words.of(trimmed)
        while let first = words.first, trimmed.hasPrefix("@"), first != "public", first != "package" {
            words.removeFirst()
        }
        guard let access = words.first, access == "public" || access == "package" else { return nil }
        let kinds: Set<String> = [
            "func", "var", "let", "init", "subscript", "struct", "class", "enum", "protocol", "typealias", "actor",
        ]
        guard let kind = words.firstIndex(where: kinds.contains) else { return nil }
        if words[kind] == "init" || words[kind] == "subscript" { return words[kind] }
        if words[kind] == "func", trimmed.contains("func ==") { return "==" }
        if words[kind] == "func", trimmed.contains("func <") { return "<" }
        return kind + 1 < words.count ? words[kind + 1] : nil
    }

    /// Whether a doc comment stands above a line, above its attributes and conditions.
    static func hasDocumentation(_ source: SourceText, _ line: Int) -> Bool {
        var index = line - 2
        while index >= 0 {
            let text = source.lines[index].drop { $0 == " " }
            if text.hasPrefix("///") { return true }
            guard text.hasPrefix("@") || text.hasPrefix("#if") || text.hasPrefix(")") else { return false }
            index -= 1
        }
        return false
    }
}

/// Initialisers that only take each stored property by its name say nothing that the properties do not say.
private enum MemberwiseInitialiser {
    static func isPlain(_ source: SourceText, _ line: Int) -> Bool {
        // From the declaration to its closing brace: only `self.x = x`.
        var index = line - 1
        var statements: [Substring] = []
        var isInside = false
        while index < source.codeLines.count {
            let text = source.codeLines[index].drop { $0 == " " }
            if isInside {
                if text.hasPrefix("}") { break }
                statements.append(text)
            } else if text.hasSuffix("{") {
                isInside = true
            } else if text.hasSuffix("}") {
                // `init() {}` and one-liners.
                return text.contains("{}") || text.contains("{ self.")
            }
            index += 1
        }
        return statements.allSatisfy { statement in
            let words = Words.of(statement)
            return statement.hasPrefix("precondition")
                || (words.count == 3 && words[0] == "self" && words[1] == words[2])
        }
    }
}
