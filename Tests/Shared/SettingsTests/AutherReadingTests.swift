import Model
import Settings
import Testing

/// Credentials: what is read, and that everything else stops the start.
struct AutherReadingTests {
    private func server(_ handler: String, _ top: String = "", listen: [String] = []) throws -> ServerConfiguration {
        try ConfigurationReader.server(
            text: """
                services:
                - name: s
                  addr: :8421
                  handler: {type: tunnel, \(handler)}
                \(top)
                """, fileName: "gost.yaml")
    }

    private func fault(_ handler: String, _ top: String = "") throws -> String {
        let fault = #expect(throws: ConfigurationFault.self) { try server(handler, top) }
        let text = try #require(fault).text
        #expect(!text.contains("pa55word"), "a password is a secret")
        return text
    }

    @Test func aHandlersLoginIsAnAutherOfItsOwn() throws {
        let server = try server("auth: {username: me, password: p@ss}")
        #expect(server.services[0].authers == [0])
        #expect(server.authers.count == 1)
        #expect(server.authers[0].credentials == [Credential(userName: "me", password: "p@ss")])
        #expect(server.authers[0].path == nil)
    }

    @Test func aURLsCredentialsAreAHandlersLogin() throws {
        var arguments = CommandLineSettings()
        arguments.listen = [
            "tunnel+ws://me:p%40ss@:8421?entrypoint=:8080&entrypoint.id=4e8a1b6c-2f3d-4a5b-8c7d-9e0f1a2b3c4d"
        ]
        let server = try #require(try ConfigurationReader.read([.arguments(arguments)]).server)
        #expect(server.services[0].authers == [0])
        #expect(server.authers[0].credentials == [Credential(userName: "me", password: "p@ss")])
        #expect(!server.services[0].entrypointID.isZero)
    }

    @Test func authersAreFoundByName() throws {
        let server = try server(
            "auther: a, authers: [b, a], auth: {username: c, password: d, file: /etc/more}",
            """
            authers:
            - name: a
              auths: [{username: u, password: p}, {username: v, password: q}]
            - name: b
              file: {path: people.txt}
              reload: 10s
            """)
        #expect(server.services[0].authers == [0, 1, 2])
        #expect(server.authers.map(\.name) == ["a", "b", "s login"])
        #expect(server.authers[0].credentials.count == 2)
        #expect(server.authers[1].path == "people.txt")
        #expect(server.authers[1].reloadMilliseconds == 10_000)
        #expect(server.authers[2].path == "/etc/more")
        let written = ConfigurationWriter.yaml(server)
        #expect(try ConfigurationReader.server(text: written, fileName: "written.yaml") == server)
    }

    @Test func withoutAnAutherThePortIsOpen() throws {
        #expect(try server("auther: \"\", authers: []").services[0].authers == nil)
        #expect(try server("metadata: {}").services[0].authers == nil)
    }

    @Test func anEmptyAutherLetsNobodyInAndSaysSo() throws {
        let settings = try ConfigurationReader.read(
            text: """
                services: [{addr: ':1', handler: {type: tunnel, auther: a}}]
                authers: [{name: a}]
                """, fileName: "gost.yaml")
        #expect(settings.server?.services[0].authers == [0])
        #expect(settings.notices.contains { $0.text.contains("lets nobody in") })
    }

    @Test(arguments: [
        ("auther: someone", "", "no auther is named `someone`"),
        ("authers: [a, b]", "authers: [{name: a}]", "no auther is named `b`"),
        ("auth: {username: a}", "", "has no password"), ("auth: {password: pa55word}", "", "has no user name"),
        ("auth: {}", "", "has no user name"), ("auth: {username: a, password: ''}", "", "has no password"),
        ("auth: {user: a, password: pa55word}", "", "unknown key"),
        ("auther: a", "authers: [{name: a, auths: [{username: x}]}]", "has no password"),
        (
            "auther: a", "authers: [{name: a, auths: [{username: x, password: pa55word}, {username: x, password: y}]}]",
            "stands twice"
        ),
        ("auther: a", "authers: [{name: a, plugin: {type: grpc}}]", "plugin: is not available yet"),
        ("auther: a", "authers: [{name: a, redis: {addr: 'x:1'}}]", "redis: is not available yet"),
        ("auther: a", "authers: [{name: a, reload: 10}]", "with a unit"),
        ("auther: a", "authers: [{name: a, reload: 1ms}]", "between 100 ms"),
        ("auther: a", "authers: [{name: a, fil: {path: x}}]", "did you mean `file`"),
        ("auther: a", "authers: [{auths: []}]", "needs a `name:`"),
        ("auther: a", "authers: [{name: a}, {name: a}]", "a second auther"),
        ("metadata: {skipauth: 127.0.0.1}", "", "skipauth: is not available yet"),
        ("metadata: {entrypoint.id: nonsense}", "", "not a tunnel id"),
        ("metadata: {entrypoint.relay: perhaps}", "", "true or false"),
    ])
    func whatIsNotAsItShouldBeStopsTheStart(handler: String, top: String, part: String) throws {
        #expect(try fault(handler, top).contains(part))
    }

    @Test func longNamesAreRefused() throws {
        let long = String(repeating: "x", count: 256)
        #expect(try fault("auth: {username: \(long), password: y}").contains("255 bytes"))
        #expect(try server("auth: {username: \(long.dropLast()), password: y}").authers.count == 1)
    }

    // MARK: Files

    @Test func aFilesLinesAreRead() {
        let file = CredentialFile(
            text: "# people\n\nann  one two\r\n\tbob\tx#y \ncarl\n passwordless \nann later\n\u{FEFF}dora é\n")
        #expect(
            file.credentials == [
                Credential(userName: "ann", password: "later"), Credential(userName: "bob", password: "x#y"),
                Credential(userName: "\u{FEFF}dora", password: "é"),
            ])
        #expect(file.problems.map(\.line) == [5, 6])
        #expect(file.problems.allSatisfy { $0.message.contains("has no password") })
        #expect(CredentialFile(text: "").credentials.isEmpty)
    }
}
