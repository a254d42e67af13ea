import ArgumentParser
import Logging
import Model
import Settings
import Testing

@testable import culvert

/// What people type, and what they are told.
struct CommandTests {
    static let uuid = "4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"

    @Test(
        arguments: [
            ([], [[]]), (["-L", "a"], [["-L", "a"]]), (["-L", "a", "--", "-L", "b"], [["-L", "a"], ["-L", "b"]]),
            (["-L", "a", "--"], [["-L", "a"]]), (["-D", "--", "--", "-C", "x"], [["-D"], ["-C", "x"]]),
            (["check", "--", "-file"], [["check", "--", "-file"]]),
        ] as [([String], [[String]])])
    func processesAreSplitBeforeParsing(arguments: [String], processes: [[String]]) {
        #expect(Program.processes(in: arguments) == processes)
    }

    @Test func argumentsOfGOSTAreParsed() throws {
        let parsed = try Culvert.parseAsRoot([
            "-L", "file://:8000", "-L", "rtcp://:0/:8000", "-F", "tunnel://h:1", "-DD", "-api", ":1", "-metrics", ":2",
            "-C", "a.yaml",
        ])
        let run = try #require(parsed as? Run)
        #expect(run.listen == ["file://:8000", "rtcp://:0/:8000"])
        #expect(run.forward == ["tunnel://h:1"])
        #expect(run.files == ["a.yaml"])
        #expect(run.trace && !run.debug)
        #expect(run.api == ":1")
        #expect(run.metrics == ":2")
        #expect(try #require(try Culvert.parseAsRoot(["-V"]) as? Run).version)
        #expect(throws: (any Error).self) { try Culvert.parseAsRoot(["-X"]) }
    }

    struct Exposed: CustomTestStringConvertible, Sendable {
        var arguments: [String]
        var listen: String
        var forward: String
        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test(arguments: [
        Exposed(
            arguments: ["8000", "--server", "ws://h:8421"], listen: "rtcp://:0/127.0.0.1:8000",
            forward: "tunnel+ws://h:8421?connections=1"),
        Exposed(
            arguments: [
                "[::1]:22", "--server", "tunnel+ws://h:8421/x", "--id", uuid, "--name", "www", "--connections", "3",
            ],
            listen: "rtcp://www:0/[::1]:22",
            forward: "tunnel+ws://h:8421?connections=3&path=/x&tunnel.id=\(uuid)"),
        Exposed(
            arguments: ["unix:///run/a.sock", "--server", "ws://me:pw@h:1,i:2", "--proxy-protocol", "2"],
            listen: "rtcp://:0/unix:///run/a.sock?proxyProtocol=2",
            forward: "tunnel+ws://me:pw@h:1,i:2?connections=1"),
        Exposed(
            arguments: ["host:80", "--server", "tunnel://h:1/"], listen: "rtcp://:0/host:80",
            forward: "tunnel+tcp://h:1?connections=1"),
    ])
    func exposeIsShortForURLs(exposed: Exposed) throws {
        let command = try #require(try Culvert.parseAsRoot(["expose"] + exposed.arguments) as? Expose)
        let settings = try command.arguments(server: try #require(command.server))
        #expect(settings.listen == [exposed.listen])
        #expect(settings.forward == [exposed.forward])
        let origin = try ConfigurationOrigin(arguments: settings)
        #expect(try origin.read().client?.tunnels.count == 1)
    }

    @Test func aServerWithoutASchemeIsExplained() throws {
        let command = try #require(try Culvert.parseAsRoot(["expose", "1", "--server", "h:1"]) as? Expose)
        #expect(throws: (any Error).self) { try command.arguments(server: "h:1") }
    }

    @Test func theCommandLinesOfTheTwoPlanes() throws {
        var server = try ConfigurationReader.server(
            text: "services: [{addr: ':1', handler: {type: tunnel}}]", fileName: "x")
        let directory = RuntimeDirectory(path: "/run/c/7")
        var commands = NodeRun.commands(for: server, in: directory, beside: "/bin", plane: "data-0")
        #expect(
            commands.map { ([$0.file] + $0.arguments).joined(separator: " ") } == [
                "/bin/culvert-control -C /run/c/7/node.yaml --socket /run/c/7/control.sock --supervised",
                "/bin/culvert-data --control /run/c/7/control.sock --name data-0 --supervised",
            ])
        server.workers = 2
        server.shell = .poll
        commands = NodeRun.commands(for: server, in: directory, beside: "/bin", plane: "data-0")
        #expect(commands[1].arguments.suffix(4) == ["--workers", "2", "--io", "poll"])
    }

    @Test func aSummaryNamesEverythingAndNoSecret() throws {
        let settings = try ConfigurationReader.read(
            text: """
                metrics: {addr: "127.0.0.1:9000"}
                culvert: {limits: {headBytesMax: 2000}}
                services:
                - addr: ":8421"
                  handler: {type: tunnel, metadata: {entrypoint: ":80", tunnel: "a.b:\(Self.uuid)", tunnel.ttl: 1s}}
                  listener: {type: ws}
                - {addr: ":8000", handler: {type: file, metadata: {dir: /data}}}
                - {addr: ":0", handler: {type: rtcp}, listener: {type: rtcp, chain: c},
                   forwarder: {nodes: [{addr: ":8000"}]}}
                chains:
                - name: c
                  hops: [{nodes: [{addr: "h:1", connector: {type: tunnel, metadata: {tunnel.id: \(Self.uuid)}}}]}]
                """, fileName: "gost.yaml")
        let text = ConfigurationSummary.text(settings)
        #expect(
            text == """
                service-0: takes tunnels at *:8421 (ws, path /ws)
                  visitors at *:80, by the ingress service-0
                ingress service-0: 1 fixed host, and bound tunnels under localhost
                limit headBytesMax: 2000 (standard 15500 bytes)
                metrics at 127.0.0.1:9000
                serves the files of /data at *:8000
                service-2: exposes localhost:8000 as the tunnel with 4e8a1b6c…
                  1 connection to tcp://h:1
                note: gost.yaml:5:109: services[0].handler.metadata.tunnel.ttl: has no effect: connectors are renewed \
                at a third of what `sds` lets them live
                """)
        #expect(!text.contains(Self.uuid))
    }

    @Test func aSummaryNamesStoresAndNoLogin() throws {
        var arguments = CommandLineSettings()
        arguments.listen = [
            "tunnel://:1?entrypoint=:80&ingress=rediss://me:pa55word@h/1?domain=gost.local"
                + "&sd=redis-sentinel://:pa55word@a,b/m/2"
        ]
        let peers = "culvert: {peers: {advertisedHost: 10.42.0.7, secret: pa55word-pa55word}}"
        let text = ConfigurationSummary.text(
            try ConfigurationReader.read([.arguments(arguments), .file(name: "peers.yaml", text: peers)]))
        #expect(
            text == """
                service-0: takes tunnels at *:1 (tcp)
                  visitors at *:80, by the ingress redis
                  connectors are registered by the service discovery redis
                ingress redis: 0 fixed hosts, and bound tunnels under gost.local, kept in database 1 of h:6379 \
                (with a login, TLS) for 3600 s
                service discovery redis: kept in database 2 of the master m of the sentinels a:26379, b:26379 \
                (with a login) for 60 s
                other data planes at *:8430, known to them by 10.42.0.7, by a secret
                """)
    }

    @Test(arguments: [
        ("http://127.0.0.1:9000", AdminAddress(host: "127.0.0.1", port: 9_000)),
        ("http://host/", AdminAddress(host: "host", port: 80)),
        ("http://[::1]:9000", AdminAddress(host: "::1", port: 9_000)), ("https://host", nil), ("host:1", nil),
        ("http://host/path", nil),
    ])
    func addressesOfPages(url: String, address: AdminAddress?) { #expect(AdminAddress(url: url) == address) }
}
