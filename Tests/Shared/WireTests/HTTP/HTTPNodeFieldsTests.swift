import Primitives
import Testing

@testable import Wire

@Suite struct HTTPNodeFieldsTests {
    private static let node = "8a4f2b54-0f4c-5d0e-9a51-6f0c6a1f2e3d"
    private static let fields = HTTPNodeFields(node: InlineText(node)!, session: (high: 1, low: 31 << 35 | 10))
    private static let session = "100000000000a000000v"

    private func written(_ source: String, room: Int = 4_096) -> String? {
        guard let head = readRequest(source).head else { return nil }
        let all = bytes(source)
        return writing(room) { Self.fields.write(head, all.span.bytes, into: $0) }.map { text($0) }
    }

    @Test func aHeadGetsItsFields() {
        #expect(
            written("GET /a?b HTTP/1.1\r\nhOST:  a \r\nX-Y:\t z \r\n\r\n")
                == "GET /a?b HTTP/1.1\r\nhOST:  a \r\nX-Y:\t z \r\nGost-Forwarded-Node: \(Self.node)\r\n"
                + "Gost-Sid: \(Self.session)\r\nCulvert-Forwarded-Node: \(Self.node)\r\nConnection: close\r\n\r\n")
    }

    /// Nodes before this one stand before it, on one line; a session's name stays; of the connection nothing stays.
    @Test func whatIsThereIsContinued() {
        let source = """
            POST / HTTP/1.1\r
            Gost-Forwarded-Node: a,b\r
            Host: x\r
            connection: keep-alive\r
            gost-sid: dc1clllqmd2r0so9es30\r
            GOST-FORWARDED-NODE:\r
            Culvert-Forwarded-Node: c\r
            Gost-Forwarded-Node: d\r
            Content-Length: 3\r
            \r\n
            """
        let result = """
            POST / HTTP/1.1\r
            Host: x\r
            gost-sid: dc1clllqmd2r0so9es30\r
            Content-Length: 3\r
            Gost-Forwarded-Node: a,b, d, \(Self.node)\r
            Culvert-Forwarded-Node: c, \(Self.node)\r
            Connection: close\r
            \r\n
            """
        #expect(written(source) == result)
    }

    /// An empty name of a session is none.
    @Test func everyRequestHasASession() {
        let result = written("GET / HTTP/1.1\r\nHost: x\r\nGost-Sid: \r\n\r\n")
        #expect(result?.contains("\r\nGost-Sid: \(Self.session)\r\n") == true)
    }

    @Test func aWishForAnotherProtocolStays() {
        let result = written("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
        #expect(result?.contains("\r\nConnection: Upgrade\r\nUpgrade: chat\r\n") == true)
        #expect(result?.contains("close") == false)
    }

    /// As much room as is promised to be enough is; less is said.
    @Test func roomIsBounded() {
        let source = "GET / HTTP/1.1\r\nHost: x\r\nGost-Forwarded-Node: a\r\nConnection: keep-alive\r\n\r\n"
        let most = source.utf8.count + HTTPNodeFields.growthBytesMax + 2 * Self.node.utf8.count
        #expect(written(source, room: most) != nil)
        #expect(written(source, room: source.utf8.count) == nil)
        let shortest = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(
            written(shortest, room: shortest.utf8.count + HTTPNodeFields.growthBytesMax + 2 * Self.node.utf8.count)
                != nil)
    }

    // MARK: What others wrote

    @Test(arguments: [
        (Self.node, true), ("a, \(Self.node)", true), ("\(Self.node) ,b", true), ("", false), ("a,b", false),
        (Self.node.uppercased(), false), (Self.node + "0", false), (String(Self.node.dropLast()), false),
    ])
    func aNodeIsFoundAmongThose(_ value: String, _ isNamed: Bool) {
        let name = InlineText(Self.node)!
        for source in [
            "GET / HTTP/1.1\r\nHost: x\r\nGost-Forwarded-Node: \(value)\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nGOST-Forwarded-Node: y\r\ngost-forwarded-node:\(value)\r\nA: b\r\n\r\n",
        ] {
            let head = readRequest(source).head!
            let all = bytes(source)
            let isFound = HTTPNodeFields.names(name, head, all.span.bytes)
            #expect(isFound == isNamed)
            let isNobodyFound = HTTPNodeFields.names(InlineText(), head, all.span.bytes)
            let hasPassed = HTTPNodeFields.hasPassedNode(head, all.span.bytes)
            #expect(!isNobodyFound && !hasPassed)
        }
    }

    @Test func whatWeHandedOnIsKnown() throws {
        let result = try #require(written("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        let head = try #require(readRequest(result).head)
        let all = bytes(result)
        let hasPassed = HTTPNodeFields.hasPassedNode(head, all.span.bytes)
        let isFound = HTTPNodeFields.names(Self.fields.node, head, all.span.bytes)
        #expect(hasPassed && isFound)
    }
}
