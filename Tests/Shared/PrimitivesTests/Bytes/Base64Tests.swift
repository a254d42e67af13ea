import Foundation
import Testing

@testable import Primitives

@Suite struct Base64Tests {
    private func encoded(_ bytes: [UInt8]) -> String {
        var memory = [UInt8](repeating: 0, count: Base64.encodedCount(bytes.count))
        let count = memory.withUnsafeMutableBytes { target in
            var writer = ByteWriter(target)
            Base64.encode(bytes.span.bytes, to: &writer)
            return writer.finished
        }
        return String(decoding: memory.prefix(count ?? 0), as: UTF8.self)
    }

    private func decoded(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        var memory = [UInt8](repeating: 0, count: letters.count + 3)
        let count: Int? = memory.withUnsafeMutableBytes { target in
            var writer = ByteWriter(target)
            return Base64.decode(letters.span.bytes, 0, letters.count, to: &writer) ? writer.finished : nil
        }
        return count.map { Array(memory[..<$0]) }
    }

    @Test func agreesWithFoundationAtEveryLength() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 73 &+ count) }
            let text = Data(bytes).base64EncodedString()
            #expect(encoded(bytes) == text)
            #expect(decoded(text) == bytes)
        }
    }

    @Test(arguments: ["A", "AA", "AAA", "AA=A", "A===", "====", "AB==", "AAB=", "AA==AAAA", "AA A", "A-A_", "AAAé"])
    func refusesWhatIsNotCanonical(text: String) {
        #expect(decoded(text) == nil)
    }
}
