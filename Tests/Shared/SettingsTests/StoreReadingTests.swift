import Model
import Settings
import Testing

/// Redis databases of ingresses and of service discovery: what is read from files and URLs, and what stops the start.
struct StoreReadingTests {
    /// What `sd` needs besides.
    private static let peers = ConfigurationSource.file(
        name: "peers.yaml", text: "culvert: {peers: {advertisedHost: 10.42.0.7, secretFile: /secret}}")

    private static func settings(_ text: String) throws -> NodeSettings {
        try ConfigurationReader.read([.file(name: "gost.yaml", text: text), peers])
    }

    /// A service that uses the ingress `i` and the service discovery `d`, and their plugins.
    private static func server(ingress: String, discovery: String) throws -> ServerConfiguration {
        let text = """
            services:
            - {name: s, addr: ":8421", handler: {type: tunnel, metadata: {ingress: i, sd: d}}}
            ingresses: [{name: i, plugin: {type: redis, \(ingress)}}]
            sds: [{name: d, plugin: {type: redis, \(discovery)}}]
            """
        return try #require(try settings(text).server)
    }

    private static func server(listen: String...) throws -> ServerConfiguration {
        var arguments = CommandLineSettings()
        arguments.listen = listen
        return try #require(try ConfigurationReader.read([.arguments(arguments), peers]).server)
    }

    @Test func standardsAreThoseOfGostPlugins() throws {
        let server = try Self.server(ingress: "db: 0", discovery: "db: 0")
        var second = StoreSettings()
        second.expirationSeconds = 60
        #expect(server.stores == [StoreSettings(), second])
        #expect(server.stores[0].addresses == [StoreAddress(host: "127.0.0.1", port: 6_379)])
        let dynamic = try #require(server.ingresses[0].dynamic)
        #expect(server.stores[0].expirationSeconds == 3_600)
        #expect(dynamic.store == 0)
        #expect(dynamic.domains == ["gost.run"])
        #expect(dynamic.labelBytesMin == 1)
        #expect(server.discoveries == [ServiceDiscovery(name: "d", store: 1)])
        #expect(server.services[0].discovery == 0)
        #expect(server.services[0].ingress == 0)
    }

    @Test func everyKeyIsRead() throws {
        let server = try Self.server(
            ingress: """
                addr: "10.0.0.5:7000", db: 1, username: me, password: pa55word, tls: true, expiration: 90s,
                domain: [gost.local, B.example.], domainMin: 3
                """,
            discovery: """
                addr: "a, b:7,[::1]", db: 2, password: q, expiration: 3m,
                sentinel: {master: mymaster, username: su, password: sp},
                tls: {secure: yes, serverName: redis.example, caFile: /ca, certFile: /cert, keyFile: /key}
                """)
        var first = StoreSettings()
        first.addresses = [StoreAddress(host: "10.0.0.5", port: 7_000)]
        first.database = 1
        first.login = StoreLogin(userName: "me", password: "pa55word")
        first.tls = StoreTLS()
        first.expirationSeconds = 90
        var second = StoreSettings()
        second.addresses = [
            StoreAddress(host: "a", port: 26_379), StoreAddress(host: "b", port: 7),
            StoreAddress(host: "::1", port: 26_379),
        ]
        second.database = 2
        second.login = StoreLogin(userName: "", password: "q")
        second.sentinel = StoreSentinel(masterName: "mymaster")
        second.sentinel?.login = StoreLogin(userName: "su", password: "sp")
        var tls = StoreTLS()
        tls.serverName = "redis.example"
        tls.authorityPath = "/ca"
        tls.certificatePath = "/cert"
        tls.keyPath = "/key"
        second.tls = tls
        second.expirationSeconds = 180
        #expect(server.stores == [first, second])
        #expect(server.ingresses[0].dynamic?.store == 0)
        #expect(server.ingresses[0].dynamic?.domains == ["gost.local", "b.example"])
        #expect(server.ingresses[0].dynamic?.labelBytesMin == 3)
        #expect(server.discoveries[0].store == 1)
        #expect(second.addresses[2].text == "[::1]:26379")
    }

    @Test func aURLIsTheSameAsAPlugin() throws {
        let file = try Self.server(
            ingress: "addr: \"h:7\", db: 1, username: u, password: p@/x, domain: gost.local, expiration: 2h, tls: true",
            discovery: "addr: [a, b], db: 2, sentinel: mymaster")
        let url = try Self.server(
            listen: "tunnel+ws://:8421?entrypoint=:80"
                + "&ingress=rediss://u:p%2540%252Fx@h:7/1?domain=gost.local%26expiration=2h"
                + "&sd=redis-sentinel://a,b/mymaster/2")
        #expect(url.stores == file.stores)
        #expect(url.ingresses[0].dynamic == file.ingresses[0].dynamic)
        #expect(url.discoveries[0].store == file.discoveries[0].store)
        #expect(url.services[0].discovery == 0)
        #expect(url.services[0].ingress == 0)
    }

    @Test func theURLOfTheReferenceDeployment() throws {
        let server = try Self.server(
            listen: "tunnel+ws://:8421?ingress=redis://127.0.0.1:6379/1?domain=gost.local&sd=redis://127.0.0.1/2",
            "tunnel+tcp://:8422?ingress=redis://127.0.0.1:6379/1?domain=gost.local&sd=redis://127.0.0.1:6379/2")
        #expect(server.stores.map(\.database) == [1, 2])
        #expect(server.ingresses.map(\.name) == ["redis"], "the same URL is the same table")
        #expect(server.services.map(\.ingress) == [0, 0])
        #expect(server.services.map(\.discovery) == [0, 0])
        #expect(server.discoveries.count == 1)
    }

    @Test func theSameDatabaseInTheSameWayIsOneStore() throws {
        let server = try Self.server(ingress: "db: 1, expiration: 3m", discovery: "db: 1, expiration: 180s")
        #expect(server.stores.count == 1)
        #expect(server.ingresses[0].dynamic?.store == 0)
        #expect(server.discoveries[0].store == 0)
    }

    @Test func aURLStandsInAFileToo() throws {
        let settings = try Self.settings(
            """
            services:
            - addr: ":1"
              handler: {type: tunnel, metadata: {ingress: "redis://:pw@[::1]:5?tls.x=1"}}
            - addr: ":2"
              handler: {type: tunnel, metadata: {sd: "rediss://x?tls.serverName=y&sentinel.master=m"}}
            """.replacing("?tls.x=1", with: ""))
        let server = try #require(settings.server)
        #expect(server.stores[0].login == StoreLogin(userName: "", password: "pw"))
        #expect(server.stores[0].addresses == [StoreAddress(host: "::1", port: 5)])
        #expect(server.stores[1].tls?.serverName == "y")
        #expect(server.stores[1].sentinel == StoreSentinel(masterName: "m"))
        #expect(server.services[0].discovery == nil)
    }

    @Test func tlsIsVerifiedUnlessToldNotTo() throws {
        #expect(try Self.server(ingress: "tls: false", discovery: "tls: {}").stores.map(\.tls) == [nil, StoreTLS()])
        let settings = try Self.settings(
            "{services: [{addr: ':1', handler: {type: tunnel, metadata: {sd: d}}}],"
                + "sds: [{name: d, plugin: {type: redis, tls: {secure: false}}}]}")
        #expect(settings.server?.stores[0].tls?.verifies == false)
        #expect(settings.notices.contains { $0.text.contains("read and change what passes") })
    }

    @Test func storesAreNumberedByTheirUse() throws {
        let server = try Self.server(
            listen: "tunnel://:1?ingress=redis://a/1&sd=redis://b/1",
            "tunnel://:2?ingress=redis://c/1&sd=redis://a/1?expiration=1h")
        #expect(server.stores.map { $0.addresses[0].host } == ["a", "c", "b"])
        #expect(server.ingresses.map { $0.dynamic?.store } == [0, 1])
        #expect(server.discoveries.map(\.store) == [2, 0])
        #expect(server.services.map(\.discovery) == [0, 1])
    }

    @Test func aLoginIsNeverPrinted() throws {
        let server = try Self.server(ingress: "password: pa55word", discovery: "sentinel: {master: m}, addr: x")
        #expect(!"\(server)".contains("pa55word"))
        #expect(!String(reflecting: server.stores[0]).contains("pa55word"))
    }

    static let refusals: [(plugin: String, part: String)] = [
        ("db: -1", "between 0 and 65535"), ("db: one", "between 0 and 65535"), ("addr: ':7'", "is no address"),
        ("addr: 'a:0'", "is no address"), ("addr: 'a:b'", "is no address"), ("addr: [a, b]", "are sentinels"),
        ("username: u", "has no password"), ("expiration: 60", "whole seconds with a unit"),
        ("expiration: 1500ms", "whole seconds"), ("expiration: 4s", "between 5 s"), ("expiration: 0s", "between 5 s"),
        ("sentinel: m", "where the sentinels listen"), ("sentinel: {password: pa55word}, addr: a", "needs `master:`"),
        ("sentinel: {master: m, username: u}, addr: a", "has no password"), ("tls: maybe", "true or false"),
        ("tls: {certFile: c}", "belong together"), ("tls: {insecure: true}", "unknown key"),
        ("pasword: pa55word", "did you mean `password`"), ("token: pa55word", "token: is not available yet"),
        ("password: [pa55word]", "expected a text"), ("db: 1, DB: 2", "stands twice"),
    ]

    @Test(arguments: refusals)
    func pluginsThatAreRefused(plugin: String, part: String) throws {
        let fault = #expect(throws: ConfigurationFault.self) { try Self.server(ingress: plugin, discovery: "db: 1") }
        let text = try #require(fault).text
        #expect(text.contains(part), "\(text)")
        #expect(!text.contains("pa55word"))
        let other = #expect(throws: ConfigurationFault.self) { try Self.server(ingress: "db: 1", discovery: plugin) }
        #expect(try #require(other).text.contains(part))
    }

    @Test func domainsAreTheIngressOnly() {
        let fault = #expect(throws: ConfigurationFault.self) {
            try Self.server(ingress: "db: 1", discovery: "domain: x")
        }
        #expect(fault?.text.contains("unknown key in the redis plugin of an element of `sds`") == true)
    }

    @Test(arguments: [
        ("sds: [{plugin: {type: redis}}]", "needs a `name:`"), ("sds: [{name: a}]", "needs `plugin:"),
        ("sds: [{name: a, plugin: {type: grpc}}]", "plugin type `grpc` is not available yet; write `type: redis`"),
        ("sds: [{name: a, plugin: {type: memory}}]", "plugin type `memory` is unknown"),
        ("sds: [{name: a, plugin: {type: redis}}, {name: a, plugin: {type: redis}}]", "a second element"),
        ("ingresses: [{name: a, plugin: {type: memory, db: 1}}]", "unknown key in the memory plugin"),
    ])
    func listsThatAreRefused(text: String, part: String) throws {
        let service = "services: [{addr: ':8421', handler: {type: tunnel}}]\n"
        let fault = #expect(throws: ConfigurationFault.self) { try Self.settings(service + text) }
        #expect(try #require(fault).text.contains(part))
    }

    /// Whatever is wrong with it: no part of a URL that may be a password is repeated.
    @Test(arguments: [
        ("redis://u:pa55word@h:x/1", "is no address"), ("redis://u:pa55word@h/one", "whole number"),
        ("redis://h/1/2", "path is the number"), ("redis://u:p/pa55word@h/1", "%2F"), ("redis://u:p?pa55word@h", "%3F"),
        ("redis://u:p#pa55word@h", "%23"), ("redis://u:%zz@h", "hexadecimal"), ("redis-sentinel://h", "master's name"),
        ("redis://u:pa55+word@h", "%252B"), ("http://u:pa55word@h", "scheme is none of"),
        ("redis:/u:pa55word@h", "what stands here"), ("redis://h/?tls.caFile=x", "is for `rediss://`"),
        ("redis://h/1?colour=red", "unknown key"), ("redis://u@h", "has no password"),
    ])
    func urlsThatAreRefused(url: String, part: String) throws {
        for key in ["ingress", "sd"] {
            let fault = #expect(throws: ConfigurationFault.self) {
                try Self.server(listen: "tunnel://:1?\(key)=\(url.replacing("%", with: "%25"))")
            }
            let text = try #require(fault).text
            #expect(text.contains(part), "\(text)")
            #expect(!text.contains("pa55word"), "\(text)")
        }
    }
}
