/// What must not be in the repository: what a build makes, and what belongs to one machine.
enum RepositoryRule {
    static let built = [".build/", ".build-", "Package.resolved", ".profraw", "__pycache__/", ".o"]

    static func violations(tracked: [String]) -> [String] {
        tracked.filter { path in
            built.contains { word in
                word.hasSuffix("/") || word.hasSuffix("-")
                    ? path.hasPrefix(word) || path.contains("/" + word) : path.hasSuffix(word)
            }
        }.map { "\($0) is made by a build and must not be tracked" }
    }

    /// Folders that exist on the machine of whoever wrote the file, and nowhere else. Put together here, so that this
    /// file does not contain what it looks for.
    static let machines = [
        "/wo" + "rk/", "/ro" + "ot/", "/fa" + "rm/", "/ho" + "me/", "/Us" + "ers/", "/tmp/bash" + "_jobs",
    ]

    /// Where a path begins: behind something that is no part of one (`/proc/self/…` has such parts within).
    private static func contains(_ line: Substring, _ folder: String) -> Bool {
        guard let found = line.firstRange(of: folder) else { return false }
        guard found.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: found.lowerBound)]
        return !(before.isLetter || before.isNumber || "_-.$}".contains(before))
    }

    static func machinePaths(_ sources: [SourceText]) -> [String] {
        sources.flatMap { source in
            source.lines.enumerated().flatMap { index, line in
                machines.filter { contains(line, $0) }.map {
                    "\(source.path):\(index + 1): a path of one machine: \($0)"
                }
            }
        }
    }
}
