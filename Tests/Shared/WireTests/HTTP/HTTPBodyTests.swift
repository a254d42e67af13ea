import Testing

@testable import Wire

@Suite struct HTTPBodyTests {
    @Test func chunkedIsTheSameInEverySplit() {
        let body = "5\r\nhello\r\n00A;name=\"v\";x\r\n, world!!!\r\n0;last\r\nTrailer: 1\r\nOther:\r\n\r\n"
        let all = bytes(body)
        let expected = BodyReading(data: bytes("hello, world!!!"), passed: all, isDone: true)
        for pieces in cuts(of: all) { #expect(BodyReading.of(.chunked, pieces) == expected) }
        for pieces in cuts(of: all) {
            let reading = BodyReading.passing(.chunked, pieces)
            #expect(reading.passed == all)
            #expect(reading.isDone)
        }
    }

    @Test func chunkedLeavesWhatFollows() {
        let body = bytes("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n")
        let reading = BodyReading.of(.chunked, [body])
        #expect(reading.isDone)
        #expect(reading.left == 16)
        #expect(reading.data == bytes("abc"))
    }

    @Test func chunkSizes() {
        for size in [1, 9, 10, 15, 16, 255, 4_096, 65_536] {
            for hexText in [
                String(size, radix: 16), String(size, radix: 16, uppercase: true), "000" + String(size, radix: 16),
            ] {
                let data = [UInt8](repeating: 0x61, count: size)
                let reading = BodyReading.of(.chunked, [bytes("\(hexText)\r\n") + data + bytes("\r\n0\r\n\r\n")])
                #expect(reading.data.count == size)
                #expect(reading.isDone)
            }
        }
    }

    @Test func largestChunkIsCountedRight() {
        var reader = HTTPChunkedReader()
        let head = bytes("7fffffffffffffff\r\nab")
        var cursor = 0
        let framing = reader.next(head.span.bytes, &cursor)
        let data = reader.next(head.span.bytes, &cursor)
        #expect(framing == .framing(offset: 0, count: 18))
        #expect(data == .data(offset: 18, count: 2))
    }

    @Test func limitsAreReachedExactly() {
        let extended = "1;" + String(repeating: "e", count: HTTPChunkedReader.extensionBytesMax)
        #expect(BodyReading.of(.chunked, [bytes(extended + "\r\na\r\n0\r\n\r\n")]).isDone)
        #expect(BodyReading.of(.chunked, [bytes(extended + "e\r\n")]).fault == .chunkExtensionTooLong)
        // Name, colon, value, line ends: the whole section counts.
        let trailer = "T:" + String(repeating: "e", count: HTTPChunkedReader.trailerBytesMax - 6)
        #expect(BodyReading.of(.chunked, [bytes("0\r\n\(trailer)\r\n\r\n")]).isDone)
        #expect(BodyReading.of(.chunked, [bytes("0\r\n\(trailer)e\r\n\r\n")]).fault == .trailerTooLong)
    }

    @Test func countedBodies() {
        for pieces in cuts(of: bytes("hello world")) {
            let reading = BodyReading.of(.length(5), pieces)
            #expect(reading.data == bytes("hello"))
            #expect(reading.isDone)
        }
        #expect(BodyReading.of(.length(5), [bytes("hell")]).isDone == false)
        #expect(BodyReading.of(.none, [bytes("x")]) == BodyReading(isDone: true, left: 1))
        #expect(BodyReading.of(.length(0), [[]]).isDone)
    }

    @Test func untilCloseTakesEverything() {
        #expect(BodyReading.of(.untilClose, [bytes("a"), bytes("bc")]).data == bytes("abc"))
        #expect(HTTPBody(.untilClose).mayEndHere)
        #expect(!HTTPBody(.length(1)).mayEndHere)
        #expect(HTTPBody(.none).mayEndHere)
        #expect(!HTTPBody(.chunked).mayEndHere)
        #expect(HTTPBody(.length(7)).remaining == 7)
        #expect(HTTPBody(.chunked).remaining == nil)
    }

    @Test func endNeedsNoFurtherByte() {
        var body = HTTPBody(.length(2))
        var cursor = 0
        let all = bytes("ab")
        let first = body.next(all.span.bytes, &cursor)
        let second = body.next(all.span.bytes, &cursor)
        #expect(first == .data(offset: 0, count: 2))
        #expect(second == .end)
    }

    @Test func isSmall() { #expect(MemoryLayout<HTTPBody>.size <= 40) }
}
