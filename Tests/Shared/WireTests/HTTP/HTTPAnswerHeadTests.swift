import Testing

@testable import Primitives
@testable import Wire

@Suite struct HTTPAnswerHeadTests {
    @Test func findsItsParts() throws {
        let source = "HTTP/1.1 404 Not here\tat all\r\nContent-Length: 7\r\nCulvert-URL: http://x.test\r\n\r\nrest"
        let head = try #require(readAnswer(source).head)
        #expect(head.status == 404)
        #expect(head.minor == 1)
        #expect(head.framing == .length(7))
        #expect(head.byteCount == source.utf8.count - 4)
        #expect(text(bytes(source)[head.culvertURL.lower..<head.culvertURL.upper]) == "http://x.test")
    }

    @Test(arguments: [
        "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n", "HTTP/1.0 200 Größe\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n",
    ])
    func tolerates(source: String) { #expect(readAnswer(source).head?.framing == .untilClose) }

    @Test func everyPrefixNeedsMore() {
        let all = bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n")
        for count in all.indices {
            let prefix = Array(all[..<count])
            let step = HTTPAnswerHead.read(prefix.span.bytes, limit: 16_000, method: .get, askedUpgrade: false)
            #expect(step.needsMore)
        }
    }

    @Test func upgradesMustHaveBeenAsked() {
        let good = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        #expect(readAnswer(good, askedUpgrade: true).head?.isUpgrade == true)
        #expect(readAnswer(good, askedUpgrade: true).head?.isInterim == false)
        #expect(readAnswer(good).fault == .upgradeNotAsked)
        #expect(
            readAnswer("HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n", askedUpgrade: true).fault == .upgradeNotAsked)
        #expect(
            readAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n", askedUpgrade: true).fault == .upgradeNotAsked)
        #expect(
            readAnswer(
                "HTTP/1.0 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", askedUpgrade: true
            ).fault == .upgradeNotAsked)
    }

    @Test func specialHeadsPassUnchanged() {
        func passes(_ source: String, _ keeps: Bool = true) -> Bool? {
            readAnswer(source, askedUpgrade: true).head?.passesUnchanged(keepsVisitor: keeps, visitorMinor: 1)
        }
        #expect(passes("HTTP/1.1 100 Continue\r\n\r\n") == true)
        #expect(passes("HTTP/1.1 100 Continue\r\n\r\n", false) == true)
        #expect(passes("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") == true)
        #expect(passes("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n") == false)
        #expect(passes("HTTP/1.1 200 OK\r\nConnection: keep-alive, x-y\r\nContent-Length: 0\r\n\r\n") == false)
        #expect(passes("HTTP/1.1 200 OK\r\nConnection: x-y\r\nContent-Length: 0\r\n\r\n") == false)
        #expect(passes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false) == false)
    }

    @Test func limits() {
        let source = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"
        #expect(readAnswer(source, limit: source.utf8.count).head != nil)
        #expect(readAnswer(source, limit: source.utf8.count - 1).fault == .headTooLarge)
        let long = "HTTP/1.1 200 " + String(repeating: "a", count: 70_000) + "\r\n\r\n"
        #expect(readAnswer(long, limit: 65_535).fault == .headTooLarge)
    }

    @Test func isSmall() { #expect(MemoryLayout<HTTPAnswerHead>.size <= 80) }
}
