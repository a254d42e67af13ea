import Model
import Settings
import Testing

/// Tunnel services: what GOST's keys become, and what stops the start.
struct TunnelServiceReadingTests {
    static let uuid = "4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"

    @Test func aServiceWithoutAnIngressGetsTheDynamicOneUnderLocalhost() throws {
        let server = try ConfigurationReader.server(
            text: """
                services:
                - addr: :8421
                  handler: {type: tunnel, metadata: {entrypoint: ":8080"}}
                  listener: {type: ws}
                """, fileName: "gost.yaml")
        let service = try #require(server.services.first)
        #expect(service.name == "service-0")
        #expect(service.address == ListenAddress(host: "", port: 8421))
        #expect(service.carrier == .ws)
        #expect(service.path == "/ws")
        #expect(service.entrypoints == [Entrypoint(address: ListenAddress(host: "", port: 8080), ingress: 0)])
        #expect(server.ingresses.count == 1)
        #expect(server.ingresses[0].dynamic == DynamicIngress())
        #expect(server.ingresses[0].dynamic?.domains == ["localhost"])
        #expect(server.ingresses[0].rules.isEmpty)
    }

    @Test func inlineRulesAreReadWithWildcardsAndPrivacy() throws {
        let server = try ConfigurationReader.server(
            text: """
                services:
                - name: tunnels
                  addr: 127.0.0.1:8421
                  handler:
                    type: tunnel
                    metadata:
                      tunnel: "Srv-0.Local.:\(Self.uuid), *.example.com:$\(Self.uuid)"
                """, fileName: "gost.yaml")
        let tunnel = try #require(TunnelID(Self.uuid))
        #expect(
            server.ingresses[0].rules == [
                IngressRule(host: "srv-0.local", route: Route(tunnel: tunnel, isPrivate: false)),
                IngressRule(host: ".example.com", route: Route(tunnel: tunnel, isPrivate: true)),
            ])
        #expect(server.ingresses[0].dynamic != nil)
        #expect(server.services[0].carrier == .tcp)
    }

    @Test func everyKeyOfATunnelServiceIsRead() throws {
        let server = try ConfigurationReader.server(
            text: """
                culvert: {node: pod-7, workers: 3, io: poll, limits: {headBytesMax: 8000}}
                log: {level: debug}
                metrics: {addr: "127.0.0.1:9000", path: /metrics}
                api: {addr: ":18080"}
                services:
                - name: service-0
                  addr: "[::1]:8421"
                  HANDLER:
                    Type: tunnel
                    Metadata:
                      entryPoint: :80
                      entrypoints: [{addr: ":81", ingress: other}, {addr: ":82"}]
                      ingress: ingress-0
                      tunnel.direct: true
                      entrypoint.id: $\(Self.uuid)
                      entrypoint.relay: true
                      readTimeout: 15
                      entrypoint.readTimeout: 1m
                      mux.version: 1
                      mux.keepaliveInterval: 5s
                      mux.keepaliveTimeout: "20"
                  listener: {type: ws, metadata: {path: /tun}}
                ingresses:
                - name: ingress-0
                  plugin: {type: memory, domain: "a.example, b.example", domainMin: 4}
                - name: other
                  rules:
                  - {hostname: www.example.com, endpoint: \(Self.uuid)}
                """, fileName: "gost.yaml")
        let service = server.services[0]
        #expect(service.address == ListenAddress(host: "::1", port: 8421))
        #expect(service.path == "/tun")
        #expect(service.muxVersion == 1)
        #expect(service.tunnelIsDirect)
        #expect(service.entrypointID.text == Self.uuid)
        #expect(service.relaysAtEntrypoints)
        #expect(service.authers == nil)
        #expect(service.entrypoints.map(\.address.port) == [80, 81, 82])
        #expect(service.entrypoints.map(\.ingress) == [0, 1, 0])
        #expect(server.ingresses[0].dynamic?.domains == ["a.example", "b.example"])
        #expect(server.ingresses[0].dynamic?.labelBytesMin == 4)
        #expect(server.ingresses[1].dynamic == nil)
        #expect(server.nodeName == "pod-7")
        #expect(server.workers == 3)
        #expect(server.shell == .poll)
        #expect(server.logLevel == .debug)
        #expect(server.metricsAddress == ListenAddress(host: "127.0.0.1", port: 9000))
        #expect(server.apiAddress == ListenAddress(host: "", port: 18080))
        #expect(
            server.limits == [
                .headBytesMax: 8000, .handshakeTimeoutMilliseconds: 15_000, .answerHeadTimeoutMilliseconds: 60_000,
                .muxKeepAliveMilliseconds: 5_000, .muxKeepAliveTimeoutMilliseconds: 20_000,
            ])
    }

    @Test func servicesWithoutRulesShareOneTable() throws {
        let server = try ConfigurationReader.server(
            text: """
                services:
                - {name: a, addr: ":1", handler: {type: tunnel}}
                - {name: b, addr: ":2", handler: {type: tunnel}, listener: {type: ws}}
                - {name: c, addr: ":3", handler: {type: tunnel, metadata: {tunnel: "h:\(Self.uuid)"}}}
                """, fileName: "gost.yaml")
        #expect(server.services.map(\.ingress) == [0, 0, 1])
        #expect(server.ingresses.map(\.name) == ["default", "c"])
    }

    /// A line of a tunnel service's file, the line of the problem and a part of its text.
    struct Refusal: CustomTestStringConvertible, Sendable {
        var line: String
        var part: String
        var testDescription: String { line }
    }

    static let refusedMetadata = [
        Refusal(line: "entrpoint: :80", part: "did you mean `entrypoint`"),
        Refusal(line: "ingress: nobody", part: "no ingress is named `nobody`"),
        Refusal(line: "sd: sd-0", part: "no service discovery is named `sd-0`"),
        Refusal(line: "entrypoint.ProxyProtocol: 3", part: "between 0 and 2"),
        Refusal(line: "entrypoint.clientIP: carrot", part: "neither peer nor header"),
        Refusal(line: "entrypoint.clientIP: header", part: "trustedProxies"),
        Refusal(line: "entrypoint.id: 12", part: "not a tunnel id"),
        Refusal(line: "skipauth: 10.0.0.0/8", part: "not available yet"),
        Refusal(line: "mux.keepaliveDisabled: true", part: "not available yet"),
        Refusal(line: "mux.type: yamux", part: "write `smux`"),
        Refusal(line: "mux.version: 3", part: "between 1 and 2"),
        Refusal(line: "readTimeout: soon", part: "not a duration"),
        Refusal(line: "readTimeout: 1ms", part: "between 100 ms"),
        Refusal(line: "entrypoint: 80", part: "no address"),
        Refusal(line: "entrypoint: :99999", part: "no address"),
        Refusal(line: "entrypoints: [{ingress: x}]", part: "needs `addr:`"),
        Refusal(line: "entrypoints: [{addr: ':81', ingress: x}]", part: "no ingress is named `x`"),
        Refusal(line: "tunnel: nonsense", part: "host:uuid"),
        Refusal(line: "tunnel: host:123", part: "not a tunnel id"),
        Refusal(line: "tunnel: '*:\(uuid)'", part: "no host"),
        Refusal(line: "tunnel: 'a:\(uuid),A.:\(uuid)'", part: "has a rule already"),
        Refusal(line: "tunnel.direct: perhaps", part: "true or false"),
        Refusal(line: "Readtimeout: 5s\n      readTimeout: 6s", part: "stands twice"),
    ]

    @Test(arguments: refusedMetadata)
    func metadataThatIsRefused(refusal: Refusal) throws {
        let fault = try fault(
            in: """
                services:
                - addr: :8421
                  handler:
                    type: tunnel
                    metadata:
                      \(refusal.line)
                """)
        #expect(fault.text.contains(refusal.part))
        #expect(!fault.text.contains(Self.uuid), "a tunnel id is a secret")
        #expect(fault.problems[0].place.line.map { $0 >= 6 } == true)
        #expect(fault.problems[0].key.hasPrefix("services[0].handler.metadata."))
    }

    static let refusedServices = [
        Refusal(line: "handler: {type: tunnel, auther: someone}", part: "no auther is named `someone`"),
        Refusal(line: "handler: {type: tunnel, authers: [a]}", part: "no auther is named `a`"),
        Refusal(line: "handler: {type: tunnel, auth: {username: a}}", part: "has no password"),
        Refusal(line: "handler: {type: tunnel}\n  admission: a", part: "admission: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  bypasses: [a]", part: "bypasses: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  climiter: a", part: "climiter: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  rlimiter: a", part: "rlimiter: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  limiter: a", part: "limiter: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  quotas: [a]", part: "quotas: is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  metadata: {proxyProtocol: 3}", part: "between 0 and 2"),
        Refusal(line: "handler: {type: file}\n  metadata: {proxyProtocol: 1}", part: "tunnel services only"),
        Refusal(line: "handler: {type: tunnel}\n  listener: {type: wss}", part: "`wss` is not available yet"),
        Refusal(line: "handler: {type: tunnel}\n  listener: {type: carrot}", part: "`carrot` is unknown"),
        Refusal(line: "handler: {type: tunnel}\n  listener: {tls: {caFile: a}}", part: "listener.tls"),
        Refusal(line: "handler: {type: tunnel}\n  listener: {metadata: {path: /x}}", part: "no meaning on a tcp"),
        Refusal(
            line: "handler: {type: tunnel}\n  listener: {type: ws, metadata: {path: x}}", part: "begins with `/`"),
        Refusal(line: "handler: {type: tunnel}\n  forwarder: {nodes: [{addr: ':1'}]}", part: "no targets"),
        Refusal(line: "handler: {type: relay}", part: "`relay` is not available"),
    ]

    @Test(arguments: refusedServices)
    func servicesThatAreRefused(refusal: Refusal) throws {
        let fault = try fault(in: "services:\n- addr: :8421\n  \(refusal.line)\n")
        #expect(fault.text.contains(refusal.part))
        #expect(fault.problems[0].text.hasPrefix("gost.yaml:"))
    }

    @Test func aValueThatSwitchesAMissingKeyOffIsAccepted() throws {
        let settings = try ConfigurationReader.read(
            text: """
                services:
                - addr: :8421
                  handler: {type: tunnel, auther: "", metadata: {entrypoint.ProxyProtocol: 0, sd: , entrypoint.id: }}
                  metadata: {proxyProtocol: 0}
                """, fileName: "gost.yaml")
        #expect(settings.server?.services.count == 1)
        #expect(settings.notices.isEmpty)
    }

    @Test(arguments: [
        ("metrics: {addr: ':8421'}", "listens at `:8421`"), ("api: {addr: ':81'}\nmetrics: {addr: ':81'}", "`:81`"),
        ("culvert: {limits: {muxKeepAliveMilliseconds: 40000}}", "exceed `muxKeepAliveTimeoutMilliseconds`"),
        ("culvert: {limits: {streamWindowBytesMax: 65536}}", "exceed `streamWindowBytesMax`"),
        ("culvert: {limits: {headBytesMax: 10}}", "between 1024 and 15500"),
        ("culvert: {limits: {headBytesMin: 10}}", "did you mean `headBytesMax`"),
        ("culvert: {trustedProxies: [10.0.0.0/40]}", "no network"),
        ("culvert: {trustedProxies: proxy.example}", "no network"),
        ("culvert: {workers: 65}", "between 1 and 64"), ("culvert: {io: uring}", "auto, ring and poll"),
        ("log: {level: loud}", "no level"), ("metrics: {addr: ':1', path: /m}", "only `/metrics`"),
        ("metrics: {addr: ':1', auth: {username: a}}", "metrics.auth: is not available yet"),
        ("ingresses: [{rules: []}]", "needs a `name:`"), ("ingresses: [{name: a}, {name: a}]", "a second ingress"),
        ("ingresses: [{name: a, plugin: {type: grpc, addr: 'x:1'}}]", "plugin type `grpc` is not available yet"),
        ("ingresses: [{name: a, plugin: {type: http}}]", "plugin type `http` is not available yet"),
        ("ingresses: [{name: a, plugin: {addr: 'x:1'}}]", "plugin type `grpc` is not available yet"),
        ("ingresses: [{name: a, plugin: {type: carrot}}]", "plugin type `carrot` is unknown"),
        ("ingresses: [{name: a, plugin: {type: memory, domain: '*.x'}}]", "no domain"),
        ("ingresses: [{name: a, redis: {addr: x}}]", "redis: is not available yet"),
        ("ingresses: [{name: a, file: {path: ''}}]", "needs a `path:`"),
        ("ingresses: [{name: a, file: {path: x, url: y}}]", "unknown key in the file of an ingress"),
        ("ingresses: [{name: a, file: {path: x}, reload: 10}]", "not a duration with a unit"),
        ("ingresses: [{name: a, file: {path: x}, reload: 1ms}]", "must be between 100 ms"),
        ("ingresses: [{name: a, rules: [{hostname: x}]}]", "needs `hostname:` and `endpoint:`"),
        ("servces: []", "did you mean `services`"), ("services: 1", "expected keys and values"),
    ])
    func nodeWideKeysThatAreRefused(text: String, part: String) throws {
        let services = text.hasPrefix("services") ? "" : "services: [{addr: ':8421', handler: {type: tunnel}}]\n"
        #expect(try fault(in: services + text).text.contains(part))
    }

    /// The keys of GOST, without regard to case, and ours.
    @Test func whoIsBelievedAboutAddresses() throws {
        let server = try ConfigurationReader.server(
            text: """
                culvert: {trustedProxies: [10.0.0.0/8, "2001:db8::1"]}
                services:
                - addr: :8421
                  metadata: {ProxyProtocol: 1}
                  handler:
                    type: tunnel
                    metadata: {entrypoint: ":80", entrypoint.proxyprotocol: 2, entrypoint.clientIP: Header}
                - addr: :8422
                  handler: {type: tunnel}
                """, fileName: "gost.yaml")
        #expect(server.trustedProxies == [AddressPrefix("10.0.0.0/8"), AddressPrefix("2001:db8::1/128")])
        #expect(server.services.map(\.takesProxyHeader) == [true, false])
        #expect(server.services.map(\.entrypointsTakeProxyHeader) == [true, false])
        #expect(server.services.map(\.namesClientByField) == [true, false])
    }

    @Test func keysWithoutEffectAreNamed() throws {
        let settings = try ConfigurationReader.read(
            text: """
                services:
                - addr: :8421
                  handler: {type: tunnel, metadata: {sniffing.websocket: true, tunnel.ttl: 15s}}
                """, fileName: "gost.yaml")
        #expect(
            settings.notices.map(\.key) == [
                "services[0].handler.metadata.sniffing.websocket", "services[0].handler.metadata.tunnel.ttl",
            ])
        #expect(settings.notices.allSatisfy { $0.place.line == 3 })
    }

    private func fault(in text: String) throws -> ConfigurationFault {
        try #require(throws: ConfigurationFault.self) {
            try ConfigurationReader.read(text: text, fileName: "gost.yaml")
        }
    }
}
