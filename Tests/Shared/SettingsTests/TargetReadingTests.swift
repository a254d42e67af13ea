import Model
import Settings
import Testing

/// What a client's YAML says about targets and servers, and what it may not say.
struct TargetReadingTests {
    private func client(
        forwarder: String, handler: String = "", dialer: String = "{type: ws}", node: String = ""
    ) throws(ConfigurationFault) -> ExposedTunnel {
        let text = """
            services:
            - handler: {type: rtcp\(handler)}
              listener: {type: rtcp, chain: c}
              forwarder:
            \(forwarder)
            chains:
            - name: c
              hops:
              - nodes:
                - addr: h:1
                  connector: {type: tunnel}
                  dialer: \(dialer)
            \(node)
            """
        return try ConfigurationReader.client(text: text, fileName: "gost.yaml").tunnels[0]
    }

    @Test func everyKeyOfATargetIsRead() throws {
        let tunnel = try client(
            forwarder: """
                    selector: {strategy: hash, maxFails: 2, failTimeout: 1m}
                    nodes:
                    - {name: a, addr: ":8000", filter: {host: "*.Example.com"}, metadata: {weight: 7}}
                    - {addr: "unix:/run/b.sock", host: b.example.com, metadata: {backup: true, maxFails: 5, failTimeout: 3}}
                    - {addr: "c.internal:80", network: tcp}
                """, handler: ", metadata: {proxyProtocol: 1, sniffing: true}")
        #expect(tunnel.targets.strategy == .hash)
        #expect(tunnel.targets.proxyVersion == 1)
        let nodes = tunnel.targets.nodes
        #expect(nodes.map(\.host) == [".example.com", "b.example.com", nil])
        #expect(nodes.map(\.address.text) == ["localhost:8000", "unix:/run/b.sock", "c.internal:80"])
        #expect(nodes.map(\.selection.weight) == [7, 1, 1])
        #expect(nodes.map(\.selection.isBackup) == [false, true, false])
        #expect(nodes.map(\.selection.maxFails) == [2, 5, 2])
        #expect(nodes.map(\.selection.failTimeoutMilliseconds) == [60_000, 3_000, 60_000])
        #expect(tunnel.target == TargetAddress(host: "", port: 8000))
    }

    @Test func everyKeyOfAWebSocketDialerIsRead() throws {
        let tunnel = try client(
            forwarder: "    nodes: [{addr: \":1\"}]",
            dialer: """
                {type: ws, metadata: {path: /tun, host: front.example.com, keepalive: true, ttl: 20s, \
                handshakeTimeout: 3, header: {X-Token: "abc def", X-Two: [one, two], Host: other.example.com}}}
                """, node: "      metadata: {weight: 9}")
        let server = tunnel.servers[0]
        #expect(server.path == "/tun")
        #expect(server.hostHeader == "other.example.com", "a field Host overrides `host`")
        #expect(
            server.header == [
                HeaderField(name: "X-Token", value: "abc def"), HeaderField(name: "X-Two", value: "one"),
                HeaderField(name: "X-Two", value: "two"),
            ])
        #expect(server.pingMilliseconds == 20_000)
        #expect(server.handshakeTimeoutMilliseconds == 3_000)
        #expect(server.selection.weight == 9)
    }

    @Test func pingsAreAWebSocketsAndHaveAStandard() throws {
        func ping(_ dialer: String) throws -> UInt64? {
            try client(forwarder: "    nodes: [{addr: \":1\"}]", dialer: dialer).servers[0].pingMilliseconds
        }
        #expect(try ping("{type: ws, metadata: {keepalive: true}}") == 15_000)
        #expect(try ping("{type: ws, metadata: {keepalive: false, ttl: 5s}}") == nil)
        #expect(try ping("{type: tcp, metadata: {keepalive: true}}") == nil)
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var forwarder = "    nodes: [{addr: \":1\"}]"
        var dialer = "{type: ws}"
        var line: Int
        var text: String
        var testDescription: String { forwarder + dialer }
    }

    static let refusals = [
        Refusal(forwarder: "    nodes: []", line: 2, text: "needs a target"),
        Refusal(forwarder: "    nodes: [{addr: nowhere}]", line: 5, text: "is no target"),
        Refusal(forwarder: "    nodes: [{addr: \":1\", network: udp}]", line: 5, text: "by tcp or unix"),
        Refusal(forwarder: "    nodes: [{addr: run/x, network: unix}]", line: 5, text: "is no socket"),
        Refusal(forwarder: "    nodes: [{addr: \":1\", filter: {host: \"a b\"}}]", line: 5, text: "is no host"),
        Refusal(
            forwarder: "    nodes: [{addr: \":1\", filter: {protocol: http}}]", line: 5,
            text: "filter.protocol: is not available yet"),
        Refusal(forwarder: "    nodes: [{addr: \":1\", matcher: {rule: x}}]", line: 5, text: "matcher: is not"),
        Refusal(forwarder: "    nodes: [{addr: \":1\", http: {host: x}}]", line: 5, text: "http: is not available"),
        Refusal(
            forwarder: "    nodes: [{addr: \":1\", metadata: {wieght: 2}}]", line: 5, text: "did you mean `weight`"),
        Refusal(
            forwarder: "    nodes: [{addr: \":1\", metadata: {weight: 101}}]", line: 5, text: "between 1 and 100"),
        Refusal(
            forwarder: "    selector: {strategy: lowestlatency}\n    nodes: [{addr: \":1\"}]", line: 5,
            text: "none of round, random, fifo and hash"),
        Refusal(
            forwarder: "    nodes: [\(Array(repeating: "{addr: \":1\"}", count: 65).joined(separator: ", "))]", line: 5,
            text: "at most 64 targets"),
        Refusal(dialer: "{type: ws, metadata: {header: x}}", line: 12, text: "expected names and values"),
        Refusal(dialer: "{type: ws, metadata: {header: {Upgrade: h2c}}}", line: 12, text: "is no field"),
        Refusal(dialer: "{type: ws, metadata: {header: {\"a b\": x}}}", line: 12, text: "is no field"),
        Refusal(dialer: "{type: ws, metadata: {header: {a: \"x\\r\\nb: c\"}}}", line: 12, text: "a byte that no field"),
        Refusal(dialer: "{type: tcp, metadata: {header: {a: b}}}", line: 12, text: "no meaning on a tcp dialer"),
        Refusal(dialer: "{type: ws, metadata: {secure: true}}", line: 12, text: "secure: is not available yet"),
    ]

    @Test(arguments: refusals)
    func whatIsRefused(refusal: Refusal) throws {
        let fault = try #require(throws: ConfigurationFault.self) {
            try client(forwarder: refusal.forwarder, dialer: refusal.dialer)
        }
        #expect(fault.text.contains(refusal.text), "\(fault.text)")
        #expect(fault.text.contains("gost.yaml:\(refusal.line):"), "\(fault.text)")
    }
}
