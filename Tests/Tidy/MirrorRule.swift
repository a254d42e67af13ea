/// Tests mirror the sources: every module has tests, and every test file belongs to a module or to a part of it.
enum MirrorRule {
    /// Modules that are driven by the tests of others, each with the reason.
    static let testedElsewhere: [String: String] = [
        "Sources/Shared/Operations": "values without behaviour; EventLoopTests and the simulator perform them",
        "Sources/Shared/Model": "words and tables; DocumentTests compares the table of limits, all others use them",
        "Sources/ControlPlane/StoreVocabulary": "values without behaviour; the core and its shell exchange them",
        "Sources/Client/TunnelRunner": "the loop around the worker's client role; Tests/EndToEnd runs it",
        "Sources/DataPlane/culvert-data": "a process; Tests/EndToEnd runs it",
        "Sources/ControlPlane/culvert-control": "a process; Tests/EndToEnd runs it",
    ]

    /// `modules`: folders of sources; `tests`: paths of the test files.
    static func violations(modules: [String], tests: [SourceText]) -> [String] {
        modules.compactMap { module in
            guard testedElsewhere[module] == nil else { return nil }
            let name = module.split(separator: "/").last.map(String.init) ?? module
            // What a target imports in one file it may use in another.
            let importing = tests.filter { test in test.codeLines.contains { ImportRule.imported($0) == name } }
            let folders = Set(importing.map(folder))
            let isTested = tests.contains { folders.contains(folder($0)) && $0.text.contains("@Test") }
            return isTested ? nil : "\(module) has no tests that import \(name)"
        }
    }

    private static func folder(_ test: SourceText) -> Substring {
        test.path[..<(test.path.lastIndex(of: "/") ?? test.path.startIndex)]
    }
}
