import Foundation
import Testing

@testable import Wire

/// The smuggling corpus (Tests/Smuggling/README.md): requests and answers that two readers could understand
/// differently, each with the fault it must be refused with.
enum SmugglingCorpus {
    struct Message: Sendable, Decodable, CustomTestStringConvertible {
        var name: String
        var text: String
        /// The name of an `HTTPFault`.
        private var fault: String
        /// What a visitor is answered.
        var status: Int
        var testDescription: String { name }

        /// nil when there is no fault of that name: no test passes then.
        var expected: HTTPFault? { HTTPFault.allCases.first { "\($0)" == fault } }
    }

    private struct File: Decodable {
        var requests: [Message]
        var answers: [Message]
        var bodies: [Message]
    }

    private static let file: File = {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        let path = root.appendingPathComponent("Smuggling/corpus.json")
        // A broken fixture must fail loudly, not shrink the test.
        return try! JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }()

    static var requests: [Message] { file.requests }
    static var answers: [Message] { file.answers }
    static var bodies: [Message] { file.bodies }
}
