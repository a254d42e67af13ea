import Foundation
import Testing

/// Documents that are generated say what the code says.
@Suite struct DocumentTests {
    @Test func limitsAreThoseOfTheTable() throws {
        if ProcessInfo.processInfo.environment["CULVERT_WRITE_DOCS"] != nil {
            let file = Tree.root.appendingPathComponent(LimitsDocument.path)
            try LimitsDocument.text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try Tree.file(LimitsDocument.path).text == LimitsDocument.text, "run with CULVERT_WRITE_DOCS=1")
    }

    @Test func numbersAreGrouped() {
        #expect(LimitsDocument.number(0) == "0")
        #expect(LimitsDocument.number(999) == "999")
        #expect(LimitsDocument.number(4_294_967_296) == "4,294,967,296")
    }

    /// Every file that a document names exists.
    @Test(arguments: ["README.md", "docs/architecture.md", "docs/security.md", "docs/dependencies.md", "docs/redis.md"])
    func namedFilesExist(document: String) throws {
        let missing = DocumentReferences.missing(in: try Tree.file(document)) { path in
            FileManager.default.fileExists(atPath: Tree.root.appendingPathComponent(path).path)
        }
        #expect(missing.isEmpty, "\(document) names \(missing)")
    }

    @Test func plantedReferenceIsFound() {
        let text = SourceText("docs/a.md", "See `Sources/A.swift`, [b](b.md) and [web](https://example.com/a.md).\n")
        #expect(DocumentReferences.missing(in: text) { _ in false } == ["Sources/A.swift", "docs/b.md"])
        #expect(DocumentReferences.missing(in: text) { _ in true }.isEmpty)
    }
}

/// Files that a document names: in code as `Sources/…`, `Tests/…`, `docs/…`, and as the targets of its links.
enum DocumentReferences {
    static func missing(in document: SourceText, exists: (String) -> Bool) -> [String] {
        var named: [String] = []
        for (index, part) in document.text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
        where index % 2 == 1 {
            let tops = ["Sources/", "Tests/", "docs/", "bench/", ".ci/"]
            if tops.contains(where: part.hasPrefix), !part.contains(where: { " *…{".contains($0) }) {
                named.append(String(part))
            }
        }
        let folder = document.path.split(separator: "/").dropLast().joined(separator: "/")
        for link in document.text.split(separator: "](").dropFirst() {
            let target = link.prefix { $0 != ")" && $0 != "#" }
            guard !target.isEmpty, !target.contains("://") else { continue }
            named.append(folder.isEmpty ? String(target) : folder + "/" + target)
        }
        return named.filter { !exists($0) }
    }
}
