import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct ProxyHeaderTests {
    private func read(_ bytes: [UInt8], limit: Int = 4_096) -> ProxyHeader.Step {
        ProxyHeader.read(bytes.span.bytes, limit: limit)
    }

    private func address(_ text: String) -> SocketAddress { RelayAddress(text)!.socketAddress! }

    private func header(_ source: String?, _ destination: String?) -> ProxyHeader {
        ProxyHeader(source: source.map(address), destination: destination.map(address))
    }

    /// Lines of the specification (§2.1) and of HAProxy, which no code of ours has written.
    private static let lines: [(line: String, source: String?, destination: String?)] = [
        ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "192.168.0.1:56324", "192.168.0.11:443"),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535",
            "255.255.255.255:65535"
        ),
        ("PROXY TCP6 2001:db8::1 ::1 1 0\r\n", "[2001:db8::1]:1", "[::1]:0"),
        ("PROXY TCP6 ::ffff:192.0.2.1 :: 1 2\r\n", "192.0.2.1:1", "[::]:2"),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        ),
        ("PROXY UNKNOWN\r\n", nil, nil),
        (
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                + "65535 65535\r\n", nil, nil
        ),
    ]

    /// Headers of version 2, put together by hand.
    private static let binaries: [(hex: String, source: String?, destination: String?)] = [
        ("0d0a0d0a000d0a515549540a 21 11 000c c0000201 c6336407 dc04 01bb", "192.0.2.1:56324", "198.51.100.7:443"),
        (
            "0d0a0d0a000d0a515549540a 21 21 0024 20010db8000000000000000000000001 00000000000000000000000000000001 "
                + "0001 ffff", "[2001:db8::1]:1", "[::1]:65535"
        ),
        // Datagrams, which a proxy may name as well.
        ("0d0a0d0a000d0a515549540a 21 12 000c 01020304 05060708 0001 0002", "1.2.3.4:1", "5.6.7.8:2"),
        // LOCAL: what follows is skipped, whatever it says.
        ("0d0a0d0a000d0a515549540a 20 00 0000", nil, nil),
        ("0d0a0d0a000d0a515549540a 20 31 0003 616263", nil, nil),
        // UNSPEC.
        ("0d0a0d0a000d0a515549540a 21 00 0002 ffff", nil, nil),
        // Extensions behind the address: an authority, a checksum and a NOOP.
        (
            "0d0a0d0a000d0a515549540a 21 11 001f c0000201 c6336407 dc04 01bb 02 0003 612e62 03 0004 00000000 04 0003 000000",
            "192.0.2.1:56324", "198.51.100.7:443"
        ),
    ]

    @Test(arguments: 0..<lines.count) func linesInEverySplit(index: Int) {
        let (line, source, destination) = Self.lines[index]
        checkEverySplit(bytes(line), header(source, destination))
    }

    @Test(arguments: 0..<binaries.count) func binariesInEverySplit(index: Int) {
        let (digits, source, destination) = Self.binaries[index]
        checkEverySplit(hex(digits), header(source, destination))
    }

    /// Every prefix asks for more; the whole is read the same whatever follows it, and not a byte too far.
    private func checkEverySplit(_ all: [UInt8], _ expected: ProxyHeader) {
        for count in 0..<all.count { #expect(read(Array(all[..<count])) == .needMore, "\(count) bytes") }
        for behind in [[], [0x16], bytes("GET / HTTP/1.1\r\n"), all] {
            #expect(read(all + behind) == .header(expected, byteCount: all.count))
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "POST /", "PUT /", "PATCH /", "PRI * HTTP/2.0\r\n", "PROPFIND /", "PROXYFIND /",
        "PROXY\r\n", "proxy TCP4", "\u{16}\u{03}\u{01}", "\u{01}\u{01}", "\r\nGET /", "\r\n\r\nGET /", "\n",
    ])
    func otherBeginningsAreNone(beginning: String) {
        let all = bytes(beginning)
        #expect(read(all) == .absent)
        // Once a prefix is told to be none, it stays none.
        var isNone = false
        for count in 0...all.count {
            let step = read(Array(all[..<count]))
            if isNone { #expect(step == .absent) }
            if step == .absent { isNone = true } else { #expect(step == .needMore) }
        }
    }

    @Test(arguments: [
        ("PROXY \r\n", ProxyFault.badLine), ("PROXY TCP4\r\n", .badLine), ("PROXY TCP4 \r\n", .badLine),
        ("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", .badLine), ("PROXY UNKNOWNS\r\n", .badLine),
        ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", .badLine), ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", .badLine),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", .badLine), ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rx", .badLine),
        ("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", .badLine),
        ("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n", .badAddress), ("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n", .badAddress),
        ("PROXY TCP4 1.2.3.4 1.2.3.256 1 2\r\n", .badAddress), ("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", .badAddress),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", .badAddress), ("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", .badAddress),
        ("PROXY TCP6 1::2::3 ::1 1 2\r\n", .badAddress), ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", .badAddress),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", .badPort), ("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", .badPort),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n", .badPort), ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n", .badPort),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", .badPort), ("PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", .badPort),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 100000\r\n", .badPort),
    ])
    func wrongLines(line: String, fault: ProxyFault) { #expect(read(bytes(line)) == .fault(fault)) }

    @Test func lineIsBounded() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"
        #expect(longest.utf8.count == ProxyHeader.lineBytesMax)
        #expect(read(bytes(longest)) == .header(header(nil, nil), byteCount: 107))
        let endless = bytes("PROXY UNKNOWN " + String(repeating: "x", count: 200))
        #expect(read(Array(endless[..<105])) == .needMore)
        #expect(read(Array(endless[..<106])) == .fault(.lineTooLong))
        #expect(read(endless) == .fault(.lineTooLong))
    }

    @Test(arguments: [
        ("11 11 000c", ProxyFault.unknownVersion), ("31 11 000c", .unknownVersion), ("22 11 000c", .unknownCommand),
        ("2f 11 000c", .unknownCommand), ("21 13 000c", .unknownFamily), ("21 41 000c", .unknownFamily),
        ("21 11 000b", .truncatedAddress), ("21 21 0023", .truncatedAddress), ("21 31 00d8", .unixAddress),
        ("21 32 0000", .unixAddress), ("21 11 0ff1", .tooLong), ("20 00 ffff", .tooLong),
    ])
    func wrongBinaries(head: String, fault: ProxyFault) {
        let all = hex("0d0a0d0a000d0a515549540a" + head)
        // Judged without waiting for the addresses.
        #expect(read(all) == .fault(fault))
        #expect(read(Array(all.dropLast())) == .needMore)
    }

    @Test func longestBinary() {
        let all = hex("0d0a0d0a000d0a515549540a 21 11 0ff0") + [UInt8](repeating: 1, count: 4_080)
        let address = address("1.1.1.1:257")
        #expect(read(all) == .header(ProxyHeader(source: address, destination: address), byteCount: 4_096))
        #expect(read(all, limit: 4_095) == .fault(.tooLong))
    }

    // MARK: Writing

    private func written(_ header: ProxyHeader, _ version: Int) -> [UInt8]? {
        writing(ProxyHeader.writtenBytesMax) { target in
            var writer = ByteWriter(target)
            if version == 1 { header.writeText(to: &writer) } else { header.writeBinary(to: &writer) }
            return writer.finished
        }
    }

    @Test func writesTheLinesOfTheSpecification() throws {
        for index in [0, 1, 2, 4, 5] {
            let (line, source, destination) = Self.lines[index]
            #expect(text(try #require(written(header(source, destination), 1))) == line)
        }
        for index in [0, 1, 3] {
            let (digits, source, destination) = Self.binaries[index]
            #expect(written(header(source, destination), 2) == hex(digits))
        }
    }

    @Test(arguments: [
        ("192.0.2.1:5", "[2001:db8::2]:80", "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 5 80\r\n"),
        ("[2001:db8::2]:80", "192.0.2.1:5", "PROXY TCP6 2001:db8::2 ::ffff:192.0.2.1 80 5\r\n"),
        ("192.0.2.1:5", nil, "PROXY TCP4 192.0.2.1 0.0.0.0 5 0\r\n"),
        ("[2001:db8::2]:5", nil, "PROXY TCP6 2001:db8::2 :: 5 0\r\n"),
    ])
    func familiesAreNotMixed(source: String, destination: String?, line: String) throws {
        let header = header(source, destination)
        #expect(text(try #require(written(header, 1))) == line)
        for version in [1, 2] {
            let all = try #require(written(header, version))
            guard case .header(let again, all.count) = read(all) else {
                Issue.record("what we wrote cannot be read")
                continue
            }
            #expect(again.source == header.source)
            #expect(again.destination?.port == header.destination?.port ?? 0)
        }
    }
}
