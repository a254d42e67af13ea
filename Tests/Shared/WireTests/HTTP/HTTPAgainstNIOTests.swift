import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import Primitives
@testable import Wire

/// Our HTTP against NIOHTTP1, an independent implementation: generated messages must be read alike, and of damaged ones
/// whatever both accept must be read alike.
@Suite struct HTTPAgainstNIOTests {
    /// One message as either implementation understood it.
    struct Message: Equatable, CustomStringConvertible {
        var first: String
        var fields: [String]
        var body: [UInt8]

        var description: String { "\(first) \(fields) \(text(body))" }
    }

    // MARK: NIO

    /// NIO leaves white space at the end of a value in place (RFC 9112 §5.1 excludes it from the value).
    private func trimmed(_ value: String) -> String {
        text(bytes(value).reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed())
    }

    private func requestsByNIO(_ stream: [UInt8]) -> [Message]? {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        var messages: [Message] = []
        do {
            try channel.writeInbound(ByteBuffer(bytes: stream))
            while let part = try channel.readInbound(as: HTTPServerRequestPart.self) {
                switch part {
                case .head(let head):
                    let fields = head.headers.map { "\($0.name): \(trimmed($0.value))" }
                    messages.append(
                        Message(first: "\(head.method) \(head.uri) \(head.version.minor)", fields: fields, body: []))
                case .body(let buffer): messages[messages.count - 1].body += Array(buffer.readableBytesView)
                case .end: break
                }
            }
        } catch {
            return nil
        }
        return messages
    }

    private func answerByNIO(_ stream: [UInt8], to method: NIOHTTP1.HTTPMethod) -> Message? {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        var message: Message?
        do {
            try channel.pipeline.syncOperations.addHandlers([
                HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)),
            ])
            let request = HTTPRequestHead(version: .http1_1, method: method, uri: "/")
            try channel.writeOutbound(HTTPClientRequestPart.head(request))
            try channel.writeOutbound(HTTPClientRequestPart.end(nil))
            try channel.writeInbound(ByteBuffer(bytes: stream))
            channel.pipeline.fireChannelInactive()
            while let part = try channel.readInbound(as: HTTPClientResponsePart.self) {
                switch part {
                case .head(let head):
                    message = Message(
                        first: "\(head.status.code) \(head.version.minor)",
                        fields: head.headers.map { "\($0.name): \(trimmed($0.value))" }, body: [])
                case .body(let buffer): message?.body += Array(buffer.readableBytesView)
                case .end: break
                }
            }
        } catch {
            return nil
        }
        return message
    }

    // MARK: Ours

    private func fields(_ stream: [UInt8], from start: Int) -> [String] {
        var fields: [String] = []
        var position = start
        while case .line(let line) = HTTPFieldLine.read(stream.span.bytes, at: position) {
            let name = text(stream[line.nameStart..<line.nameEnd])
            fields.append("\(name): \(text(stream[line.valueStart..<line.valueEnd]))")
            position = line.next
        }
        return fields
    }

    /// The body after a head of `count` bytes, and what follows it; nil when it is not complete.
    private func body(_ framing: HTTPFraming, _ stream: [UInt8], from count: Int) -> (body: [UInt8], rest: [UInt8])? {
        let tail = Array(stream[count...])
        let reading = BodyReading.of(framing, [tail])
        guard reading.isDone || framing == .untilClose else { return nil }
        return (reading.data, framing == .untilClose ? [] : Array(tail[(tail.count - reading.left)...]))
    }

    private func requestsByUs(_ stream: [UInt8]) -> [Message]? {
        var messages: [Message] = []
        var rest = stream
        while !rest.isEmpty {
            guard case .head(let head) = Wire.HTTPRequestHead.read(rest.span.bytes, limit: 16_000),
                let (body, left) = body(head.framing, rest, from: head.byteCount)
            else { return nil }
            let method = text(rest[head.line.methodRange.lower..<head.line.methodRange.upper])
            let target = text(rest[head.target.lower..<head.target.upper])
            messages.append(
                Message(
                    first: "\(method) \(target) \(head.minor)", fields: fields(rest, from: head.line.next), body: body))
            rest = left
        }
        return messages
    }

    private func answerByUs(_ stream: [UInt8], to method: Wire.HTTPMethod) -> Message? {
        guard
            case .head(let head) = HTTPAnswerHead.read(
                stream.span.bytes, limit: 16_000, method: method, askedUpgrade: false),
            let (body, _) = body(head.framing, stream, from: head.byteCount)
        else { return nil }
        return Message(
            first: "\(head.status) \(head.minor)", fields: fields(stream, from: Int(head.fieldsStart)), body: body)
    }

    // MARK: Generated messages

    private func pick<Value>(_ random: inout Random, _ values: [Value]) -> Value {
        values[Int(random.below(UInt32(values.count)))]
    }

    private func someFields(_ random: inout Random) -> String {
        let names = ["Accept", "User-Agent", "Cookie", "X-A", "a", "If-None-Match", "Date", "Via", "X-Forwarded-For"]
        let values = ["", "*/*", "a=b; c=\"d\"", "\t x \t", "Sun, 22 Nov 2026 10:58:30 GMT", "gzip, br", "1", "a: b"]
        return (0..<random.below(6)).map { _ in
            "\(pick(&random, names)):\(pick(&random, [" ", "", "\t"]))\(pick(&random, values))\r\n"
        }
        .joined()
    }

    private func someBody(_ random: inout Random) -> (fields: String, body: String) {
        let content = String(repeating: "body ", count: Int(random.below(40)))
        switch random.below(3) {
        case 0: return ("Content-Length: \(content.utf8.count)\r\n", content)
        case 1:
            var chunks = ""
            var rest = Substring(content)
            while !rest.isEmpty {
                let piece = rest.prefix(1 + Int(random.below(30)))
                rest = rest.dropFirst(piece.count)
                chunks +=
                    "\(pick(&random, ["", "0"]))\(String(piece.utf8.count, radix: 16))\(pick(&random, ["", ";a=b"]))\r\n\(piece)\r\n"
            }
            return ("Transfer-Encoding: chunked\r\n", chunks + "0\r\n\(pick(&random, ["", "X-T: 1\r\n"]))\r\n")
        default: return ("", "")
        }
    }

    private func someRequest(_ random: inout Random) -> String {
        let (framing, body) = someBody(&random)
        let method = pick(&random, ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
        let target = pick(&random, ["/", "/a/b?c=d&e", "/%20", "http://b.example/x"])
        return "\(method) \(target) HTTP/1.1\r\nHost: a.example:80\r\n\(someFields(&random))\(framing)\r\n\(body)"
    }

    @Test func requestsAreReadAlike() {
        var random = Random(seed: 1)
        for _ in 0..<400 {
            let stream = bytes((0..<1 + random.below(3)).map { _ in someRequest(&random) }.joined())
            let ours = requestsByUs(stream)
            #expect(ours != nil, "\(text(stream))")
            #expect(ours == requestsByNIO(stream), "\(text(stream))")
        }
    }

    @Test func answersAreReadAlike() {
        var random = Random(seed: 2)
        for _ in 0..<400 {
            let (framing, body) = someBody(&random)
            let isHead = random.below(5) == 0
            let status = pick(&random, ["200 OK", "404 Not Found", "304 Not Modified", "204 No Content", "500 Oh\tno"])
            let hasBody = !isHead && !status.hasPrefix("304") && !status.hasPrefix("204")
            let usable = status.hasPrefix("204") ? "" : framing
            let stream = bytes("HTTP/1.1 \(status)\r\n\(someFields(&random))\(usable)\r\n\(hasBody ? body : "")")
            let ours = answerByUs(stream, to: isHead ? .head : .get)
            #expect(ours != nil, "\(text(stream))")
            #expect(ours == answerByNIO(stream, to: isHead ? .HEAD : .GET), "\(text(stream))")
        }
    }

    @Test func damagedRequestsThatBothAcceptAreReadAlike() {
        var random = Random(seed: 3)
        let marks: [UInt8] = Array("\r\n\t :;,/?#0123456789abcdefXYZ\u{0}\u{B}\u{7F}+-_\"".utf8) + [0x80, 0xFF]
        var accepted = 0
        for _ in 0..<2_000 {
            var stream = bytes(someRequest(&random))
            for _ in 0...random.below(2) {
                let place = Int(random.below(UInt32(stream.count)))
                switch random.below(3) {
                case 0: stream[place] = pick(&random, marks)
                case 1: stream.insert(pick(&random, marks), at: place)
                default: stream.remove(at: place)
                }
            }
            guard let ours = requestsByUs(stream), let theirs = requestsByNIO(stream) else { continue }
            accepted += 1
            #expect(ours == theirs, "\(text(stream))")
        }
        #expect(accepted > 170, "only \(accepted) damaged requests were accepted by both: the test tests little")
    }
}
