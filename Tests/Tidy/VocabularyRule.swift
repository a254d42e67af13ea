/// Names say what a thing is (design §1): words that say nothing have no place in those of types and files.
enum VocabularyRule {
    static let banned: Set<String> = [
        "manager", "helper", "helpers", "util", "utils", "utility", "utilities", "common", "base", "impl", "handler",
        "info", "wrapper", "processor", "misc",
    ]
    /// Names that are not ours: an encoding's, and the protocol of a library that a type must be named after.
    static let foreign: Set<String> = ["Base64", "Base64Tests", "LineLogHandler"]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in
            let file = judge(source.name, "\(source.path): the file's name")
            return file
                + Declaration.types(in: source).flatMap {
                    judge($0.name, "\(source.path):\($0.line): the type \($0.name)")
                }
        }
    }

    private static func judge(_ name: String, _ place: String) -> [String] {
        guard !foreign.contains(name) else { return [] }
        return Words.parts(name).filter(banned.contains).map { "\(place) says \"\($0)\", which says nothing" }
    }
}

/// A declared type.
struct Declaration {
    var name: String
    var line: Int

    private static let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol", "typealias"]

    static func types(in source: SourceText) -> [Declaration] {
        source.numberedCode.compactMap { line, code in
            let words = Words.of(code)
            guard let kind = words.firstIndex(where: kinds.contains), kind + 1 < words.count,
                words[..<kind].allSatisfy(isModifier)
            else { return nil }
            return Declaration(name: words[kind + 1], line: line)
        }
    }

    static func isModifier(_ word: String) -> Bool { modifiers.contains(word) }

    private static let modifiers: Set<String> = [
        "public", "package", "internal", "fileprivate", "private", "final", "indirect", "nonisolated", "static",
        "frozen", "usableFromInline", "unchecked", "Sendable", "open", "unsafe",
    ]
}
