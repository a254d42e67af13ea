import Foundation

/// One file of the tree as the rules see it: its path from the repository's root, and its text. Rules are functions
/// over lists of these, so that each can be shown a planted violation.
struct SourceText: Sendable {
    let path: String
    let text: String
    /// The text with comments and the contents of string literals blanked out; the same lines and columns.
    let code: String
    let lines: [Substring]
    let codeLines: [Substring]

    init(_ path: String, _ text: String) {
        self.path = path
        self.text = text
        code = CodeOnly.of(text)
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        codeLines = code.split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// `RoutePlan` of `Sources/…/RoutePlan.swift`.
    var name: String { String(path.split(separator: "/").last ?? "").replacingOccurrences(of: ".swift", with: "") }

    /// Numbered from 1.
    var numberedCode: some Sequence<(line: Int, code: Substring)> {
        codeLines.enumerated().lazy.map { (line: $0.offset + 1, code: $0.element) }
    }
}

/// The repository that these tests belong to.
enum Tree {
    /// The folder above `Tests/Tidy/`.
    static let root: URL = {
        var url = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url
    }()

    /// All Swift files, read once.
    private static let everySwift = Result {
        try files(under: "Sources", ending: ".swift") + files(under: "Tests", ending: ".swift")
    }

    /// The Swift files below a folder, sorted by path; a copy without version control has them as well.
    static func swift(under folder: String) throws -> [SourceText] {
        try everySwift.get().filter { $0.path.hasPrefix(folder + "/") }
    }

    static func files(under folder: String, ending: String) throws -> [SourceText] {
        let top = root.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(atPath: top.path) else { return [] }
        var found: [SourceText] = []
        for case let path as String in walk where path.hasSuffix(ending) && !path.contains(".build") {
            found.append(try file(folder + "/" + path))
        }
        return found.sorted { $0.path < $1.path }
    }

    static func file(_ path: String) throws -> SourceText {
        SourceText(path, try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }

    /// What version control has, or nil where there is none (an unpacked archive).
    static func tracked() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: root.appendingPathComponent(".git").path) else { return nil }
        let git = Process()
        git.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        git.arguments = ["git", "-C", root.path, "ls-files"]
        let output = Pipe()
        git.standardOutput = output
        try git.run()
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        return String(decoding: listing, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}
