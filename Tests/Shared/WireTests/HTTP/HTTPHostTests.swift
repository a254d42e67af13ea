import Testing

@testable import Wire

@Suite struct HTTPHostTests {
    private func isValid(_ host: String) -> Bool {
        let all = bytes(host)
        return HTTPHost.isValid(all.span.bytes, 0, all.count)
    }

    @Test(arguments: [
        "a", "a.example", "A.example.", "a_b.example", "127.0.0.1", "127.0.0.1:80", "[::1]", "[2001:db8::1]:443",
        "[::ffff:192.0.2.1]", "a:", "a:0", "a:65535", "xn--bcher-kva.example",
    ])
    func accepted(host: String) { #expect(isValid(host)) }

    @Test(arguments: [
        "", ":80", "a:65536", "a:123456", "a:8 0", "a:x", "a:80:80", "a b", "user@a", "a/b", "a?b", "a#b", "a,b", "a;b",
        "[", "[]", "[::1", "[::1]x", "[::1]:x", "[g::]", "::1", "a\u{0}", "bücher.example", "a%41", "a\\b", "'a'",
    ])
    func refused(host: String) { #expect(!isValid(host)) }

    @Test func longestName() {
        #expect(isValid(String(repeating: "a", count: 253) + ":80"))
        #expect(!isValid(String(repeating: "a", count: 254)))
    }
}
