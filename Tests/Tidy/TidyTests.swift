import Foundation
import Testing

/// The rules of the tree, each over the whole tree, and each shown to fail on a planted violation.
@Suite struct TidyTests {
    // MARK: - Imports

    @Test func dependenciesPointInward() throws {
        expectNone(ImportRule.violations(try Tree.swift(under: "Sources")))
    }

    @Test(arguments: [
        ("Sources/Shared/Primitives/A.swift", "import Glibc"),
        ("Sources/Shared/Wire/A.swift", "package import Operations"),
        ("Sources/Shared/Wire/A.swift", "internal import CLinux"),
        ("Sources/Shared/EventLoop/A.swift", "import Model"),
        ("Sources/DataPlane/Worker/A.swift", "import Foundation"),
        ("Sources/DataPlane/Worker/A.swift", "import struct Foundation.Data"),
        ("Sources/DataPlane/Worker/Links/A.swift", "internal import EventLoop"),
        ("Sources/DataPlane/Worker/A.swift", "@_exported import Dispatch"),
        ("Sources/DataPlane/culvert-data/A.swift", "import NIOCore"),
        ("Sources/DataPlane/culvert-data/A.swift", "import _Concurrency"),
        ("Sources/ControlPlane/ControlCore/A.swift", "internal import Logging"),
        ("Sources/ControlPlane/ControlShell/A.swift", "import Worker"),
        ("Sources/Nowhere/A.swift", "let x = 1"),
        ("Sources/DataPlane/Worker/A.swift", "func f() async {}"),
        ("Sources/ControlPlane/ControlCore/A.swift", "actor Registry {}"),
    ])
    func plantedImportIsFound(path: String, line: String) {
        #expect(ImportRule.violations([SourceText(path, "/// A.\n\(line)\n")]).count == 1)
    }

    @Test func wordsInCommentsAndTextsAreNoCode() {
        let text = "/// Never import Foundation, no async.\nlet text = \"import Glibc \\(await)\" // async\n"
        #expect(ImportRule.violations([SourceText("Sources/DataPlane/Worker/A.swift", text)]).isEmpty)
    }

    // MARK: - Size

    @Test func everyFileIsOneConcept() throws {
        expectNone(SizeRule.violations(try Tree.swift(under: "Sources")))
    }

    @Test func plantedSizesAreFound() {
        let long = SourceText("Sources/A.swift", String(repeating: "let a = 1\n", count: 401))
        #expect(SizeRule.violations([long]).count == 1)
        let fits = SourceText("Sources/A.swift", String(repeating: "let a = 1\n", count: 400))
        #expect(SizeRule.violations([fits]).isEmpty)
        for head in [
            "func f(_ a: [Int: Int] = [:]) -> Int where T == {", "init() {", "var x: Int {", "static func g<T>() {",
        ] {
            let statements = String(repeating: "    let a = 1\n", count: 69)
            let body = SourceText(
                "Sources/A.swift", "struct A {\n\(head.replacing("where T == ", with: ""))\n\(statements)}\n}\n")
            #expect(SizeRule.violations([body]).count == 1, "\(head)")
            let shorter = SourceText(
                "Sources/A.swift", body.text.replacing("let a = 1\n    let a = 1\n", with: "let a = 1\n"))
            #expect(SizeRule.violations([shorter]).isEmpty, "\(head)")
        }
    }

    @Test func bodiesAreMeasuredFromDeclarationToBrace() {
        let code = """
            protocol P {
                var a: Int { get }
                func b()
            }
            struct S {
                var stored = [1, 2].map { $0 }
                func c(
                    _ x: Int
                ) -> Int {
                    if x > 0 { return 1 }
                    return 2
                }
            }

            """
        #expect(
            Body.all(in: code) == [
                Body(name: "a", line: 2, lineCount: 1), Body(name: "c", line: 7, lineCount: 6),
            ])
    }

    // MARK: - Words

    @Test func namesSayWhatThingsAre() throws {
        expectNone(VocabularyRule.violations(try Tree.swift(under: "Sources") + Tree.swift(under: "Tests")))
    }

    @Test(arguments: [
        ("A.swift", "struct LinkManager {}"), ("A.swift", "package final class HTTPInfo {}"),
        ("A.swift", "private enum Utils {}"), ("A.swift", "protocol FrameHandler {}"),
        ("StringUtil.swift", "let a = 1"), ("Link+Helpers.swift", "extension Link {}"),
        ("A.swift", "typealias Base = Int"), ("A.swift", "actor JobProcessor {}"),
    ])
    func plantedNameIsFound(file: String, line: String) {
        #expect(VocabularyRule.violations([SourceText("Sources/\(file)", "\(line)\n")]).count == 1)
    }

    @Test func innocentNamesPass() {
        let text = "struct Information {}\nstruct Database {}\nstruct Base64 {}\nenum Simple { case manager }\n"
        #expect(VocabularyRule.violations([SourceText("Sources/Baseline.swift", text)]).isEmpty)
    }

    // MARK: - Documentation

    @Test func everythingVisibleIsDocumented() throws {
        expectNone(DocumentationRule.violations(try Tree.swift(under: "Sources")))
    }

    @Test(arguments: [
        "struct A {}\n", "/// About b only.\nlet b = 1\nstruct A {}\n", "let a = 1\n",
        "/// A.\nstruct A {\n    package func f() {\n        g()\n    }\n}\n",
        "/// A.\nstruct A {\n    @inlinable package var x: Int {\n        1\n    }\n}\n",
        "extension A {\n    func f() {}\n}\n", "/// A.\nstruct A {}\npackage typealias B = A\n",
        "/// A.\nstruct A {\n    package init(text: String) {\n        parse(text)\n    }\n}\n",
    ])
    func plantedSilenceIsFound(text: String) {
        #expect(DocumentationRule.violations([SourceText("Sources/A.swift", text)]).count == 1)
    }

    @Test func plainInitialisersNeedNoComment() {
        let text = """
            /// A.
            package struct A {
                /// How many, at least one.
                package var count: Int

                package init(count: Int) {
                    precondition(count > 0)
                    self.count = count
                }
            }

            """
        #expect(DocumentationRule.violations([SourceText("Sources/A.swift", text)]).isEmpty)
    }

    // MARK: - Finished, simulable, mirrored

    @Test func nothingIsLeftForLater() throws {
        let rules = "Tests/Tidy/"
        let all = try Tree.swift(under: "Sources") + Tree.swift(under: "Tests").filter { !$0.path.hasPrefix(rules) }
        expectNone(UnfinishedRule.violations(all + (try Tree.files(under: "Sources", ending: ".h"))))
        expectNone(UnfinishedRule.violations(try Tree.files(under: "Tests", ending: ".py")))
    }

    @Test(arguments: [
        "// TODO: later", "let a = 1 // FIXME", "/// Returns nothing for now.", "fatalError(\"not implemented\")",
        "#expect(true)", "#expect( true )",
    ])
    func plantedMarkIsFound(line: String) {
        #expect(UnfinishedRule.violations([SourceText("Tests/A.swift", "\(line)\n")]).count == 1)
    }

    @Test func timeAndChanceAreArguments() throws {
        expectNone(ClockRule.violations(try Tree.swift(under: "Sources")))
        let waiting = try Tree.swift(under: "Tests").filter { !$0.path.hasPrefix("Tests/Tidy/") }
        expectNone(ClockRule.sleepsInTests(waiting))
    }

    @Test(arguments: [
        ("Sources/DataPlane/Worker/A.swift", "let now = Clock.now()"),
        ("Sources/DataPlane/Worker/A.swift", "clock_gettime(CLOCK_MONOTONIC, &time)"),
        ("Sources/Shared/Wire/A.swift", "let mask = UInt32.random(in: 0...9)"),
        ("Sources/ControlPlane/ControlCore/A.swift", "let id = UUID()"),
        ("Sources/ControlPlane/ControlShell/A.swift", "let time = ContinuousClock()"),
        ("Sources/DataPlane/Worker/A.swift", "usleep(5)"),
    ])
    func plantedClockIsFound(path: String, line: String) {
        #expect(ClockRule.violations([SourceText(path, "/// A.\n\(line)\n")]).count == 1)
        #expect(ClockRule.sleepsInTests([SourceText("Tests/A.swift", "    usleep(10)\n")]).count == 1)
    }

    @Test func everyModuleHasTests() throws {
        let tests = try Tree.swift(under: "Tests").filter { !$0.path.hasPrefix("Tests/Tidy/") }
        expectNone(MirrorRule.violations(modules: ImportRule.allowed.keys.sorted().filter(exists), tests: tests))
    }

    @Test func plantedModuleWithoutTestsIsFound() {
        let tests = [SourceText("Tests/WireTests/A.swift", "import Wire\n@Test func a() {}\n")]
        #expect(MirrorRule.violations(modules: ["Sources/Shared/Wire"], tests: tests).isEmpty)
        #expect(MirrorRule.violations(modules: ["Sources/Shared/Secret"], tests: tests).count == 1)
        let empty = [SourceText("Tests/WireTests/A.swift", "import Wire\n")]
        #expect(MirrorRule.violations(modules: ["Sources/Shared/Wire"], tests: empty).count == 1)
    }

    // MARK: - Repository

    @Test func onlySourcesAreTracked() throws {
        guard let tracked = try Tree.tracked() else { return }
        expectNone(RepositoryRule.violations(tracked: tracked))
        let words = [
            ".swift", ".md", ".py", ".h", ".c", ".lua", ".sh", "test", "demo", ".ci/run", ".ci/prepare", "bench/run",
            "bench/load", "bench/check", "bench/check-ledger", "bench/check-plot", "bench/failover", "bench/profile",
            "bench/sweep",
        ]
        let texts = try tracked.filter { path in
            words.contains(where: path.hasSuffix) && !path.hasPrefix("Tests/Vectors/")
        }
        .filter(exists).map(Tree.file)
        expectNone(RepositoryRule.machinePaths(texts))
    }

    @Test func plantedArtefactsAreFound() {
        #expect(
            RepositoryRule.violations(tracked: [".build/debug.yaml", "Package.resolved", "a/__pycache__/b.pyc", "x.o"])
                .count == 4)
        #expect(RepositoryRule.violations(tracked: ["Sources/Builder.swift", ".gitignore"]).isEmpty)
        let text = SourceText("Tests/A.swift", "let path = \"\(RepositoryRule.machines[0])main\"\n")
        #expect(RepositoryRule.machinePaths([text]).count == 1)
    }

    @Test func dependenciesAreJustified() throws {
        expectNone(
            DependencyRule.violations(
                manifest: try Tree.file("Package.swift").text, document: try Tree.file("docs/dependencies.md").text))
    }

    @Test func plantedDependencyIsFound() {
        let manifest = """
            .package(url: "https://example.com/some/yaml-reader.git", exact: "1.0.0"),
            .systemLibrary(name: "CZip", path: "Sources/CZip"),
            """
        let reason = String(repeating: "Because it reads what nobody should write. ", count: 3)
        #expect(DependencyRule.violations(manifest: manifest, document: "").count == 2)
        let both = "### yaml-reader\n\(reason)\n### CZip\n\(reason)\n"
        #expect(DependencyRule.violations(manifest: manifest, document: both).isEmpty)
        #expect(DependencyRule.violations(manifest: manifest, document: both + "### gone\n\(reason)\n").count == 1)
        #expect(
            DependencyRule.violations(manifest: manifest, document: "### yaml-reader\nYes.\n### CZip\n\(reason)").count
                == 1)
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Tree.root.appendingPathComponent(path).path)
    }

    private func expectNone(_ violations: [String], _ location: SourceLocation = #_sourceLocation) {
        #expect(violations.isEmpty, "\n\(violations.joined(separator: "\n"))", sourceLocation: location)
    }
}
