import Testing

@testable import Primitives
@testable import Wire

@Suite struct HTTPRequestHeadTests {
    private func part(_ source: String, _ range: ByteRange) -> String {
        text(bytes(source)[range.lower..<range.upper])
    }

    @Test func findsItsParts() throws {
        let source = "POST /a?b=c HTTP/1.1\r\nhOsT: \t shop.example:8080 \t\r\nContent-Length: 12\r\n\r\nbody"
        let head = try #require(readRequest(source).head)
        #expect(head.method == .post)
        #expect(part(source, head.target) == "/a?b=c")
        #expect(part(source, head.host) == "shop.example:8080")
        let all = bytes(source)
        let name = head.hostName(all.span.bytes)
        #expect(part(source, name) == "shop.example")
        #expect(head.framing == .length(12))
        #expect(head.byteCount == source.utf8.count - 4)
        #expect(head.keepsConnection)
        #expect(!head.asksUpgrade)
    }

    @Test func everyPrefixNeedsMore() {
        let source = "\r\nGET http://a.example/x HTTP/1.1\r\nHost: a.example\r\nA: b c\t\r\nContent-Length: 0\r\n\r\n"
        let all = bytes(source)
        for count in all.indices {
            let prefix = Array(all[..<count])
            let step = HTTPRequestHead.read(prefix.span.bytes, limit: 16_000)
            #expect(step.needsMore, "\(count)")
        }
        #expect(readRequest(source).head?.byteCount == all.count)
    }

    @Test(arguments: [
        ("GET", HTTPMethod.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .trace), ("get", .other), ("GETT", .other),
        ("PROPFIND", .other), ("M-SEARCH", .other), ("X", .other),
    ])
    func methods(word: String, method: HTTPMethod) {
        #expect(readRequest("\(word) / HTTP/1.1\r\nHost: a\r\n\r\n").head?.method == method)
    }

    @Test func skipsTwoEmptyLinesAndNoMore() throws {
        let source = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let head = try #require(readRequest("\r\n\r\n" + source).head)
        #expect(head.byteCount == source.utf8.count + 4)
        #expect(head.target.lower == 8)
        #expect(readRequest("\r\n\r\n\r\n" + source).fault == .badRequestLine)
    }

    /// Whatever stands for the host, the body is framed: else it would be the next request.
    @Test(arguments: [
        ("POST http://a/ HTTP/1.1\r\nHost:\r\nTransfer-Encoding: chunked\r\n\r\n", HTTPFraming.chunked),
        ("POST http://a/ HTTP/1.1\r\nHost: \t\r\nContent-Length: 5\r\n\r\n", .length(5)),
        ("POST / HTTP/1.0\r\nHost:\r\nContent-Length: 5\r\n\r\n", .length(5)),
        ("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", .length(5)),
    ])
    func anEmptyHostChangesNoFraming(text: String, framing: HTTPFraming) throws {
        let head = try #require(readRequest(text).head)
        #expect(head.framing == framing)
    }

    @Test(arguments: [
        ("http://a.example", "a.example"), ("http://a.example/", "a.example"), ("HTTP://A:80/x", "A:80"),
        ("https://a.example?q", "a.example"), ("http://[::1]:8080/", "[::1]:8080"),
    ])
    func absoluteFormNamesTheHost(target: String, host: String) throws {
        let source = "GET \(target) HTTP/1.1\r\nHost: other.example\r\n\r\n"
        let head = try #require(readRequest(source).head)
        #expect(head.form == .absolute)
        #expect(part(source, head.host) == host)
    }

    @Test(arguments: ["close", "Close", "keep-alive, close", "close,keep-alive", " , close"])
    func closeWins(value: String) {
        #expect(readRequest("GET / HTTP/1.1\r\nHost: a\r\nConnection: \(value)\r\n\r\n").head?.keepsConnection == false)
    }

    @Test func oldVersionsCloseUnlessAsked() {
        #expect(readRequest("GET / HTTP/1.0\r\n\r\n").head?.keepsConnection == false)
        #expect(readRequest("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head?.keepsConnection == true)
        #expect(readRequest("GET / HTTP/1.0\r\n\r\n").head?.host.isEmpty == true)
        #expect(readRequest("GET / HTTP/1.7\r\nHost: a\r\n\r\n").head?.minor == 1)
    }

    @Test func upgradesNeedBothFields() {
        let line = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(readRequest(line + "Connection: x, upgrade\r\nUpgrade: websocket\r\n\r\n").head?.asksUpgrade == true)
        #expect(readRequest(line + "Upgrade: websocket\r\n\r\n").head?.asksUpgrade == false)
        #expect(readRequest(line + "Connection: Upgrade\r\n\r\n").head?.asksUpgrade == false)
        #expect(
            readRequest("GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").head?.asksUpgrade
                == false)
    }

    @Test func expectations() {
        let line = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        #expect(readRequest(line + "Expect: 100-Continue\r\n\r\n").head?.expectsContinue == true)
        #expect(readRequest(line + "Expect: 200-ok\r\n\r\n").head?.expectsContinue == false)
    }

    @Test func limits() {
        let source = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let count = source.utf8.count
        #expect(readRequest(source, limit: count).head != nil)
        #expect(readRequest(source, limit: count - 1).fault == .headTooLarge)
        #expect(readRequest(String(repeating: "A", count: 20), limit: 20).fault == .headTooLarge)
        #expect(readRequest("GET /" + String(repeating: "a", count: 70_000), limit: 65_535).fault == .headTooLarge)
        #expect(
            readRequest("GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: 70_000) + "\r\n\r\n", limit: 65_535)
                .fault
                == .headTooLarge)
        let fields = (0..<128).map { "A\($0): b\r\n" }.joined()
        #expect(readRequest("GET / HTTP/1.1\r\n\(fields)Host: a\r\n\r\n").fault == .tooManyFields)
    }

    @Test func passesUnchanged() {
        func passes(_ source: String) -> Bool? { readRequest(source).head?.passesUnchanged }
        let line = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(passes(line + "\r\n") == true)
        #expect(passes(line + "Connection: keep-alive\r\n\r\n") == true)
        #expect(passes(line + "Connection: Upgrade\r\nUpgrade: x\r\n\r\n") == true)
        #expect(passes(line + "Upgrade: x\r\n\r\n") == false)
        #expect(passes(line + "Connection: close\r\n\r\n") == false)
        #expect(passes(line + "Connection: keep-alive, x-y\r\n\r\n") == false)
        #expect(passes(line + "Keep-Alive: timeout=5\r\n\r\n") == false)
        #expect(passes("\r\n" + line + "\r\n") == false)
        #expect(passes("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n") == false)
        #expect(passes("GET / HTTP/1.0\r\nHost: a\r\n\r\n") == false)
    }

    @Test func isSmall() { #expect(MemoryLayout<HTTPRequestHead>.size <= 96) }
}
