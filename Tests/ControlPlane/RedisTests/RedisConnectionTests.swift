import NIOCore
import NIOEmbedded
import StoreVocabulary
import Testing

@testable import Redis

/// One connection over a channel without a socket: what it sends, whom it answers, when it gives up.
struct RedisConnectionTests {
    /// A connection, the server's side of it, and what it told.
    private final class Line {
        let loop = EmbeddedEventLoop()
        let connection: RedisConnection
        let channel: EmbeddedChannel
        var outcomes: [Int: StoreOutcome] = [:]
        var messages: [[PushedMessage]] = []
        var ends: [StoreFailure] = []

        init(isSubscriber: Bool = false) throws {
            var limits = StoreLimits()
            limits.batchesInFlightMax = 2
            limits.batchesWaitingMax = 1
            limits.replyBytesMax = 1_000
            connection = RedisConnection(limits: limits, isSubscriber: isSubscriber)
            channel = EmbeddedChannel(handler: connection, loop: loop)
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 6_379), promise: nil)
            connection.onMessages = { [unowned self] in messages.append($0) }
            connection.onEnd = { [unowned self] in ends.append($0) }
        }

        func submit(_ number: Int, _ words: String..., milliseconds: Int64 = 1_000) {
            connection.submit(words.map { StoreCommand($0) }, within: .milliseconds(milliseconds)) {
                [unowned self] outcome in
                #expect(outcomes.updateValue(outcome, forKey: number) == nil, "answered twice")
            }
        }

        func server(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

        /// Names of the commands that were sent since the last look.
        func sent() throws -> [String] {
            let reader = ReplyReader(bytesMax: 1 << 20, elementsMax: 1_000)
            var names: [String] = []
            while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                buffer.withUnsafeReadableBytes { reader.feed($0) }
            }
            while case .reply(.list(let words), _) = reader.next() {
                guard case .bytes(let name)? = words.first else { continue }
                names.append(String(decoding: name, as: UTF8.self))
            }
            return names
        }
    }

    @Test func batchesArePipelined() throws {
        let line = try Line()
        line.submit(1, "A", "B")
        line.submit(2, "C")
        #expect(try line.sent() == ["A", "B", "C"])
        try line.server("+a\r\n-b\r\n+c")
        #expect(line.outcomes == [1: .replies([.status("a"), .fault("b")])])
        try line.server("\r\n")
        #expect(line.outcomes[2] == .replies([.status("c")]))
        #expect(line.ends.isEmpty)
    }

    @Test func whatWaitsIsSentWhenThereIsRoom() throws {
        let line = try Line()
        for number in 1...4 { line.submit(number, "\(number)") }
        #expect(line.outcomes == [4: .failed(.overloaded)])
        #expect(try line.sent() == ["1", "2"])
        try line.server("+\r\n")
        #expect(try line.sent() == ["3"])
    }

    @Test func aLateBatchFailsAloneAndItsReplyIsThrownAway() throws {
        let line = try Line()
        line.submit(1, "A", milliseconds: 100)
        line.submit(2, "B", milliseconds: 1_000)
        line.loop.advanceTime(by: .milliseconds(99))
        #expect(line.outcomes.isEmpty)
        line.loop.advanceTime(by: .milliseconds(1))
        #expect(line.outcomes == [1: .failed(.deadline)])
        try line.server("+late\r\n+b\r\n")
        #expect(line.outcomes[2] == .replies([.status("b")]))
        #expect(line.ends.isEmpty)
    }

    @Test func aQuietConnectionIsAsked() throws {
        let line = try Line()
        line.submit(1, "A")
        try line.server("+\r\n")
        _ = try line.sent()
        line.loop.advanceTime(by: .milliseconds(1_000))
        #expect(try line.sent() == ["PING"])
        try line.server("+PONG\r\n")
        line.loop.advanceTime(by: .milliseconds(999))
        #expect(try line.sent().isEmpty)
        line.loop.advanceTime(by: .milliseconds(1))
        #expect(try line.sent() == ["PING"])
        // No answer to that: it is dead.
        line.loop.advanceTime(by: .milliseconds(4_999))
        #expect(line.ends.isEmpty)
        line.loop.advanceTime(by: .milliseconds(1))
        #expect(line.ends == [.deadline])
        #expect(!line.channel.isActive)
    }

    @Test func aSlowServerIsNotADeadOne() throws {
        let line = try Line()
        line.submit(1, "A", "B", "C", milliseconds: 20_000)
        for _ in 0..<3 {
            line.loop.advanceTime(by: .milliseconds(4_000))
            try line.server("+\r\n")
        }
        #expect(line.outcomes == [1: .replies([.status(""), .status(""), .status("")])])
        #expect(line.ends.isEmpty)
    }

    /// The silence of a server that owed nothing does not count against what it is asked now.
    @Test func silenceCountsFromTheQuestion() throws {
        let line = try Line()
        line.submit(1, "A")
        try line.server("+\r\n")
        line.loop.advanceTime(by: .milliseconds(900))
        line.submit(2, "B", milliseconds: 10_000)
        line.loop.advanceTime(by: .milliseconds(4_900))
        #expect(line.ends.isEmpty)
        line.loop.advanceTime(by: .milliseconds(100))
        #expect(line.ends == [.deadline])
        #expect(line.outcomes[2] == .failed(.deadline))
    }

    @Test func theEndFailsWhoeverWaits() throws {
        let line = try Line()
        for number in 1...3 { line.submit(number, "A") }
        line.channel.close(promise: nil)
        #expect(line.outcomes == [1: .failed(.lost), 2: .failed(.lost), 3: .failed(.lost)])
        #expect(line.ends == [.lost])
        line.submit(4, "B")
        #expect(line.outcomes[4] == .failed(.notConnected))
        line.connection.end(.deadline)
        #expect(line.ends == [.lost])
        // No timer is left.
        line.loop.advanceTime(by: .minutes(1))
        #expect(line.ends == [.lost])
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n", "no reply"), ("+a\r\n+b\r\n", "nobody asked for"),
        ("+a\r\n-ERR max number of clients reached\r\n", "max number of clients"), ("$2000\r\n", ""),
    ])
    func whatIsNoConversationEndsIt(text: String, part: String) throws {
        let line = try Line()
        line.submit(1, "A")
        try line.server(text)
        if part.isEmpty {
            #expect(line.ends.isEmpty)
            try line.server(String(repeating: "x", count: 1_000))
        }
        guard case .refused(let words)? = line.ends.first else { Issue.record("\(line.ends)"); return }
        #expect(words.contains(part.isEmpty ? "too long" : part))
        #expect(line.ends.count == 1)
        #expect(line.outcomes.count == 1)
        #expect(!line.channel.isActive)
    }

    @Test func messagesOfATurnComeTogether() throws {
        let line = try Line(isSubscriber: true)
        line.submit(1, "SUBSCRIBE")
        let message = "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n*1\r\n$1\r\nk\r\n"
        try line.server("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" + message + message)
        #expect(line.outcomes.count == 1)
        #expect(line.messages.map(\.count) == [2])
        try line.server(String(message.dropLast(3)))
        #expect(line.messages.count == 1)
        try line.server(String(message.suffix(3)))
        #expect(line.messages.count == 2)
        // Elsewhere the same is a reply to nothing.
        let other = try Line()
        try other.server(message)
        #expect(other.ends.count == 1)
    }

    @Test func anAnswerMayEndTheConnection() throws {
        let line = try Line()
        line.connection.submit([StoreCommand("A")], within: .seconds(1)) { [unowned line] _ in
            line.connection.end(.refused("enough"))
        }
        line.submit(2, "B")
        try line.server("+a\r\n+b\r\n")
        #expect(line.outcomes == [2: .failed(.refused("enough"))])
        #expect(line.ends == [.refused("enough")])
    }
}
