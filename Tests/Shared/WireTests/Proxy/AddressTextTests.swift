import Testing

@testable import Model
@testable import Primitives
@testable import Wire

@Suite struct AddressTextTests {
    private func read(_ source: String) -> SocketAddress? {
        let all = bytes(source)
        return AddressText.read(all.span.bytes, 0, all.count)
    }

    private func write(_ address: SocketAddress) -> String? {
        writing(AddressText.byteCountMax) { target in
            var writer = ByteWriter(target)
            AddressText.write(address, to: &writer)
            return writer.finished
        }.map { text($0) }
    }

    /// Text, and the same address as RFC 5952 writes it; its examples (§1, §4) are among them.
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"), ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("0:0:0:0:0:0:0:0", "::"), ("fe80::abcd:0", "fe80::abcd:0"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
    ])
    func roundTrips(source: String, canonical: String) throws {
        let address = try #require(read(source))
        #expect(write(address) == canonical)
        #expect(read(canonical) == address)
    }

    @Test(arguments: [
        "", ".", "1", "1.2.3", "1.2.3.4.5", "1..2.3", "1.2.3.", ".1.2.3", "256.1.1.1", "1.2.3.1000", "00.1.1.1",
        "1.2.3.04", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", ":", ":::", "1:", ":1", "1:2", "1::2::3", "12345::",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "1:2:3:4::5:6:7:8", "::1.2.3", "::1.2.3.4:5", "1.2.3.4::",
        "g::", "[::1]", "::1%1", "1:2:3:4:5:6:7:1.2.3.4", "::1:", "localhost",
    ])
    func othersAreNone(source: String) { #expect(read(source) == nil) }
}
