import Testing

@testable import Primitives
@testable import Wire

/// The head of a stream that carries words of a control plane.
@Suite struct WordsHeaderTests {
    private static func bytes(_ count: Int) -> [UInt8] {
        writing(WordsHeader.byteCount) { target in
            WordsHeader(wordsCount: count).write(to: target.baseAddress!)
            return WordsHeader.byteCount
        }!
    }

    private func read(_ bytes: [UInt8], limit: Int = 8_192) -> WordsHeader.Step {
        bytes.withUnsafeBytes { WordsHeader.read($0.bytes, limit: limit) }
    }

    @Test func itIsReadInEverySplit() {
        let whole = Self.bytes(0x1234)
        #expect(whole == [0, 1, 0x12, 0x34])
        for count in 0..<whole.count { #expect(read(Array(whole.prefix(count))) == .needMore) }
        #expect(read(whole) == .header(WordsHeader(wordsCount: 0x1234)))
        #expect(read(whole + [9, 9]) == .header(WordsHeader(wordsCount: 0x1234)))
    }

    @Test func whatIsNoneIsAFault() {
        #expect(read([1]) == .fault && read([0, 0]) == .fault && read([0, 2]) == .fault)
        #expect(read([0, 1, 0, 0]) == .fault, "no words at all")
        #expect(read([0, 1, 0x20, 0x00]) == .header(WordsHeader(wordsCount: 8_192)))
        #expect(read([0, 1, 0x20, 0x01]) == .fault, "more than there may be")
    }

    /// A visitor's stream begins with another byte.
    @Test func itIsNoVisitors() {
        #expect(WordsHeader.begins(with: 0))
        for byte in 1...255 as ClosedRange<UInt8> { #expect(!WordsHeader.begins(with: byte)) }
    }
}
