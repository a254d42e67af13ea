import Foundation
import Settings

/// The files of host rules that a configuration names, as `culvert check` reads them: judged line by line, and not kept.
enum RuleFiles {
    /// Bytes that are read at once.
    private static let pieceBytes = 1 << 18

    /// How many rules stand in each file, by path; prints the first bad line of each and ends with 78 where there is one.
    static func counts(_ settings: NodeSettings) throws -> [String: Int] {
        var counts: [String: Int] = [:]
        var problems: [String] = []
        for path in Set(settings.server?.ingresses.compactMap(\.path) ?? []).sorted() {
            do {
                counts[path] = try count(path)
            } catch let problem as RuleTextReader.Problem {
                problems.append("\(path):\(problem.line): \(problem.message)")
            } catch {
                problems.append("\(path): cannot be read: \((error as NSError).localizedDescription)")
            }
        }
        guard problems.isEmpty else {
            FileHandle.standardError.write(Data((problems.joined(separator: "\n") + "\n").utf8))
            throw ConfigurationInput.faultExit
        }
        return counts
    }

    private static func count(_ path: String) throws -> Int {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        var reader = RuleTextReader()
        var count = 0
        while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty {
            let problem = piece.withUnsafeBytes { bytes -> RuleTextReader.Problem? in
                do throws(RuleTextReader.Problem) {
                    try reader.read(bytes) { _, _ in count += 1 }
                    return nil
                } catch {
                    return error
                }
            }
            if let problem { throw problem }
        }
        try reader.finish { _, _ in count += 1 }
        return count
    }
}
