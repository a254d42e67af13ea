/// Every package and system library that is used is justified in docs/dependencies.md, and nothing else stands there.
enum DependencyRule {
    /// `manifest`: the text of Package.swift; `document`: of docs/dependencies.md, one heading `### name` for each.
    static func violations(manifest: String, document: String) -> [String] {
        let used = packages(in: manifest) + systemLibraries(in: manifest)
        let justified = sections(of: document)
        let missing = used.filter { justified[$0] == nil }.map {
            "\($0) is used and not justified in docs/dependencies.md"
        }
        let stale = justified.keys.filter { !used.contains($0) }.map {
            "docs/dependencies.md justifies \($0), which is not used"
        }
        let empty = justified.filter { $0.value < 40 }.map {
            "docs/dependencies.md says next to nothing about \($0.key)"
        }
        return (missing + stale + empty).sorted()
    }

    /// The last component of each package's URL.
    static func packages(in manifest: String) -> [String] {
        manifest.split(separator: "\n").compactMap { line in
            guard let start = line.firstRange(of: ".package(url: \"")?.upperBound,
                let end = line[start...].firstIndex(of: "\"")
            else { return nil }
            return line[start..<end].split(separator: "/").last.map { String($0).replacing(".git", with: "") }
        }
    }

    /// Modules of `.systemLibrary` that bring a library to link or headers of a package of the system.
    static func systemLibraries(in manifest: String) -> [String] {
        manifest.split(separator: "\n").compactMap { line in
            guard let start = line.firstRange(of: ".systemLibrary(name: \"")?.upperBound,
                let end = line[start...].firstIndex(of: "\"")
            else { return nil }
            return String(line[start..<end])
        }
    }

    /// Heading → number of characters below it.
    private static func sections(of document: String) -> [String: Int] {
        var found: [String: Int] = [:]
        var name: String?
        for line in document.split(separator: "\n") {
            if line.hasPrefix("### ") {
                name = String(line.dropFirst(4))
                found[name ?? "", default: 0] += 0
            } else if line.hasPrefix("#") {
                name = nil
            } else if let name {
                found[name, default: 0] += line.count
            }
        }
        return found
    }
}
