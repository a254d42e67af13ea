/// What is in the tree is finished: no marks that something is to be done later, and no tests that cannot fail.
enum UnfinishedRule {
    /// Looked for in code and comments, as whole words, in any case.
    static let marks = [
        "todo", "fixme", "xxx", "hack", "for now", "not implemented", "placeholder", "temporary workaround",
    ]
    /// Looked for in code, without spaces.
    static let emptyTests = ["#expect(true)", "#expect(Bool(true))", "#require(true)"]

    static func violations(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in
            source.lines.enumerated().flatMap { index, line in
                let text = line.lowercased()
                var found = marks.filter { contains(text, $0) }.map { "says \"\($0)\"" }
                let packed = source.codeLines[index].filter { $0 != " " }
                found += emptyTests.filter(packed.contains).map { "`\($0)` cannot fail" }
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
