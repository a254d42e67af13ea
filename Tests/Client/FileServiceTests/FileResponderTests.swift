import Foundation
import Testing

@testable import FileService

/// What is answered, without a socket: paths, ranges, conditions, listings.
struct FileResponderTests {
    let files: TemporaryTree
    let responder: FileResponder

    init() throws {
        files = try TemporaryTree()
        responder = FileResponder(tree: try FileTree(directory: files.root), boundary: "cut")
    }

    // MARK: - Escapes

    static let escapes = [
        "/../secret.txt", "/..", "/sub/../../secret.txt", "/%2e%2e/secret.txt", "/%2E%2e/secret.txt",
        "/.%2e/secret.txt", "/..%2fsecret.txt", "/..%2Fsecret.txt", "/sub%2fdeep/x.txt", "/%2fetc/passwd", "/a.txt%00",
        "/a.txt%00.html", "/%00", "/out", "/outdir/secret.txt", "/outdir/", "/absolute", "/loop", "/sub/../a.txt",
        "//../secret.txt", "/./../secret.txt", "http://host/../secret.txt", "/..;/secret.txt", "/%5c..%5csecret.txt",
        "/a.txt/", "/a.txt/x", "/nothing", "/%c0%ae%c0%ae/secret.txt", "/...", "/proc/self/root/etc/passwd",
    ]

    @Test(arguments: escapes)
    func nothingLeadsOut(target: String) {
        let answer = responder.answer(.init(method: "GET", target: target))
        #expect(answer.status == 404)
        #expect(!text(answer).contains("secret"))
    }

    @Test(arguments: ["", "x", "*", "/%", "/%2", "/%zz", "/%-1", "/" + String(repeating: "a", count: 9_000)])
    func textsThatAreNoPath(target: String) {
        #expect(responder.answer(.init(method: "GET", target: target)).status == 400)
    }

    @Test(arguments: [
        "/a.txt", "/a%2Etxt", "/%61.txt", "/./a.txt", "//a.txt", "/a.txt?x=/../", "/in", "http://host:80/a.txt",
        "/a.txt#part",
    ])
    func waysToOneFile(target: String) {
        let answer = responder.answer(.init(method: "GET", target: target))
        #expect(answer.status == 200)
        #expect(text(answer) == "0123456789")
    }

    /// The walk of kernels without openat2 follows no link, inside or out.
    @Test(arguments: [
        (["a.txt"], true), (["sub", "deep", "x.txt"], true), ([], true), (["in"], false), (["out"], false),
        (["outdir", "secret.txt"], false), (["indir", "index.html"], false), (["nothing"], false),
    ])
    func theWalkWithoutOpenat2(steps: [String], found: Bool) throws {
        let tree = try FileTree(directory: files.root)
        let descriptor = tree.walk(FilePath(steps: steps.map { Array($0.utf8) }, namesDirectory: false))
        #expect((descriptor >= 0) == found)
        if descriptor >= 0 { #expect(OpenFile(adopting: descriptor) != nil) }
    }

    @Test func aDirectoryThatIsNoneIsNamed() {
        let fault = #expect(throws: FileTree.Fault.self) { try FileTree(directory: files.root + "/a.txt") }
        #expect(fault?.message.contains("/a.txt") == true)
    }

    // MARK: - Methods and directories

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
    func otherMethods(method: String) {
        let answer = responder.answer(.init(method: method, target: "/a.txt"))
        #expect(answer.status == 405)
        #expect(answer.field("Allow") == "GET, HEAD")
    }

    @Test func aHeadHasTheLengthAndNoBody() {
        let answer = responder.answer(.init(method: "HEAD", target: "/a.txt"))
        #expect(answer.status == 200)
        #expect(answer.length == 10)
        #expect(answer.parts.isEmpty)
    }

    @Test(arguments: [
        ("/page.html", "text/html; charset=utf-8"), ("/a.txt", "text/plain; charset=utf-8"),
        ("/empty", "application/octet-stream"), ("/sub/", "text/html; charset=utf-8"),
    ])
    func contentTypes(target: String, type: String) {
        #expect(responder.answer(.init(method: "GET", target: target)).field("Content-Type") == type)
    }

    @Test func aDirectoryWithoutItsSlashIsRedirectedBelowItself() {
        let answer = responder.answer(.init(method: "GET", target: "/sub/deep?q=1"))
        #expect(answer.status == 301)
        #expect(answer.field("Location") == "./deep/?q=1")
        // Never to another host, however the path is written.
        #expect(responder.answer(.init(method: "GET", target: "//sub")).field("Location") == "./sub/")
    }

    @Test func anIndexIsServedInPlaceOfTheListing() {
        #expect(text(responder.answer(.init(method: "GET", target: "/sub/"))) == "index")
        #expect(text(responder.answer(.init(method: "GET", target: "/indir/"))) == "index")
    }

    @Test func aListingIsSortedAndEscaped() {
        let page = text(responder.answer(.init(method: "GET", target: "/")))
        let names = ["listed/", "sub/", "a.txt", "absolute", "b%20%26%20%3Cc%3E.bin", "big", "empty"]
        let places = names.map { page.firstRange(of: "href=\"./\($0)\"")?.lowerBound }
        #expect(!places.contains(nil))
        #expect(places.compactMap { $0 } == places.compactMap { $0 }.sorted())
        #expect(page.contains(">b &amp; &lt;c&gt;.bin<"))
        #expect(!page.contains("<c>"))
        #expect(!page.contains("../"), "the top has no parent")

        let below = text(responder.answer(.init(method: "GET", target: "/listed/")))
        #expect(below.contains("href=\"./a%3Ab\""))
        #expect(below.contains("z&#39;&quot;.txt"))
        #expect(below.contains("href=\"../\""))
    }

    @Test(
        arguments: [
            (0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (4_608, "4.5 KiB"), (102_400, "100 KiB"),
            (1 << 20, "1.0 MiB"), (17 << 20, "17.0 MiB"), (5 << 40, "5.0 TiB"), (1 << 50, "1 PiB"),
        ] as [(UInt64, String)])
    func lengthsAreReadable(bytes: UInt64, text: String) { #expect(DirectoryListing.readable(bytes) == text) }

    // MARK: - Ranges

    struct RangeCase: CustomTestStringConvertible, Sendable {
        var field: String
        var status: Int
        var body: String
        var contentRange: String?
        var testDescription: String { field }
    }

    static let ranges = [
        RangeCase(field: "bytes=0-0", status: 206, body: "0", contentRange: "bytes 0-0/10"),
        RangeCase(field: "bytes=2-5", status: 206, body: "2345", contentRange: "bytes 2-5/10"),
        RangeCase(field: "bytes=5-", status: 206, body: "56789", contentRange: "bytes 5-9/10"),
        RangeCase(field: "bytes=-3", status: 206, body: "789", contentRange: "bytes 7-9/10"),
        RangeCase(field: "bytes=-99", status: 206, body: "0123456789", contentRange: "bytes 0-9/10"),
        RangeCase(field: "bytes=8-99999999999999999999999", status: 206, body: "89", contentRange: "bytes 8-9/10"),
        RangeCase(field: "Bytes = 1-1", status: 206, body: "1", contentRange: "bytes 1-1/10"),
        RangeCase(field: "bytes=4-5, 0-1", status: 206, body: "012345", contentRange: "bytes 0-5/10"),
        RangeCase(field: "bytes=0-9,0-9,0-9", status: 206, body: "0123456789", contentRange: "bytes 0-9/10"),
        RangeCase(field: "bytes=1-1,99-", status: 206, body: "1", contentRange: "bytes 1-1/10"),
        RangeCase(field: "bytes=10-", status: 416, body: "No such range.\n", contentRange: "bytes */10"),
        RangeCase(field: "bytes=-0", status: 416, body: "No such range.\n", contentRange: "bytes */10"),
        RangeCase(field: "bytes=5-4", status: 200, body: "0123456789"),
        RangeCase(field: "bytes=a-b", status: 200, body: "0123456789"),
        RangeCase(field: "bytes=--1", status: 200, body: "0123456789"),
        RangeCase(field: "bytes=+1-2", status: 200, body: "0123456789"),
        RangeCase(field: "bytes=", status: 200, body: "0123456789"),
        RangeCase(field: "lines=1-2", status: 200, body: "0123456789"),
        RangeCase(
            field: "bytes=" + (0..<1_000).map { "\($0)-\($0)" }.joined(separator: ","), status: 416,
            body: "No such range.\n", contentRange: "bytes */10"),
    ]

    @Test(arguments: ranges)
    func aRange(range: RangeCase) {
        var request = FileResponder.Request(method: "GET", target: "/a.txt")
        request.range = range.field
        let answer = responder.answer(request)
        #expect(answer.status == range.status)
        #expect(text(answer) == range.body)
        #expect(answer.field("Content-Range") == range.contentRange)
        #expect(answer.length == UInt64(range.body.utf8.count))
    }

    @Test func severalRangesThatLieApart() throws {
        var request = FileResponder.Request(method: "GET", target: "/big")
        request.range = "bytes=90000-90001,0-1,200-201"
        let answer = responder.answer(request)
        #expect(answer.status == 206)
        #expect(answer.field("Content-Type") == "multipart/byteranges; boundary=cut")
        let body = bytes(answer)
        #expect(answer.length == UInt64(body.count))
        let parts = String(decoding: body, as: UTF8.self).split(separator: "--cut").dropFirst()
        #expect(parts.count == 4)
        #expect(parts.last == "--\r\n")
        let ranges = parts.dropLast().map { part in
            String(part.split(separator: "bytes ", maxSplits: 1).last ?? "").prefix { $0 != "\r" && $0 != "\r\n" }
        }
        #expect(ranges == ["0-1/100000", "200-201/100000", "90000-90001/100000"])
    }

    @Test func anEmptyFileHasNoRange() {
        var request = FileResponder.Request(method: "GET", target: "/empty")
        request.range = "bytes=0-"
        #expect(responder.answer(request).status == 416)
        #expect(responder.answer(.init(method: "GET", target: "/empty")).status == 200)
    }

    // MARK: - Conditions

    @Test func conditions() throws {
        let first = responder.answer(.init(method: "GET", target: "/a.txt"))
        let tag = try #require(first.field("ETag"))
        let date = try #require(first.field("Last-Modified"))
        let later = HTTPDate(secondsSince1970: try #require(HTTPDate(date)).secondsSince1970 + 60).text
        let earlier = HTTPDate(secondsSince1970: try #require(HTTPDate(date)).secondsSince1970 - 60).text

        func status(range: String? = nil, _ change: (inout FileResponder.Request) -> Void) -> Int {
            var request = FileResponder.Request(method: "GET", target: "/a.txt")
            request.range = range
            change(&request)
            return responder.answer(request).status
        }
        #expect(status { $0.ifNoneMatch = tag } == 304)
        #expect(status { $0.ifNoneMatch = "\"x\", W/\(tag)" } == 304)
        #expect(status { $0.ifNoneMatch = "*" } == 304)
        #expect(status { $0.ifNoneMatch = "\"x\"" } == 200)
        #expect(status { $0.ifModifiedSince = date } == 304)
        #expect(status { $0.ifModifiedSince = later } == 304)
        #expect(status { $0.ifModifiedSince = earlier } == 200)
        #expect(status { $0.ifModifiedSince = "yesterday" } == 200)
        // The tag decides where both stand.
        #expect(
            status {
                $0.ifModifiedSince = later
                $0.ifNoneMatch = "\"x\""
            } == 200)
        #expect(status(range: "bytes=0-1") { $0.ifRange = tag } == 206)
        #expect(status(range: "bytes=0-1") { $0.ifRange = "W/" + tag } == 200)
        #expect(status(range: "bytes=0-1") { $0.ifRange = date } == 206)
        #expect(status(range: "bytes=0-1") { $0.ifRange = later } == 200)
    }

    @Test(
        arguments: [
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
        ] as [(Int64, String)])
    func dates(seconds: Int64, text: String) {
        #expect(HTTPDate(secondsSince1970: seconds).text == text)
        #expect(HTTPDate(text)?.secondsSince1970 == seconds)
    }

    // MARK: -

    private func bytes(_ answer: FileAnswer) -> [UInt8] {
        answer.parts.flatMap { part -> [UInt8] in
            switch part {
            case .bytes(let bytes): return bytes
            case .file(let file, let range):
                var memory = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
                let count = try? memory.withUnsafeMutableBytes { try file.read(at: range.lowerBound, into: $0) }
                #expect(count == memory.count)
                return memory
            }
        }
    }

    private func text(_ answer: FileAnswer) -> String { String(decoding: bytes(answer), as: UTF8.self) }
}
