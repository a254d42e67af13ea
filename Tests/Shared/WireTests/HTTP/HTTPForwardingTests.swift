import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct HTTPForwardingTests {
    private static let stranger = SocketAddress(ipv4: 0xC000_0207, port: 5_000)

    /// The request as it goes into the tunnel.
    private func forward(_ source: String, from address: SocketAddress = stranger, isTrusted: Bool = false) -> String? {
        guard let head = readRequest(source).head else { return nil }
        let all = bytes(source)
        let forwarding = HTTPForwarding(source: address, isTrusted: isTrusted)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        return writing(4_096) {
            HTTPRequestRewriter.write(
                head, all.span.bytes, options: [], forwarding: forwarding, extra: none, into: $0)
        }.map { text($0) }
    }

    private let added = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a:81\r\n"

    @Test func plainRequestsAreContinued() {
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\nX: 1\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: a:81\r\nX: 1\r\n\(added)\r\n")
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: a:81\r\nConnection: Upgrade\r\nUpgrade: x\r\n\(added)\r\n")
        #expect(
            forward("GET http://a:81/x HTTP/1.0\r\nConnection: close, X\r\nX: 1\r\n\r\n")
                == "GET /x HTTP/1.1\r\nHost: a:81\r\n\(added)\r\n")
    }

    @Test func addressesOfBothFamilies() {
        let address = SocketAddress(high: 0x2001_0DB8_0000_0000, low: 1, port: 9)
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: address)?.contains(
                "\r\nX-Forwarded-For: 2001:db8::1\r\n") == true)
    }

    private let claims =
        "X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\nX-Forwarded-Proto: https\r\nx-forwarded-for: 10.0.0.2\r\n"
        + "X-Forwarded-Host: h.example\r\nForwarded: for=1\r\nX-Real-IP: 198.51.100.1\r\nX-Forwarded-Port: 1\r\n"

    @Test func strangersAreNotBelieved() {
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\n\(claims)\r\n")
                == "GET / HTTP/1.1\r\nHost: a:81\r\nX-Forwarded-Port: 1\r\n\(added)\r\n")
        // Nor may they have ours taken away as fields of the hop.
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\nConnection: X-Forwarded-For, close\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: a:81\r\n\(added)\r\n")
    }

    @Test func trustedProxiesAreContinued() {
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\n\(claims)\r\n", isTrusted: true)
                == "GET / HTTP/1.1\r\nHost: a:81\r\nForwarded: for=1\r\nX-Real-IP: 198.51.100.1\r\n"
                + "X-Forwarded-Port: 1\r\nX-Forwarded-For: 198.51.100.1, 10.0.0.1, 10.0.0.2, 192.0.2.7\r\n"
                + "X-Forwarded-Proto: https\r\nX-Forwarded-Host: h.example\r\n\r\n")
        // What it does not say is said for it.
        #expect(
            forward("GET / HTTP/1.1\r\nHost: a:81\r\nX-Forwarded-For:\r\n\r\n", isTrusted: true)
                == "GET / HTTP/1.1\r\nHost: a:81\r\n\(added)\r\n")
    }

    @Test func growthIsBounded() throws {
        let widest = SocketAddress(high: 0x1111_1111_1111_1111, low: 0x1111_1111_1111_1111, port: 1)
        for isTrusted in [false, true] {
            for host in ["a", String(repeating: "a", count: 250) + ":65535"] {
                for fields in ["", "X-Forwarded-For: 1\r\n", "X-Forwarded-For: 1\r\nX-Forwarded-For: 2\r\n"] {
                    let source = "GET / HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
                    let written = try #require(forward(source, from: widest, isTrusted: isTrusted))
                    let growth = written.utf8.count - source.utf8.count
                    #expect(growth <= HTTPForwarding.growthBytesMax + host.utf8.count)
                }
            }
        }
    }

    // MARK: The client behind the proxies

    private func client(_ fields: String, from address: String = "10.0.0.9") -> String {
        let source = "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
        guard let head = readRequest(source).head else { return "no head" }
        let all = bytes(source)
        let proxies = TrustedProxies([AddressPrefix("10.0.0.0/8")!, AddressPrefix("2001:db8:1::/48")!])
        let peer = RelayAddress("\(address):7")!.socketAddress!
        return HTTPForwarding.client(of: head, all.span.bytes, source: peer, proxies: proxies).text
    }

    @Test(arguments: [
        ("X-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1:0"),
        // The last that nobody vouches for: what it claims about others further left is its own word.
        ("X-Forwarded-For: 203.0.113.5, 198.51.100.1\r\n", "198.51.100.1:0"),
        ("X-Forwarded-For: 203.0.113.5, 198.51.100.1, 10.1.1.1\r\n", "198.51.100.1:0"),
        ("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 10.1.1.1\r\n", "198.51.100.1:0"),
        ("X-Forwarded-For: 198.51.100.1:4711, [2001:db8:1::1]:80\r\n", "198.51.100.1:0"),
        ("X-Forwarded-For: [2001:db8:2::1]:80\r\n", "[2001:db8:2:0:0:0:0:1]:0"),
        ("X-Forwarded-For: 198.51.100.1, unknown\r\n", "10.0.0.9:7"),
        ("X-Forwarded-For: unknown, 198.51.100.1\r\n", "198.51.100.1:0"),
        ("X-Forwarded-For: 10.1.1.1\r\n", "10.0.0.9:7"), ("X-Forwarded-For:\r\n", "10.0.0.9:7"),
        ("X-Real-IP: 198.51.100.1\r\n", "198.51.100.1:0"), ("X-Real-IP: x\r\n", "10.0.0.9:7"),
        ("X-Forwarded-For: x\r\nX-Real-IP: 198.51.100.1\r\n", "10.0.0.9:7"), ("", "10.0.0.9:7"),
        ("Forwarded: for=198.51.100.1\r\n", "10.0.0.9:7"),
    ])
    func clients(fields: String, expected: String) { #expect(client(fields) == expected) }

    @Test func strangersNameNobody() {
        #expect(client("X-Forwarded-For: 198.51.100.1\r\n", from: "192.0.2.7") == "192.0.2.7:7")
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "9.9.9.9", true),
        ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "9.9.9.9", true), ("2001:db8::/32", "2001:db8:ffff::", true),
        ("2001:db8::/32", "2001:db9::", false), ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8::8000:0:0:0/65", "2001:db8:0:0:8001::", true),
        ("2001:db8::8000:0:0:0/65", "2001:db8::1", false), ("10.1.2.3/8", "10.9.9.9", true),
    ])
    func networks(prefix: String, address: String, isInside: Bool) throws {
        let prefix = try #require(AddressPrefix(prefix))
        let address = try #require(SocketAddress(host: address, port: 1))
        #expect(prefix.contains(address) == isInside)
        #expect(TrustedProxies([prefix]).contains(address) == isInside)
        #expect(AddressPrefix(prefix.text) == prefix)
    }

    @Test(arguments: [
        "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "10/8", "a", "10.0.0.0/8/8",
    ])
    func othersAreNoNetworks(text: String) { #expect(AddressPrefix(text) == nil) }
}
