import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct WebSocketUpgradeTests {
    private let good = """
        GET /ws HTTP/1.1\r
        Host: gost.local:80\r
        Upgrade: websocket\r
        Connection: Upgrade\r
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
        Sec-WebSocket-Version: 13\r
        \r

        """

    private func judge(_ source: String, path: String = "/ws") -> (status: Int, key: WebSocketUpgrade.Key?) {
        let all = bytes(source)
        guard case .head(let head) = HTTPRequestHead.read(all.span.bytes, limit: 16_000) else { return (0, nil) }
        switch WebSocketUpgrade.judge(head, all.span.bytes, path: InlineText(path)!) {
        case .accept(let key): return (101, key)
        case .refuse(let status, _): return (status, nil)
        }
    }

    /// The example of RFC 6455 §1.3.
    @Test func acceptsTheExample() throws {
        let key = try #require(judge(good).key)
        let answer = try #require(
            bytes("Culvert-URL: http://*.x\r\n").withUnsafeBytes { extra in
                writing(512) { WebSocketUpgrade.writeAcceptance(of: key, extra: extra, into: $0) }
            })
        #expect(
            text(answer)
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nCulvert-URL: http://*.x\r\n\r\n")
    }

    @Test(arguments: [
        ("Upgrade: websocket", "Upgrade: h2c", 400), ("Upgrade: websocket", "X: y", 400),
        ("Connection: Upgrade", "Connection: keep-alive", 400), ("Connection: Upgrade", "X: y", 400),
        ("Version: 13", "Version: 8", 400), ("Sec-WebSocket-Version: 13", "X: y", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ", 400), ("dGhlIHNhbXBsZSBub25jZQ==", "", 400),
        ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZSEh", 400),
        ("Host: gost.local:80", "Host: gost.local\r\nContent-Length: 3", 400),
        ("GET /ws", "POST /ws", 405), ("GET /ws", "GET /", 404), ("GET /ws", "GET /ws/", 404),
        ("GET /ws", "GET /w", 404),
        ("GET /ws", "GET /ws?x=1", 101), ("GET /ws", "GET http://h/ws", 101), ("GET /ws", "GET http://h", 404),
        ("Upgrade: websocket", "Upgrade: h2c, WebSocket", 101),
        ("Connection: Upgrade", "Connection: keep-alive, upgrade", 101),
        ("Version: 13", "Version: 13\r\nOrigin: http://elsewhere", 101),
    ])
    func judgements(part: String, other: String, status: Int) {
        let source = good.replacing(part, with: other)
        #expect(source != good || part == other)
        #expect(judge(source).status == status)
    }

    @Test(arguments: [400, 404, 405, 503]) func refusalsReadAsAnswers(status: Int) throws {
        let written = try #require(writing(256) { WebSocketUpgrade.writeRefusal(status: status, .linksFull, into: $0) })
        let head = try #require(readAnswer(text(written)).head)
        #expect(Int(head.status) == status)
        #expect(head.framing == .length(UInt64(written.count - head.byteCount)))
        #expect(!head.keepsConnection)
        #expect(text(written).contains("Sec-Websocket-Version: 13\r\n") == (status == 400))
        #expect(text(written).hasSuffix("\r\n\r\nlinks_full") == (status == 503))
    }

    private let key = WebSocketUpgrade.Key(high: 0x7468_6520_7361_6D70, low: 0x6C65_206E_6F6E_6365)

    @Test func ourRequestIsAcceptedByOurServer() throws {
        let request = try #require(
            writing(512) {
                WebSocketUpgrade.writeRequest(
                    path: InlineText("/tun?x")!, host: InlineText("h:1")!, key: key,
                    extra: UnsafeRawBufferPointer(start: nil, count: 0), into: $0)
            })
        let judged = judge(text(request), path: "/tun")
        #expect(judged.status == 101)
        #expect(text(request).contains("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
    }

    private func answer(_ source: String) -> String {
        let all = bytes(source)
        switch WebSocketUpgrade.judgeAnswer(all.span.bytes, limit: 16_000, key: key) {
        case .needMore: return "needMore"
        case .accepted(let count, let url): return "\(count) \(text(all[url.lower..<url.upper]))"
        case .refused(let status): return "refused \(status)"
        case .fault(let fault): return "\(fault)"
        }
    }

    @Test func answersAreJudged() {
        let line = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
        let proof = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        #expect(answer(line + proof + "\r\n") == "\(line.utf8.count + proof.utf8.count + 2) ")
        #expect(answer(line + proof + "Culvert-URL: http://u\r\n\r\nx").hasSuffix(" http://u"))
        #expect(answer(line + "\r\n") == "upgradeNotAsked")
        #expect(answer(line + proof + proof + "\r\n") == "upgradeNotAsked")
        #expect(answer(line + proof.replacing("s3p", with: "s3q") + "\r\n") == "upgradeNotAsked")
        #expect(answer(line.replacing("WebSocket", with: "h2c") + proof + "\r\n") == "upgradeNotAsked")
        #expect(answer(line + proof) == "needMore")
        #expect(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") == "refused 404")
        #expect(answer("SSH-2.0-OpenSSH_9.6\r\n") == "badStatusLine")
    }
}
