import Testing

@testable import Wire

@Suite struct HTTPRewriterTests {
    private func request(_ source: String, _ options: HTTPRequestRewriter.Options = [], extra: String = "") -> String? {
        guard let head = readRequest(source).head else { return nil }
        let all = bytes(source)
        return bytes(extra).withUnsafeBytes { extra in
            writing(4_096) {
                HTTPRequestRewriter.write(head, all.span.bytes, options: options, extra: extra, into: $0)
            }.map { text($0) }
        }
    }

    private func answer(
        _ source: String, _ options: HTTPAnswerRewriter.Options = [], extra: String = "", askedUpgrade: Bool = false
    ) -> String? {
        guard let head = readAnswer(source, askedUpgrade: askedUpgrade).head else { return nil }
        let all = bytes(source)
        return bytes(extra).withUnsafeBytes { extra in
            writing(4_096) {
                HTTPAnswerRewriter.write(head, all.span.bytes, options: options, extra: extra, into: $0)
            }.map { text($0) }
        }
    }

    @Test func keepsEverythingElseByteForByte() {
        let source = "GET /a?b HTTP/1.1\r\nhOST:  a \r\nX-Y:\t z \r\nCookie: a=b; c\r\n\r\n"
        #expect(request(source) == source)
        #expect(
            request(source, extra: "X-Forwarded-For: 192.0.2.1\r\n")
                == "GET /a?b HTTP/1.1\r\nhOST:  a \r\nX-Y:\t z \r\nCookie: a=b; c\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        )
    }

    @Test func dropsWhatConcernedOneHop() {
        #expect(
            request(
                """
                GET / HTTP/1.1\r
                Host: a\r
                Connection: keep-alive, X-One, te\r
                X-One: 1\r
                x-ONE: 2\r
                TE: trailers\r
                Keep-Alive: timeout=5\r
                Proxy-Connection: close\r
                Upgrade: h2c\r
                X-Two: 2\r
                connection: x-three\r
                X-Three: 3\r
                Content-Length: 5\r
                \r

                """)
                == "GET / HTTP/1.1\r\nHost: a\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\n")
    }

    @Test func upgradesStay() {
        #expect(
            request("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nHost: a\r\nUpgrade: websocket\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    }

    @Test(arguments: [
        ("GET http://b.example", "GET / "), ("GET http://b.example/", "GET / "), ("GET http://b.example?q", "GET /?q "),
        ("GET https://b.example/p?q", "GET /p?q "), ("OPTIONS http://b.example", "OPTIONS * "),
        ("OPTIONS http://b.example/", "OPTIONS / "),
    ])
    func absoluteFormBecomesOriginForm(line: String, rewritten: String) {
        #expect(
            request("\(line) HTTP/1.1\r\nA: 1\r\nHost: a\r\n\r\n")
                == "\(rewritten)HTTP/1.1\r\nHost: b.example\r\nA: 1\r\n\r\n")
    }

    @Test func versionBecomesOurs() {
        #expect(
            request("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test func emptyLinesBeforeARequestGo() {
        #expect(request("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    @Test func requestsOnOneStreamOnly() {
        #expect(request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", .closeAfter)?.contains("Connection: close\r\n") == true)
    }

    @Test func whatDoesNotFitIsNil() throws {
        let source = bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try #require(readRequest(text(source)).head)
        for capacity in 0...source.count {
            let written = writing(capacity) {
                HTTPRequestRewriter.write(
                    head, source.span.bytes, options: [], extra: UnsafeRawBufferPointer(start: nil, count: 0), into: $0)
            }
            #expect((written == nil) == (capacity < source.count))
        }
    }

    /// A rewritten request reads as the same request; rewriting it again changes nothing.
    @Test(arguments: [
        "GET http://b:81/x HTTP/1.1\r\nHost: a\r\nConnection: x\r\nX: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nKeep-Alive: x\r\n\r\n",
        "PUT /x HTTP/1.0\r\nContent-Length: 77\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    ])
    func rewritingIsStable(source: String) throws {
        let once = try #require(request(source))
        let before = try #require(readRequest(source).head)
        let after = try #require(readRequest(once).head)
        #expect(after.framing == before.framing)
        #expect(after.method == before.method)
        #expect(request(once) == once)
        #expect(after.passesUnchanged)
    }

    @Test func answersSayWhatIsTrueOfTheVisitorsConnection() {
        let source = "HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: close\r\nKeep-Alive: 1\r\nContent-Length: 2\r\n\r\n"
        let kept = "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 2\r\n"
        #expect(answer(source) == kept + "\r\n")
        #expect(answer(source, .close) == kept + "Connection: close\r\n\r\n")
        #expect(answer(source, .keepAlive) == kept + "Connection: keep-alive\r\n\r\n")
        #expect(answer(source, extra: "A: b\r\n") == kept + "A: b\r\n\r\n")
    }

    @Test func codingGoesForOldVisitors() {
        #expect(
            answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n", [.unchunked, .close])
                == "HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n")
    }

    @Test func interimAndUpgradeAnswers() {
        #expect(
            answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: keep-alive\r\n\r\n", .close)
                == "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
        let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        #expect(answer(upgrade, askedUpgrade: true) == upgrade)
        #expect(
            answer("HTTP/1.1 426 X\r\nUpgrade: h2\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n", .close)
                == "HTTP/1.1 426 X\r\nUpgrade: h2\r\nContent-Length: 0\r\nConnection: close, Upgrade\r\n\r\n")
        #expect(
            answer("HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
                == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }
}
