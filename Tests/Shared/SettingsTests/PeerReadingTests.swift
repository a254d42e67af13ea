import Settings
import Testing

/// `culvert: {peers: …}`: what is read, what stops the start, and that the secret is nowhere repeated.
struct PeerReadingTests {
    private static let secret = "0123456789abcdef"

    private static func settings(_ peers: String) throws -> NodeSettings {
        let text = """
            culvert: {peers: \(peers)}
            services: [{addr: ':8421', handler: {type: tunnel}}]
            """
        return try ConfigurationReader.read(text: text, fileName: "gost.yaml")
    }

    @Test func aSecretIsEnough() throws {
        let peers = try #require(try Self.settings("{secret: \(Self.secret)}").server?.peers)
        #expect(peers == PeerSettings(secret: .text(Self.secret)))
        #expect(peers.address == ListenAddress(host: "", port: 8_430))
        #expect(peers.advertisedHost == nil && peers.reachableHost == nil)
    }

    @Test func everyKeyIsRead() throws {
        let text = "{addr: '10.0.0.5:9000', advertisedHost: '2001:db8::7', secretFile: /run/secrets/peers}"
        let peers = try #require(try Self.settings(text).server?.peers)
        #expect(peers.address == ListenAddress(host: "10.0.0.5", port: 9_000))
        #expect(peers.advertisedHost == "2001:db8::7" && peers.reachableHost == "2001:db8::7")
        #expect(peers.secret == .file(path: "/run/secrets/peers"))
    }

    @Test(arguments: [
        ("10.0.0.5:0", "10.0.0.5"), ("[::1]:9000", "::1"), (":9000", nil), ("0.0.0.0:9000", nil), ("[::]:1", nil),
    ])
    func whereItListensIsWhereItIsReached(address: String, host: String?) throws {
        let settings = try Self.settings("{addr: '\(address)', secret: \(Self.secret)}")
        #expect(settings.server?.peers?.reachableHost == host)
    }

    @Test func nothingIsNothing() throws {
        for text in ["{}", "", "off"] { #expect(try Self.settings(text).server?.peers == nil) }
    }

    @Test(arguments: [
        ("{addr: ':8430'}", "needs `secret:` or `secretFile:`"), ("yes", "expected keys and values"),
        ("{secret: pa55word}", "has 8 bytes, and needs 16 to 1024"), ("{secret: ''}", "has 0 bytes"),
        ("{secret: pa55word-pa55word, secretFile: x}", "remove one of them"),
        ("{secretFile: ''}", "needs the path of a file"),
        ("{secret: pa55word-pa55word, addr: 8430}", "is no address"),
        ("{secret: pa55word-pa55word, addr: ':65521'}", "at most 65520"),
        ("{secret: pa55word-pa55word, addr: ':8421'}", "change one of the ports"),
        ("{secret: pa55word-pa55word, advertisedHost: node-1.example}", "is no IP address"),
        ("{secret: pa55word-pa55word, advertisedHost: 10.0.0.0/8}", "is no IP address"),
        ("{secrets: pa55word-pa55word}", "did you mean `secret`"), ("{secret: [pa55word]}", "expected a text"),
        ("{secret: pa55word-pa55word, colour: red}", "unknown key in `peers:`"),
    ])
    func whatStopsTheStart(peers: String, part: String) throws {
        let fault = #expect(throws: ConfigurationFault.self) { try Self.settings(peers) }
        let text = try #require(fault).text
        #expect(text.contains(part), "\(text)")
        #expect(!text.contains("pa55word"), "\(text)")
    }

    /// A service that other nodes are told of has to be reached by them.
    @Test(arguments: [
        ("{}", "add `culvert: {peers: {advertisedHost: 10.42.0.7, secretFile: /path}}`"),
        ("{secret: pa55word-pa55word}", "add `advertisedHost:`"),
        ("{secret: pa55word-pa55word, addr: '0.0.0.0:1'}", "add `advertisedHost:`"),
        ("{addr: '10.0.0.5:1'}", "needs `secret:`"), ("{secret: pa55word-pa55word, addr: '10.0.0.5:1'}", nil),
        ("{secret: pa55word-pa55word, advertisedHost: 10.0.0.5}", nil),
    ])
    func serviceDiscoveryNeedsAWay(peers: String, part: String?) throws {
        let text = """
            culvert: {peers: \(peers)}
            services: [{name: s, addr: ':8421', handler: {type: tunnel, metadata: {sd: "redis://h/1"}}}]
            """
        do throws(ConfigurationFault) {
            _ = try ConfigurationReader.read(text: text, fileName: "gost.yaml")
            #expect(part == nil)
        } catch {
            #expect(error.problems.count == 1)
            #expect(error.text.contains(try #require(part)), "\(error.text)")
        }
    }

    @Test func theSecretIsNeverPrinted() throws {
        let settings = try Self.settings("{secret: \(Self.secret)}")
        #expect(!"\(settings)".contains(Self.secret))
        #expect(!String(reflecting: settings).contains(Self.secret))
    }

    @Test func aSecretOfAnyBytesIsOne() {
        #expect(PeerSecretSource.problem(of: "éééééééé") == nil, "bytes count, not letters")
        #expect(PeerSecretSource.problem(of: String(repeating: "x", count: 1_024)) == nil)
        #expect(PeerSecretSource.problem(of: String(repeating: "x", count: 1_025)) != nil)
    }
}
