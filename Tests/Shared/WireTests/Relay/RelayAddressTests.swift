import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct RelayAddressTests {
    @Test(arguments: [
        "", "0.0.0.0", "::", "0.0.0.0::0", "0.0.0.0::8081", "a b", "a..b", ".a", "-a", "a-", "ü", "a:b", "0", ".",
    ])
    func unspecified(host: String) throws {
        let address = try #require(InlineText(host).map { RelayAddress(name: $0, port: 0) })
        #expect(address.isUnspecified)
    }

    @Test(arguments: ["a", "a.example", "A.Example.", "b7de88a94729b931", "a_b", "x--y", "1.example", "0.0.0.1"])
    func specified(host: String) throws {
        let address = try #require(InlineText(host).map { RelayAddress(name: $0, port: 0) })
        #expect(!address.isUnspecified)
    }

    @Test func unspecifiedAddresses() {
        #expect(RelayAddress(.unknown).isUnspecified)
        #expect(RelayAddress(SocketAddress(high: 0, low: 0, port: 80)).isUnspecified)
        #expect(!RelayAddress(SocketAddress(high: 0, low: 1, port: 80)).isUnspecified)
        #expect(!RelayAddress(SocketAddress(ipv4: 0x7F00_0001, port: 0)).isUnspecified)
    }

    @Test(arguments: [
        ("192.0.2.1:80", "192.0.2.1:80"), ("service.host:0", "service.host:0"), ("service.host", "service.host:0"),
        (":0", ":0"), ("[::1]:8080", "[0:0:0:0:0:0:0:1]:8080"),
        ("[2001:db8::ff00:42:8329]:1", "[2001:db8:0:0:0:ff00:42:8329]:1"),
        ("[::ffff:192.0.2.1]:5", "192.0.2.1:5"), ("::1", "[0:0:0:0:0:0:0:1]:0"), ("1.2.3.4", "1.2.3.4:0"),
        ("01.2.3.4:1", "01.2.3.4:1"), ("1.2.3:1", "1.2.3:1"), ("[fe80::1%eth0]:1", "fe80::1%eth0:1"),
    ])
    func fromText(source: String, text: String) { #expect(RelayAddress(source)?.text == text) }

    @Test(arguments: ["host:", "host:x", "host:-1", "host:65536", "host:+1"]) func badPorts(source: String) {
        #expect(RelayAddress(source) == nil)
    }

    @Test func kinds() {
        func isIP(_ text: String) -> Bool { RelayAddress(text)?.socketAddress != nil }
        #expect(isIP("10.0.0.1:1"))
        #expect(isIP("[::]:1"))
        #expect(!isIP("256.0.0.1:1"))
        #expect(!isIP("[1:2:3:4:5:6:7]:1"))
        #expect(!isIP("[1::2::3]:1"))
        #expect(!isIP("[12345::]:1"))
        #expect(!isIP("[::1:]:1"))
        #expect(isIP("[1:2:3:4:5:6:7:8]:1"))
        #expect(!isIP("[1:2:3:4:5:6:7:8:9]:1"))
        #expect(!isIP("[1:2:3:4:5:6:7:8::]:1"))
    }

    @Test(arguments: ["1.2.3.4:5", "[2001:db8::1]:65535", "name.example:80", ":0"])
    func writtenAndRead(source: String) throws {
        let address = try #require(RelayAddress(source))
        let written = try #require(
            writing(300) { target in
                var writer = ByteWriter(target)
                address.write(to: &writer)
                return writer.finished
            })
        #expect(written.count == 3 + address.byteCount)
        let read = RelayAddress.read(written.span.bytes, from: 3, to: written.count)
        #expect(read == address)
        for end in 3..<written.count {
            let short = RelayAddress.read(written.span.bytes, from: 3, to: end)
            #expect(short == nil)
        }
    }
}
