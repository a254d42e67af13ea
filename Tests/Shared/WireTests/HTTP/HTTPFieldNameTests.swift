import Testing

@testable import Wire

@Suite struct HTTPFieldNameTests {
    private static let spelled: [(HTTPFieldName, String)] = [
        (.host, "host"), (.connection, "connection"), (.keepAlive, "keep-alive"),
        (.proxyConnection, "proxy-connection"), (.upgrade, "upgrade"), (.expect, "expect"),
        (.contentLength, "content-length"), (.transferEncoding, "transfer-encoding"),
        (.forwardedFor, "x-forwarded-for"), (.forwardedProto, "x-forwarded-proto"),
        (.forwardedHost, "x-forwarded-host"), (.forwarded, "forwarded"), (.realAddress, "x-real-ip"),
        (.forwardedNode, "gost-forwarded-node"), (.culvertURL, "culvert-url"),
        (.webSocketKey, "sec-websocket-key"), (.webSocketVersion, "sec-websocket-version"),
        (.webSocketAccept, "sec-websocket-accept"),
    ]

    private func name(_ bytes: [UInt8]) -> HTTPFieldName { HTTPFieldName(bytes.span.bytes, 0, bytes.count) }

    @Test func everyNameIsSpelledOut() {
        #expect(Set(Self.spelled.map(\.0)).count == HTTPFieldName.allCases.count - 1)
        for (expected, spelling) in Self.spelled {
            #expect(name(bytes(spelling)) == expected)
            #expect(name(bytes(spelling.uppercased())) == expected)
        }
    }

    /// One letter changed, dropped or added makes another name: no byte of any name goes unread.
    @Test func everyByteCounts() {
        for (expected, spelling) in Self.spelled {
            let letters = bytes(spelling)
            for index in letters.indices {
                for other in UInt8(0x21)...0x7E where HTTPBytes.isToken(other) {
                    var changed = letters
                    changed[index] = other
                    let isSame = changed == letters || text(changed).lowercased() == spelling
                    #expect((name(changed) == expected) == isSame, "\(text(changed))")
                }
            }
            #expect(name(Array(letters.dropLast())) == .other)
            #expect(name(letters + bytes("s")) == .other)
        }
    }
}
