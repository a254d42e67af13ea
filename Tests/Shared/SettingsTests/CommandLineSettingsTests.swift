import Model
import Settings
import Testing

/// `-L` and `-F` URLs: each gives the very value that its YAML form gives.
struct CommandLineSettingsTests {
    static let uuid = "4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"

    struct Pair: CustomTestStringConvertible, Sendable {
        var listen: [String]
        var forward: [String] = []
        var yaml: String
        var testDescription: String { (listen + forward).joined(separator: " ") }
    }

    static let pairs = [
        Pair(
            listen: ["tunnel://:8443?entrypoint=:80"],
            yaml: """
                services:
                - {addr: ":8443", handler: {type: tunnel, metadata: {entrypoint: ":80"}}, listener: {type: tcp}}
                """),
        Pair(
            listen: ["tunnel+ws://:8421?entrypoint=:80&path=/tun&mux.version=1"],
            yaml: """
                services:
                - addr: ":8421"
                  handler: {type: tunnel, metadata: {entrypoint: ":80", mux.version: 1}}
                  listener: {type: ws, metadata: {path: /tun}}
                """),
        Pair(
            listen: [
                "tunnel://:8443?entrypoint=:80&tunnel=srv-0.local:\(uuid),.example.com:$\(uuid)&tunnel.direct=true"
            ],
            yaml: """
                services:
                - addr: ":8443"
                  handler:
                    type: tunnel
                    metadata:
                      entrypoint: ":80"
                      tunnel: "srv-0.local:\(uuid),*.example.com:$\(uuid)"
                      tunnel.direct: true
                """),
        Pair(
            listen: ["tunnel+tcp://[::1]:8443?readTimeout=15&entrypoint.readTimeout=20s"],
            yaml: """
                services:
                - {addr: "[::1]:8443", handler: {type: tunnel, metadata: {readTimeout: 15s, entrypoint.readTimeout: 20}}}
                """),
        Pair(
            listen: ["tunnel://:8443,:8444"],
            yaml: """
                services:
                - {addr: ":8443", handler: {type: tunnel}}
                - {addr: ":8444", handler: {type: tunnel}}
                """),
        Pair(
            listen: ["file://:8000?dir=/data%20set", "rtcp://:0/:8000"],
            forward: ["tunnel+ws://gost.example.com:80?tunnel.id=\(uuid)"],
            yaml: """
                services:
                - {addr: ":8000", handler: {type: file, metadata: {dir: /data set}}, listener: {type: tcp}}
                - addr: ":0"
                  handler: {type: rtcp}
                  listener: {type: rtcp, chain: chain-0}
                  forwarder: {nodes: [{name: target-0, addr: ":8000"}]}
                chains:
                - name: chain-0
                  hops:
                  - name: hop-0
                    nodes:
                    - name: node-0
                      addr: gost.example.com:80
                      connector: {type: tunnel, metadata: {tunnel.id: \(uuid)}}
                      dialer: {type: ws}
                """),
        Pair(
            listen: ["rtcp://www.example.com:80/10.0.0.7:8080", "rtcp://hello/[::1]:9000"],
            forward: [
                "tunnel+ws://me:p%40ss@a:1,b:2?tunnel.id=\(uuid)&path=/x&host=h&connections=4&tunnel.weight=7"
                    + "&mux.version=1&mux.keepaliveInterval=5&mux.keepaliveTimeout=12s"
            ],
            yaml: """
                services:
                - addr: www.example.com:80
                  handler: {type: rtcp}
                  listener: {type: rtcp, chain: c}
                  forwarder: {nodes: [{addr: "10.0.0.7:8080"}]}
                - addr: hello
                  handler: {type: rtcp}
                  listener: {type: rtcp, chain: c}
                  forwarder: {nodes: [{addr: "[::1]:9000"}]}
                hops:
                - name: h
                  nodes:
                  - addr: a:1
                    connector: &connector
                      type: tunnel
                      auth: {username: me, password: p@ss}
                      metadata:
                        tunnelID: \(uuid)
                        connections: 4
                        tunnel.weight: 7
                        mux.version: 1
                        mux.keepaliveInterval: 5s
                        mux.keepaliveTimeout: 12
                    dialer: &dialer {type: ws, metadata: {ws.path: /x, ws.host: h}}
                  - {addr: "b:2", connector: *connector, dialer: *dialer}
                chains:
                - {name: c, hops: [{name: h}]}
                """),
        Pair(
            listen: ["rudp://:0/127.0.0.1:53"], forward: ["tunnel+ws://h:80?tunnel.id=\(uuid)"],
            yaml: """
                services:
                - addr: ":0"
                  handler: {type: rudp}
                  listener: {type: rudp, chain: c}
                  forwarder: {nodes: [{addr: "127.0.0.1:53", network: udp}]}
                chains:
                - name: c
                  hops:
                  - nodes:
                    - addr: h:80
                      connector: {type: tunnel, metadata: {tunnel.id: \(uuid)}}
                      dialer: {type: ws}
                """),
        Pair(
            listen: ["tcp://:8000/service.host", "tcp://127.0.0.1:8001/host:22", "tcp://:8002"],
            forward: ["tunnel://h:8443?tunnel.id=\(uuid)"],
            yaml: """
                services:
                - addr: ":8000"
                  handler: {type: tcp, chain: c}
                  listener: {type: tcp}
                  forwarder: {nodes: [{addr: service.host}]}
                - addr: "127.0.0.1:8001"
                  handler: {type: tcp, chain: c}
                  forwarder: {nodes: [{addr: "host:22"}]}
                - {addr: ":8002", handler: {type: tcp, chain: c}}
                chains:
                - name: c
                  hops:
                  - nodes:
                    - addr: h:8443
                      connector: {type: tunnel, metadata: {tunnel.id: \(uuid)}}
                """),
        Pair(
            listen: ["udp://:8053/service.host?keepalive=true&ttl=20s&udp.bufferSize=1500&backlog=64", "tcp://:8053"],
            forward: ["tunnel+ws://h:80?tunnel.id=\(uuid)"],
            yaml: """
                services:
                - addr: ":8053"
                  handler: {type: udp, chain: c}
                  listener:
                    type: udp
                    metadata: {keepalive: true, ttl: 20, readBufferSize: 1500, backlog: 64}
                  forwarder: {nodes: [{addr: service.host}]}
                - {addr: ":8053", handler: {type: tcp, chain: c}}
                chains:
                - name: c
                  hops:
                  - nodes:
                    - addr: h:80
                      connector: {type: tunnel, metadata: {tunnel.id: \(uuid)}}
                      dialer: {type: ws}
                """),
        Pair(
            listen: ["rtcp://:0/:8000"], forward: ["tunnel://:8443?auth=bWU6cGFzcw"],
            yaml: """
                services:
                - handler: {type: rtcp}
                  listener: {type: rtcp, chain: c}
                  forwarder: {nodes: [{addr: ":8000"}]}
                chains:
                - name: c
                  hops:
                  - nodes:
                    - {addr: "localhost:8443", connector: {type: tunnel, auth: {username: me, password: pass}}}
                """),
        Pair(
            listen: [
                "rtcp://:0/10.0.0.7:1,[::1]:2,unix:///run/a.sock?strategy=rand&maxFails=3&failTimeout=5s"
                    + "&proxyProtocol=2"
            ],
            forward: ["tunnel+ws://a:1,b:2?strategy=fifo&keepalive=true&ttl=20s&handshakeTimeout=4&node.weight=3"],
            yaml: """
                services:
                - handler: {type: rtcp, metadata: {proxyProtocol: 2}}
                  listener: {type: rtcp, chain: c}
                  forwarder:
                    selector: {strategy: random, maxFails: 3, failTimeout: 5s}
                    nodes:
                    - {addr: "10.0.0.7:1"}
                    - {addr: "[::1]:2"}
                    - {addr: /run/a.sock, network: unix}
                chains:
                - name: c
                  hops:
                  - selector: {strategy: fifo, failTimeout: 30s}
                    nodes:
                    - addr: a:1
                      connector: &connector {type: tunnel}
                      dialer: &dialer {type: ws, metadata: {keepalive: true, keepalive.interval: 20, handshakeTimeout: 4s}}
                      metadata: {weight: 3}
                    - {addr: "b:2", connector: *connector, dialer: *dialer, metadata: {weight: 3}}
                """),
    ]

    @Test(arguments: pairs)
    func aURLAndItsYAMLGiveTheSameValue(pair: Pair) throws {
        let fromURLs = try read(pair.listen, pair.forward)
        let fromYAML = try ConfigurationReader.read(text: pair.yaml, fileName: "gost.yaml")
        #expect(fromURLs.server == fromYAML.server)
        #expect(fromURLs.client == fromYAML.client)
        #expect(fromURLs.server != nil || fromURLs.client != nil)
    }

    @Test func aTunnelClientIsReadWhole() throws {
        let pair = Self.pairs[6]
        let client = try #require(try read(pair.listen, pair.forward).client)
        let tunnel = client.tunnels[0]
        #expect(tunnel.name == "service-0")
        #expect(tunnel.tunnel == TunnelID(Self.uuid))
        #expect(tunnel.requestedHost == "www.example.com")
        #expect(tunnel.requestedPort == 80)
        #expect(tunnel.target == TargetAddress(host: "10.0.0.7", port: 8080))
        #expect(tunnel.servers.map(\.host) == ["a", "b"])
        #expect(tunnel.servers[0].carrier == .ws)
        #expect(tunnel.servers[0].path == "/x")
        #expect(tunnel.servers[0].hostHeader == "h")
        #expect(tunnel.weight == 7)
        #expect(tunnel.connections == 4)
        #expect(tunnel.muxVersion == 1)
        #expect(tunnel.keepAliveMilliseconds == 5_000)
        #expect(tunnel.keepAliveTimeoutMilliseconds == 12_000)
        #expect(tunnel.userName == "me")
        #expect(tunnel.password == "p@ss")
        #expect(client.tunnels[1].requestedHost == "hello")
        #expect(client.tunnels[1].requestedPort == 0)
        #expect(client.tunnels[1].target == TargetAddress(host: "::1", port: 9000))
    }

    @Test func withoutAnIDTheTunnelIsLeftOpen() throws {
        let client = try #require(try read(["rtcp://:0/:8000"], ["tunnel://h:1"]).client)
        #expect(client.tunnels[0].tunnel.isZero)
        #expect(client.tunnels[0].servers[0].hostHeader == "h:1")
    }

    struct Refusal: CustomTestStringConvertible, Sendable {
        var listen: String
        var forward: [String] = []
        var text: String
        var testDescription: String { ([listen] + forward).joined(separator: " ") }
    }

    static let refusals = [
        Refusal(listen: "8421", text: "-L 8421: is no URL"),
        Refusal(listen: "tunnel+ws+tls://:1", text: "is no URL"),
        Refusal(listen: "tunnel://:1?entrypoint=%zz", text: "hexadecimal"),
        Refusal(listen: "tunnel+wss://:1", text: "-L tunnel+wss://:1: type: the carrier `wss` is not available yet"),
        Refusal(listen: "tunnel+mws://:1", text: "`mws` is not available yet"),
        Refusal(listen: "tunnel://u:@:1", text: "-L tunnel://:1: auth: has no password"),
        Refusal(listen: "tunnel://:1?auther=people", text: "no auther is named `people`"),
        Refusal(listen: "tunnel://:1?entrpoint=:80", text: "-L tunnel://:1: entrpoint: unknown key"),
        Refusal(listen: "tunnel://:1?climiter=10", text: "climiter: is not available yet"),
        Refusal(listen: "tunnel://:1?rlimiter=10", text: "rlimiter: is not available yet"),
        Refusal(listen: "tunnel://:1?limiter.in=10MB", text: "limiter: is not available yet"),
        Refusal(listen: "tunnel://:1?admission=~10.0.0.0/8", text: "admission: is not available yet"),
        Refusal(listen: "tunnel://:1?proxyProtocol=9", text: "proxyprotocol: `9` is not a whole number"),
        Refusal(listen: "tunnel://:1?ca=x.pem", text: "tls: is not available yet"),
        Refusal(listen: "tunnel://:1/:8000", text: "takes no targets"),
        Refusal(listen: "tunnel://", text: "needs `addr:`"),
        Refusal(listen: "tunnel://:1-9", text: "no address"),
        Refusal(listen: "http://:1", text: "`http` is not available yet"),
        Refusal(listen: "carrot://:1", text: "`carrot` is unknown"),
        Refusal(listen: "socks5://:0", text: "`socks5` is not available yet"),
        Refusal(listen: "rtcp://:0/:8000", text: "needs the way to the tunnel server"),
        Refusal(listen: "rtcp://:0", forward: ["tunnel://h:1"], text: "needs a target"),
        Refusal(listen: "rtcp://:0/:1?strategy=parallel", forward: ["tunnel://h:1"], text: "none of round"),
        Refusal(listen: "rtcp://:0/:1?failTimeout=10", forward: ["tunnel://h:1"], text: "write it with its unit"),
        Refusal(listen: "rtcp://:0/:1?proxyProtocol=3", forward: ["tunnel://h:1"], text: "between 0 and 2"),
        Refusal(listen: "rtcp://:0/unix://run/a.sock", forward: ["tunnel://h:1"], text: "`run/a.sock` is no socket"),
        Refusal(
            listen: "rtcp://:0/unix:/\(String(repeating: "x", count: 107))", forward: ["tunnel://h:1"],
            text: "at most 107 bytes"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel+ws://h:1?handshakeTimeout=1h"], text: "between 100 ms"),
        Refusal(listen: "rtcp://:0/host", forward: ["tunnel://h:1"], text: "`host` is no target"),
        Refusal(listen: "rtcp+tcp://:0/:1", forward: ["tunnel://h:1"], text: "needs an rtcp listener"),
        Refusal(listen: "rudp+rtcp://:0/:1", forward: ["tunnel://h:1"], text: "needs an rudp listener"),
        Refusal(listen: "rudp://:0", forward: ["tunnel://h:1"], text: "-L rudp://:0/127.0.0.1:8000"),
        Refusal(listen: "tcp://:1/host", text: "needs the way to the tunnel server"),
        Refusal(listen: "tcp://:1/host", forward: ["tunnel://h:1"], text: "needs the id of the tunnel to visit"),
        Refusal(
            listen: "tcp+udp://:1/host", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "needs a tcp listener"),
        Refusal(listen: "tcp:///host", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "needs `addr:`"),
        Refusal(
            listen: "tcp://:1/a,b", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "a visitor asks for one host"),
        Refusal(
            listen: "tcp://:1/host:x", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "`host:x` is no host"),
        Refusal(
            listen: "udp://:1/h?ttl=2h", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "between 100 ms and 1 h"),
        Refusal(
            listen: "udp://:1/h?backlog=0", forward: ["tunnel://h:1?tunnel.id=\(uuid)"], text: "between 1 and 65536"),
        Refusal(
            listen: "udp://:1/h?keepalives=1", forward: ["tunnel://h:1?tunnel.id=\(uuid)"],
            text: "did you mean `keepalive`"),
        Refusal(listen: "rtcp://:0/:1", forward: ["http://h:1"], text: "must be `tunnel`"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel+wss://h:1"], text: "-F tunnel+wss://h:1: type"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h"], text: "`h` is no server"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1/x"], text: "?path=/x"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?path=/x"], text: "no meaning on a tcp dialer"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?tunnel.id=\(uuid)x"], text: "is not a tunnel id"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?tunnel.weight=256"], text: "between 0 and 255"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?connections=0"], text: "between 1 and 64"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?conections=2"], text: "did you mean `connections`"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?secure=true"], text: "tls: is not available yet"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1?auth=!"], text: "base64"),
        Refusal(listen: "rtcp://:0/:1", forward: ["tunnel://h:1", "tunnel://i:1"], text: "second hop"),
        Refusal(listen: "file://", text: "needs `addr:`"),
        Refusal(listen: "file://:1?put=true", text: "put: is not available yet"),
        Refusal(listen: "file://u:p@:1", text: "auth: is not available yet"),
        Refusal(listen: "file+rtcp://:0", forward: ["tunnel://h:1"], text: "write two services"),
        Refusal(listen: "file://:1/data", text: "dir=/data"),
    ]

    @Test(arguments: refusals)
    func argumentsThatAreRefused(refusal: Refusal) throws {
        let fault = try #require(throws: ConfigurationFault.self) { try read([refusal.listen], refusal.forward) }
        #expect(fault.text.contains(refusal.text), "\(fault.text)")
        #expect(!fault.text.contains(Self.uuid), "a tunnel id is a secret")
        #expect(!fault.text.contains("pa55word"), "so is a password")
    }

    @Test func aBusyPortIsFoundBeforeTheStart() throws {
        let fault = try #require(throws: ConfigurationFault.self) {
            try read(["tunnel://:8443?entrypoint=:80", "tunnel+ws://:8421?entrypoint=:80"], [])
        }
        #expect(fault.text.contains("`:80`"))
    }

    @Test func argumentsWinOverTheFileAndServicesAreJoined() throws {
        var arguments = CommandLineSettings()
        arguments.listen = ["file://:8000"]
        arguments.logLevel = .trace
        arguments.metricsAddress = ":9001"
        let settings = try ConfigurationReader.read([
            .file(
                name: "gost.yaml",
                text: """
                    services: [{name: a, addr: ":1", handler: {type: tunnel}}]
                    log: {level: error}
                    metrics: {addr: ":9000"}
                    """),
            .arguments(arguments),
        ])
        #expect(settings.server?.services.map(\.name) == ["a"])
        #expect(settings.server?.logLevel == .trace)
        #expect(settings.logLevel == .trace)
        #expect(settings.server?.metricsAddress?.port == 9001)
        #expect(settings.client?.fileServices.map(\.address.port) == [8000])
    }

    @Test func credentialsOfTheMetricsAddressAreNotIgnored() throws {
        var arguments = CommandLineSettings()
        arguments.listen = ["tunnel://:1"]
        arguments.metricsAddress = "me:pa55word@:9000"
        let fault = try #require(throws: ConfigurationFault.self) {
            try ConfigurationReader.read([.arguments(arguments)])
        }
        #expect(fault.text.hasPrefix("-metrics: auth: is not available yet"))
    }

    private func read(_ listen: [String], _ forward: [String]) throws(ConfigurationFault) -> NodeSettings {
        var arguments = CommandLineSettings()
        arguments.listen = listen
        arguments.forward = forward
        return try ConfigurationReader.read([.arguments(arguments)])
    }
}
