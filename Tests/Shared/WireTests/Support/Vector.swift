import Foundation
import Testing

/// One captured conversation of the reference implementation (Tests/Vectors/README.md).
struct Vector: CustomTestStringConvertible, Sendable {
    struct Record: Decodable, Sendable {
        var dir: String
        var t: Double
        var hex: String
        var eof: Bool?
        var error: String?
    }

    var name: String
    var records: [Record]
    var testDescription: String { name }

    /// All bytes of one direction: `c2s` or `s2c`.
    func bytes(_ direction: String) -> [UInt8] {
        records.filter { $0.dir == direction }.flatMap { WireTests.hex($0.hex) }
    }

    static let all: [Vector] = {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let folder = root.appendingPathComponent("Vectors")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.contains(".conn") }.sorted().map { name in
            // Broken fixtures must fail loudly, not shrink the test.
            let data = try! Data(contentsOf: folder.appendingPathComponent(name))
            return Vector(name: name, records: try! JSONDecoder().decode([Record].self, from: data))
        }
    }()

    static func named(_ prefix: String) -> Vector { all.first { $0.name.hasPrefix(prefix) }! }
}
