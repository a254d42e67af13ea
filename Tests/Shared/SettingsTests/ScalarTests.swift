import Testing

@testable import Settings

/// Durations, addresses and host patterns: the values that every key is made of.
struct ScalarTests {
    @Test(arguments: [
        ("15s", 15_000), ("500ms", 500), ("1m30s", 90_000), ("1.5h", 5_400_000), ("1us", 1), ("1µs", 1), ("0s", 0),
        (".5s", 500), ("2.s", 2_000), ("1h1m1s1ms", 3_661_001),
    ])
    func durationsWithAUnit(text: String, milliseconds: UInt64) {
        #expect(GoDuration(text)?.milliseconds == milliseconds)
        #expect(GoDuration(seconds: text) == nil)
    }

    @Test(arguments: ["", "15", "s", "-1s", "1 s", "1d", "1s2", ".s", "1..2s", "99999999999h", "١s"])
    func textsThatAreNoDuration(text: String) { #expect(GoDuration(text) == nil) }

    @Test func secondsWithoutAUnit() {
        #expect(GoDuration(seconds: "15")?.milliseconds == 15_000)
        #expect(GoDuration(seconds: "1.5")?.milliseconds == 1_500)
        #expect(GoDuration(seconds: "-1") == nil)
        #expect(GoDuration(seconds: "1e3") == nil)
    }

    @Test(arguments: [
        (":80", "", 80), ("127.0.0.1:1", "127.0.0.1", 1), ("[::1]:443", "::1", 443), ("host:65535", "host", 65_535),
        ("[fe80::1%eth0]:1", "fe80::1%eth0", 1),
    ])
    func addresses(text: String, host: String, port: UInt16) throws {
        let address = try #require(HostAndPort(text))
        #expect(address == HostAndPort(host: host, port: port))
        #expect(address.text == text)
    }

    @Test(arguments: ["", ":", "80", "host", ":65536", ":+1", "::1:80", "[::1]", "[host]:1", "a b:1", "h/x:1", ":1-2"])
    func textsThatAreNoAddress(text: String) { #expect(HostAndPort(text) == nil) }

    @Test(arguments: [
        ("www.Example.com", "www.example.com"), ("*.example.com", ".example.com"), (".example.com.", ".example.com"),
        ("*foo", "foo"), ("localhost", "localhost"), ("a_b.c-d", "a_b.c-d"),
    ])
    func hostPatterns(written: String, text: String) { #expect(HostPattern(written)?.text == text) }

    @Test(arguments: [
        "", "*", ".", "*.", "a..b", "a.*.b", "a:80", "a b", "a/b", "é.com", "..a", String(repeating: "a", count: 64),
    ])
    func textsThatAreNoHostPattern(written: String) { #expect(HostPattern(written) == nil) }

    @Test(arguments: [
        ("services: [", "gost.yaml:2"), ("a: 1\na: 2", "gost.yaml:1"), ("- a", "gost.yaml:1"),
        ("services:\n\t- x", "gost.yaml:2"),
        ("a: *nobody", "gost.yaml:1"), ("[a]: b", "gost.yaml:1"), ("---\na: 1\n---\nb: 2", "gost.yaml:3"),
    ])
    func brokenFilesAreRefusedWithTheLine(text: String, place: String) throws {
        let fault = try #require(throws: ConfigurationFault.self) {
            try ConfigurationReader.read(text: text, fileName: "gost.yaml")
        }
        #expect(fault.problems[0].text.hasPrefix(place), "\(fault.text)")
    }

    @Test(arguments: ["", "{}", "# nothing", "services: []", "services:"])
    func aConfigurationWithoutServicesSaysSo(text: String) throws {
        let fault = try #require(throws: ConfigurationFault.self) {
            try ConfigurationReader.read(text: text, fileName: "gost.yaml")
        }
        #expect(fault.text.contains("nothing to do"))
    }
}
