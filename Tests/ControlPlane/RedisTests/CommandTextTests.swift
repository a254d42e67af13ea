import NIOCore
import StoreVocabulary
import Testing

@testable import Redis

/// Commands as bytes: what a server reads is what was meant.
struct CommandTextTests {
    @Test func wordsBehindTheirLengths() {
        let commands = [StoreCommand("SET", "key", "", "NX"), StoreCommand(words: [[0, 13, 10, 255]])]
        let buffer = CommandText.buffer(commands)
        let expected =
            Array("*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n$2\r\nNX\r\n*1\r\n$4\r\n".utf8) + [0, 13, 10, 255, 13, 10]
        #expect(Array(buffer.readableBytesView) == expected)
        #expect(buffer.readableBytes <= commands.reduce(0) { $0 + CommandText.bytesMax($1) })
    }

    @Test func manyWords() {
        let words = (0..<2_000).map { Array("word-\($0)".utf8) }
        let buffer = CommandText.buffer([StoreCommand(words: words)])
        let reader = ReplyReader(bytesMax: 1 << 20, elementsMax: 4_096)
        buffer.withUnsafeReadableBytes { reader.feed($0) }
        #expect(reader.next() == .reply(.list(words.map(StoreReply.bytes)), bytes: buffer.readableBytes))
    }
}
