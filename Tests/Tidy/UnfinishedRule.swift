/// What is in the tree is finished: no marks that something is to be done later, and no tests that cannot fail.
enum UnfinishedRule {
    /// Looked for in code and comments, as whole words, in any case.
    static let marks = [
        "todo", "fixme", "xxx", "hack", "for now", "placeholder", "temporary workaround",
    ]
    /// Looked for without spaces: traps in the place of work, and tests that cannot fail.
    static let hollow = [
        "fatalError(\"notimpl", "preconditionFailure(\"notimpl", "fatalError(\"unimpl", "#expect(true)",
        "#expect(Bool(true))", "#require(true)",
    ]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in
            source.lines.enumerated().flatMap { index, line in
                let text = line.lowercased()
                var found = marks.filter { contains(text, $0) }.map { "says \"\($0)\"" }
                let packed = line.filter { $0 != " " }
                found += hollow.filter(packed.contains).map { "`\($0)`" }
                return found.map { "\(source.path):\(index + 1): \($0)" }
            }
        }
    }

    /// As whole words: the letters beside it are none.
    private static func contains(_ text: String, _ mark: String) -> Bool {
        var rest = text[...]
        while let found = rest.firstRange(of: mark) {
            let before = found.lowerBound == text.startIndex ? " " : text[text.index(before: found.lowerBound)]
            let after = found.upperBound == text.endIndex ? " " : text[found.upperBound]
            if !isWord(before), !isWord(after) { return true }
            rest = text[found.upperBound...]
        }
        return false
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
