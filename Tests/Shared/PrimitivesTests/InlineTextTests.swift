import Testing

@testable import Primitives

@Suite struct InlineTextTests {
    @Test func keepsUpTo255Bytes() throws {
        let longest = String(repeating: "x", count: 255)
        #expect(try #require(InlineText(longest)).string == longest)
        #expect(InlineText(longest + "x") == nil)
        #expect(InlineText().isEmpty)
    }

    @Test func appendsUntilFull() {
        var text = InlineText()
        var appended = 0
        while text.append(0x61) { appended += 1 }
        #expect(appended == 255)
        #expect(text.count == 255)
    }

    @Test func lowerCasesLettersOnly() throws {
        let text = try #require(InlineText("AbZ[@`{É-9")).lowercased()
        #expect(text.string == "abz[@`{É-9")
    }

    @Test func equalityIgnoresWhatWasTruncated() throws {
        var text = try #require(InlineText("host.example:80"))
        text.truncate(to: 12)
        #expect(text == InlineText("host.example"))
        #expect(text.hashValue == InlineText("host.example")?.hashValue)
    }

    @Test func readsFromASpan() throws {
        let bytes: [UInt8] = Array("xxhost".utf8)
        let host = InlineText(bytes.span.bytes, 2, 6)
        #expect(host?.string == "host")
        let long = [UInt8](repeating: 0x61, count: 300)
        let tooLong = InlineText(long.span.bytes, 0, 256)
        #expect(tooLong == nil)
    }
}
