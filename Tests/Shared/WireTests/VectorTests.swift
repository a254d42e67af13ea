import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The captured conversations of the reference implementation: both directions, each read in the role that receives it,
/// whole, cut at every byte, and byte by byte; then what our writers make of the same messages, byte for byte.
@Suite struct VectorTests {
    @Test func everyVectorIsThere() { #expect(Vector.all.count == 12) }

    @Test(arguments: Vector.all, ["c2s", "s2c"]) func everySplitReadsTheSame(vector: Vector, direction: String) {
        let all = vector.bytes(direction)
        let fresh = ConversationReader(for: vector, direction: direction)
        var whole = fresh
        whole.feed(all)
        #expect(!whole.events.isEmpty || all.isEmpty)
        for event in whole.events {
            if case .fault(let fault) = event { Issue.record("\(vector.name) \(direction): \(fault)") }
            if case .frame(.broken(let fault)) = event { Issue.record("\(vector.name) \(direction): \(fault)") }
        }
        for pieces in cuts(of: all) {
            var reader = fresh
            for piece in pieces { reader.feed(piece) }
            #expect(reader.events == whole.events, "cut at \(pieces[0].count)")
        }
    }

    private func events(_ prefix: String, _ direction: String) -> [ConversationReader.Event] {
        let vector = Vector.named(prefix)
        var reader = ConversationReader(for: vector, direction: direction)
        for record in vector.records where record.dir == direction { reader.feed(hex(record.hex)) }
        return reader.events
    }

    private let tunnel = TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!

    @Test(arguments: ["a-", "b-"]) func bindAndOneRequest(prefix: String) throws {
        let isWebSocket = prefix == "a-"
        let client = events(prefix, "c2s")
        let anyAddress = RelayAddress("0.0.0.0:0")
        var expected: [ConversationReader.Event] = [
            .request(.bind, .tcp, tunnel, user: "", destination: anyAddress),
            .frame(.window(stream: 3, consumed: 4, window: 1_048_576)),
        ]
        if isWebSocket { expected.insert(.upgrade("/ws"), at: 0) }
        #expect(Array(client.prefix(expected.count)) == expected)
        #expect(client.contains(.frame(.finish(stream: 3))))
        #expect(client.filter { $0 == .frame(.keepAlive) }.count == (isWebSocket ? 2 : 1))

        let server = events(prefix, "s2c")
        #expect(server.contains(.response(status: 0, RelayAddress("b7de88a94729b931:0"), isConnector: true)))
        #expect(server.contains(.frame(.open(stream: 3))))
        guard case .data(3, let first)? = server.first(where: { if case .data = $0 { true } else { false } }) else {
            Issue.record("no stream")
            return
        }
        guard case .message(let header, let count) = RelayResponse.read(first.span.bytes, limit: 16_000) else {
            Issue.record("no stream header")
            return
        }
        #expect(header.status == 0)
        #expect(header.destination == RelayAddress("b7de88a94729b931.gost.local:80"))
        #expect(header.source?.socketAddress != nil)
        #expect(text(first[count...]).hasPrefix("GET /hello.txt HTTP/1.1\r\n"))
    }

    @Test func refusedCredentials() {
        for number in 2...5 {
            let answer = events("g-auth.conn\(number)", "s2c")
            #expect(answer.contains(.response(status: 2, nil, isConnector: false)))
        }
        let first = events("g-auth.conn1", "c2s")
        guard case .request(.bind, .tcp, tunnel, let user, _) = first[1] else {
            Issue.record("\(first)")
            return
        }
        #expect(first[0] == .upgrade("/tun"))
        #expect(!user.isEmpty)
    }

    @Test func udpBindAndVisitor() {
        #expect(
            events("e-rudp-bind", "c2s").contains { event in
                if case .request(.bind, .udp, tunnel, _, _) = event { true } else { false }
            })
        #expect(
            events("e-rudp-visitor", "c2s").contains { event in
                if case .request(.connect, .udp, tunnel, _, _) = event { true } else { false }
            })
    }

    @Test func forwardedHTTPBetweenNodes() {
        let vector = Vector.named("c-")
        let request = vector.bytes("c2s")
        guard case .head(let head) = HTTPRequestHead.read(request.span.bytes, limit: 16_000) else {
            Issue.record("no request")
            return
        }
        #expect(head.byteCount == request.count)
        #expect(text(request[head.host.lower..<head.host.upper]) == "b7de88a94729b931.gost.local")
        #expect(!head.keepsConnection)
        #expect(head.forwardedNode.count == 36)
        let answer = vector.bytes("s2c")
        guard
            case .head(let answered) = HTTPAnswerHead.read(
                answer.span.bytes, limit: 16_000, method: head.method, askedUpgrade: false)
        else {
            Issue.record("no answer")
            return
        }
        var body = HTTPBody(answered.framing)
        var cursor = answered.byteCount
        let run = body.pass(answer.span.bytes, &cursor)
        #expect(run == .run(offset: answered.byteCount, count: 45, isLast: true))
        #expect(cursor == answer.count)
    }

    // MARK: Writing

    /// Every smux frame, written by us from what was read, gives the captured bytes.
    @Test(arguments: Vector.all, ["c2s", "s2c"]) func framesAreWrittenAsCaptured(vector: Vector, direction: String) {
        var reader = ConversationReader(for: vector, direction: direction)
        reader.feed(vector.bytes(direction))
        let captured = reader.muxed
        var written: [UInt8] = []
        var cursor = 0
        while let header = SmuxHeader.read(captured.span.bytes, &cursor) {
            guard let command = SmuxCommand(number: header.command) else { break }
            let payload = captured[cursor..<min(cursor + Int(header.length), captured.count)]
            cursor += payload.count
            if command == .windowUpdate, let update = update(Array(payload), stream: header.stream) {
                written += update
                continue
            }
            written += writing(8) {
                SmuxHeader.write(
                    to: $0.baseAddress!, version: header.version, command: command, length: header.length,
                    stream: header.stream)
                return 8
            }!
            written += payload
        }
        #expect(written == captured)
    }

    private func update(_ payload: [UInt8], stream: UInt32) -> [UInt8]? {
        let words = payload.span.bytes
        let consumed = UInt32(littleEndian: words.unsafeLoadUnaligned(as: UInt32.self))
        let window = UInt32(littleEndian: words.unsafeLoadUnaligned(fromByteOffset: 4, as: UInt32.self))
        return writing(16) {
            SmuxWindowUpdate.write(to: $0.baseAddress!, stream: stream, consumed: consumed, window: window)
            return 16
        }
    }

    /// Every relay message at the start of a conversation, written by us from what was read, gives the captured bytes.
    @Test(arguments: Vector.all) func relayMessagesAreWrittenAsCaptured(vector: Vector) {
        for direction in ["c2s", "s2c"] {
            var reader = ConversationReader(for: vector, direction: direction)
            reader.feed(vector.bytes(direction))
            let carried = reader.carried
            guard carried.first == 1 else { continue }
            if direction == "c2s" {
                guard case .message(let request, let count) = RelayRequest.read(carried.span.bytes, limit: 16_000)
                else {
                    Issue.record("no request")
                    continue
                }
                #expect(writing(2_048, request.write(into:)) == Array(carried[..<count]))
            } else {
                guard case .message(let response, let count) = RelayResponse.read(carried.span.bytes, limit: 16_000)
                else {
                    Issue.record("no response")
                    continue
                }
                #expect(writing(2_048, response.write(into:)) == Array(carried[..<count]))
            }
        }
    }

    @Test(arguments: ["a-", "b-", "g-auth.conn1", "e-rudp-bind"]) func streamHeadersAreWrittenAsCaptured(prefix: String)
    {
        for case .data(3, let first) in events(prefix, "s2c") {
            guard case .message(let header, let count) = RelayResponse.read(first.span.bytes, limit: 16_000),
                let source = header.source?.socketAddress, let destination = header.destination
            else {
                Issue.record("no stream header")
                return
            }
            let written = writing(StreamHeader.byteCountMax) {
                StreamHeader.write(to: $0.baseAddress!, source: source, destination: destination)
            }
            #expect(written == Array(first[..<count]))
            if case .name(let name) = destination.host {
                let hot = writing(StreamHeader.byteCountMax) { target in
                    name.withBytes {
                        StreamHeader.write(
                            to: target.baseAddress!, source: source, host: $0, port: destination.port)
                    }
                }
                #expect(hot == written)
            }
            return
        }
        Issue.record("no stream in \(prefix)")
    }

    /// Every WebSocket frame's header, written by us with the captured length and key, gives the captured bytes.
    @Test(arguments: Vector.all, ["c2s", "s2c"]) func frameHeadersAreWrittenAsCaptured(
        vector: Vector, direction: String
    ) throws {
        let all = vector.bytes(direction)
        guard vector.bytes("c2s").starts(with: bytes("GET /")), vector.name.first != "c" else { return }
        let found = ByteScan.endOfHead(in: all.span.bytes, from: 0)
        let end = try #require(found)
        var at = end
        while at + 2 <= all.count {
            var length = Int(all[at + 1] & 0x7F)
            var size = 2
            if length == 126 {
                length = Int(all[at + 2]) << 8 | Int(all[at + 3])
                size = 4
            }
            var key: UInt32?
            if all[at + 1] & 0x80 != 0 {
                key = (0..<4).reduce(0) { $0 | UInt32(all[at + size + $1]) << UInt32($1 * 8) }
                size += 4
            }
            let opcode = try #require(WebSocketOpcode(number: all[at] & 15))
            let header = writing(WebSocketHeader.byteCountMax) {
                WebSocketHeader.write(
                    to: $0.baseAddress!, opcode: opcode, isFinal: all[at] & 0x80 != 0, payload: length, key: key)
            }
            #expect(header == Array(all[at..<at + size]))
            at += size + length
        }
        #expect(at == all.count)
    }
}
