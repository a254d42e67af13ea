import Settings
import StoreVocabulary
import Testing

@testable import Redis

/// What is said first, and how the answers are judged.
struct SignInTests {
    private static let master = StoreReply.list([.bytes(Array("master".utf8)), .number(0), .list([])])
    private static let replica = StoreReply.list([.bytes(Array("slave".utf8)), .bytes(Array("h".utf8))])
    private static let ok = StoreReply.status("OK")
    private static let pong = StoreReply.status("PONG")

    private func words(_ signIn: SignIn) -> [String] {
        signIn.commands.map { $0.words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ") }
    }

    private func commands(_ database: Int = 0, login: StoreLogin? = nil, proves: Bool = true) -> SignIn {
        SignIn(.commands(database: database, mustProveRole: proves), login: login)
    }

    @Test func whatIsSaid() {
        let login = StoreLogin(userName: "me", password: "a b")
        #expect(words(commands()) == ["CLIENT SETNAME culvert", "ROLE", "PING"])
        #expect(
            words(commands(7, login: login)) == ["AUTH me a b", "CLIENT SETNAME culvert", "SELECT 7", "ROLE", "PING"])
        #expect(words(commands(login: StoreLogin(userName: "", password: "p")))[0] == "AUTH p")
        #expect(
            words(SignIn(.tracking, login: login)) == [
                "AUTH me a b", "CLIENT SETNAME culvert-tracking", "CLIENT ID", "SUBSCRIBE __redis__:invalidate",
            ])
        #expect(
            words(SignIn(.sentinel(masterName: "m"), login: nil)) == [
                "SENTINEL GET-MASTER-ADDR-BY-NAME m", "SUBSCRIBE +switch-master",
            ])
    }

    @Test func aMasterIsReady() {
        #expect(commands(1).judge([Self.ok, Self.ok, Self.master, Self.pong]) == .ready)
        // A server without names for its clients serves as well.
        #expect(commands().judge([.fault("ERR unknown"), Self.master, Self.pong]) == .ready)
    }

    @Test(arguments: [
        ([ok, replica, pong], "replica"), ([ok, .list([.bytes(Array("sentinel".utf8))]), pong], "sentinel"),
        ([ok, .none, pong], "not understood"), ([ok, master, .fault("LOADING Redis is loading")], "LOADING"),
        ([ok, .fault("NOPERM this user"), pong], "allow it"), ([ok, .fault("NOAUTH needed"), pong], "NOAUTH"),
    ])
    func serversThatAreRefused(replies: [StoreReply], part: String) {
        guard case .refused(let text) = commands().judge(replies) else { Issue.record("accepted"); return }
        #expect(text.contains(part))
    }

    @Test func aConfiguredServerNeedNotProveItsRole() {
        #expect(commands(proves: false).judge([Self.ok, .fault("NOPERM this user"), Self.pong]) == .ready)
        guard case .refused = commands(proves: false).judge([Self.ok, Self.replica, Self.pong]) else {
            Issue.record("a replica was accepted")
            return
        }
    }

    /// A server that does not know the command repeats its arguments.
    @Test func aLoginIsNotRepeated() {
        let signIn = commands(login: StoreLogin(userName: "me", password: "pa55word"))
        let rest = [Self.ok, Self.master, Self.pong]
        for text in [
            "ERR unknown command `AUTH`, with args beginning with: `me`, `pa55word`, ", "pa55word", "ERR pa55word",
        ] {
            #expect(signIn.judge([.fault(text)] + rest) == .refused("signing in failed"))
        }
        guard case .refused(let shown) = signIn.judge([.fault("WRONGPASS invalid username-password pair")] + rest)
        else { Issue.record("in"); return }
        #expect(shown == "signing in failed: WRONGPASS invalid username-password pair")
    }

    @Test func theIDOfATrackingConnection() {
        let signIn = SignIn(.tracking, login: nil)
        let subscribed = StoreReply.list([.bytes([1]), .bytes([2]), .number(1)])
        #expect(signIn.judge([Self.ok, .number(12), subscribed]) == .tracks(id: 12))
        #expect(signIn.judge([Self.ok, Self.ok, subscribed]) == .refused("it does not tell the connection's id"))
        #expect(signIn.judge([Self.ok, .number(1), .fault("NOPERM no")]) == .refused("NOPERM no"))
    }

    @Test func whereTheMasterIs() {
        let signIn = SignIn(.sentinel(masterName: "m"), login: nil)
        let subscribed = StoreReply.list([])
        let address = StoreReply.list([.bytes(Array("::1".utf8)), .bytes(Array("6380".utf8))])
        #expect(signIn.judge([address, subscribed]) == .master(StoreAddress(host: "::1", port: 6_380)))
        #expect(signIn.judge([.none, subscribed]) == .refused("the sentinel knows no master named `m`"))
        for wrong in [
            StoreReply.list([]), .list([.bytes([]), .bytes(Array("1".utf8))]),
            .list([.bytes([65]), .bytes(Array("0".utf8))]),
            .list([.bytes([255]), .bytes(Array("1".utf8))]), .list([.bytes([65]), .bytes(Array("65536".utf8))]),
        ] {
            guard case .refused = signIn.judge([wrong, subscribed]) else { Issue.record("\(wrong)"); return }
        }
    }

    @Test func aSwitchOfAMaster() {
        func address(_ text: String) -> StoreAddress? { StoreAddress(switchMessage: Array(text.utf8), of: "m") }
        #expect(address("m 10.0.0.1 6379 10.0.0.2 6380") == StoreAddress(host: "10.0.0.2", port: 6_380))
        #expect(address("mm 10.0.0.1 6379 10.0.0.2 6380") == nil)
        #expect(address("m 10.0.0.1 6379 10.0.0.2") == nil)
        #expect(address("m 10.0.0.1 6379 10.0.0.2 x") == nil)
        #expect(address("") == nil)
    }

    @Test func whatIsShownIsBounded() {
        #expect(SignIn.shown("a\u{1B}[1m\nb") == "a[1mb")
        #expect(SignIn.shown(String(repeating: "x", count: 1_000)).count == 200)
    }
}
