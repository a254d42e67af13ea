import StoreVocabulary
import Testing

@testable import Redis

/// Bytes of a server: whole, in pieces, and wrong.
struct ReplyReaderTests {
    private func reader(bytesMax: Int = 1 << 20, elementsMax: Int = 1_024) -> ReplyReader {
        ReplyReader(bytesMax: bytesMax, elementsMax: elementsMax)
    }

    private func feed(_ reader: ReplyReader, _ bytes: some Collection<UInt8>) {
        Array(bytes).withUnsafeBytes { reader.feed($0) }
    }

    /// Replies until the reader wants more or is broken.
    private func all(_ reader: ReplyReader) -> (replies: [StoreReply], bytes: Int, fault: ReplyFault?) {
        var replies: [StoreReply] = [], count = 0
        while true {
            switch reader.next() {
            case .reply(let reply, let bytes):
                replies.append(reply)
                count += bytes
            case .needMore: return (replies, count, nil)
            case .broken(let fault): return (replies, count, fault)
            }
        }
    }

    static let conversation =
        "+OK\r\n-WRONGTYPE no\r\n:-42\r\n$5\r\nhe\r\nl\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
        + "*3\r\n$1\r\na\r\n*2\r\n:1\r\n*1\r\n$-1\r\n+x\r\n:9223372036854775807\r\n"
    static let replies: [StoreReply] = [
        .status("OK"), .fault("WRONGTYPE no"), .number(-42), .bytes(Array("he\r\nl".utf8)), .bytes([]), .none, .none,
        .list([]),
        .list([.bytes(Array("a".utf8)), .list([.number(1), .list([.none])]), .status("x")]), .number(.max),
    ]

    @Test func everyKindOfReply() {
        let reader = reader()
        feed(reader, Self.conversation.utf8)
        let (replies, bytes, fault) = all(reader)
        #expect(replies == Self.replies)
        #expect(bytes == Self.conversation.utf8.count)
        #expect(fault == nil)
    }

    @Test func splitAtEachByte() {
        let bytes = Array(Self.conversation.utf8)
        for split in 0...bytes.count {
            let reader = reader()
            feed(reader, bytes[..<split])
            let first = all(reader)
            feed(reader, bytes[split...])
            let second = all(reader)
            #expect(first.replies + second.replies == Self.replies)
            #expect(first.bytes + second.bytes == bytes.count)
        }
        let reader = reader()
        var replies: [StoreReply] = []
        for byte in bytes {
            feed(reader, [byte])
            replies += all(reader).replies
        }
        #expect(replies == Self.replies)
    }

    @Test(arguments: [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "$x\r\n", "$-2\r\n", ":one\r\n", "*-7\r\n", "\0\0\0\0\r\n", "*1\r\n?\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "$99999999999999999999\r\n",
    ])
    func whatIsNoReply(text: String) {
        let reader = reader()
        feed(reader, "+before\r\n".utf8)
        feed(reader, text.utf8)
        let (replies, _, fault) = all(reader)
        #expect(replies == [.status("before")])
        guard case .malformed(let words)? = fault else { Issue.record("\(text): \(String(describing: fault))"); return }
        #expect(!words.isEmpty)
        // It stays so, whatever comes.
        feed(reader, "+after\r\n".utf8)
        #expect(reader.next() == .broken(.malformed(words)))
    }

    /// RESP3, which nobody asked for: newer versions of hiredis know it, older ones call it malformed.
    @Test(arguments: [
        ",1.5\r\n", "#t\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n", ">1\r\n+a\r\n", "=5\r\ntxt:a\r\n", "(1\r\n",
    ])
    func newerKinds(text: String) {
        let reader = reader()
        feed(reader, text.utf8)
        switch reader.next() {
        case .broken(.unknownKind), .broken(.malformed): break
        case let step: Issue.record("\(step)")
        }
    }

    @Test func tooLong() {
        let exact = reader(bytesMax: 11)
        feed(exact, "$5\r\nhello\r\n".utf8)
        #expect(all(exact).replies == [.bytes(Array("hello".utf8))])
        let long = reader(bytesMax: 11)
        feed(long, "+OK\r\n$6\r\nhello!\r".utf8)
        #expect(all(long).fault == nil, "eleven bytes of the second are there")
        feed(long, "\n".utf8)
        #expect(all(long).fault == .tooManyBytes)
        // An end that never comes.
        let endless = reader(bytesMax: 64)
        feed(endless, "$1000000000\r\n".utf8)
        feed(endless, [UInt8](repeating: 1, count: 64))
        #expect(all(endless).fault == .tooManyBytes)
    }

    @Test func tooManyElements() {
        let exact = reader(elementsMax: 3)
        feed(exact, "*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n:4\r\n".utf8)
        #expect(all(exact).replies.count == 2, "counted for each reply")
        let many = reader(elementsMax: 3)
        feed(many, "*3\r\n".utf8)
        #expect(all(many).fault == .tooManyElements)
        // The length alone is enough: nothing of it is made room for.
        let huge = reader(elementsMax: 3)
        feed(huge, "*2147483647\r\n".utf8)
        #expect(all(huge).fault == .tooManyElements)
        let nested = reader(elementsMax: 4)
        feed(nested, "*2\r\n*1\r\n:1\r\n*2\r\n".utf8)
        #expect(all(nested).fault == .tooManyElements)
    }

    /// Seeded mutations of a valid conversation: never a crash, never more replies than bytes.
    @Test func mutations() {
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        for _ in 0..<1_000 {
            var bytes = Array(Self.conversation.utf8)
            for _ in 0..<(1 + random() % 4) {
                let place = Int(random() % UInt64(bytes.count))
                switch random() % 3 {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: random())
                case 1: bytes.remove(at: place)
                default: bytes.insert(Array("*$:+-0123456789\r\n".utf8)[Int(random() % 17)], at: place)
                }
            }
            let reader = reader(bytesMax: 4_096, elementsMax: 64)
            var rest = bytes[...], count = 0
            while !rest.isEmpty {
                let piece = rest.prefix(1 + Int(random() % 40))
                rest = rest.dropFirst(piece.count)
                feed(reader, piece)
                count += all(reader).replies.count
            }
            #expect(count <= bytes.count)
        }
    }
}
