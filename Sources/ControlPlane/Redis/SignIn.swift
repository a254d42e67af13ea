internal import Settings
internal import StoreVocabulary

/// What a fresh connection says first, and how the answers are judged. All of it is sent at once.
struct SignIn {
    enum Purpose: Equatable {
        /// Commands on one database of a server that takes writes.
        case commands(database: Int, mustProveRole: Bool)
        /// To be told which keys change.
        case tracking
        /// To ask a sentinel for a master, and to be told when it changes.
        case sentinel(masterName: String)
    }

    enum Judgement: Equatable {
        case ready
        /// Its id, by which another connection names it.
        case tracks(id: Int64)
        case master(StoreAddress)
        case refused(String)
    }

    /// What is asked, and what the answer is good for.
    private enum Step: Equatable {
        case login
        case name
        case database
        case role
        case life
        case id
        case masterAddress
        case subscription
    }

    static let invalidations = "__redis__:invalidate"
    static let switches = "+switch-master"

    let purpose: Purpose
    let commands: [StoreCommand]
    private let steps: [Step]

    init(_ purpose: Purpose, login: StoreLogin?) {
        self.purpose = purpose
        var asked: [(Step, StoreCommand)] = []
        if let login {
            // A server without users knows a password only.
            let words = login.userName.isEmpty ? [login.password] : [login.userName, login.password]
            asked.append((.login, StoreCommand(words: (["AUTH"] + words).map { Array($0.utf8) })))
        }
        switch purpose {
        case .commands(let database, _):
            asked.append((.name, StoreCommand("CLIENT", "SETNAME", "culvert")))
            if database > 0 { asked.append((.database, StoreCommand("SELECT", "\(database)"))) }
            asked.append((.role, StoreCommand("ROLE")))
            asked.append((.life, StoreCommand("PING")))
        case .tracking:
            asked.append((.name, StoreCommand("CLIENT", "SETNAME", "culvert-tracking")))
            asked.append((.id, StoreCommand("CLIENT", "ID")))
            asked.append((.subscription, StoreCommand("SUBSCRIBE", SignIn.invalidations)))
        case .sentinel(let name):
            asked.append((.masterAddress, StoreCommand("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)))
            asked.append((.subscription, StoreCommand("SUBSCRIBE", SignIn.switches)))
        }
        steps = asked.map(\.0)
        commands = asked.map(\.1)
    }

    /// `replies`: one for each command.
    func judge(_ replies: [StoreReply]) -> Judgement {
        precondition(replies.count == steps.count, "an answer to something else")
        var judgement = Judgement.ready
        for (step, reply) in zip(steps, replies) {
            switch (step, reply) {
            case (.name, _): break
            case (.login, .fault(let text)): return .refused(SignIn.loginRefusal(text))
            case (.role, .fault(let text)) where text.hasPrefix("NOPERM"):
                guard case .commands(_, mustProveRole: true) = purpose else { break }
                return .refused("the user may not ask ROLE, which tells a master from a replica; allow it")
            case (_, .fault(let text)): return .refused(SignIn.shown(text))
            case (.role, _): if let refusal = roleRefusal(reply) { return .refused(refusal) }
            case (.id, .number(let id)): judgement = .tracks(id: id)
            case (.id, _): return .refused("it does not tell the connection's id")
            case (.masterAddress, _):
                guard let address = StoreAddress(sentinelReply: reply) else { return .refused(unknownMaster) }
                judgement = .master(address)
            case (.login, _), (.database, _), (.life, _), (.subscription, _): break
            }
        }
        return judgement
    }

    private func roleRefusal(_ reply: StoreReply) -> String? {
        guard case .list(let parts) = reply, case .bytes(let role)? = parts.first else {
            return "its answer to ROLE is not understood"
        }
        switch String(decoding: role, as: UTF8.self) {
        case "master": return nil
        case "slave": return "it is a replica and takes no writes; its master is wanted"
        case "sentinel": return "it is a sentinel; write `sentinel:` with the master's name"
        default: return "it is no master"
        }
    }

    private var unknownMaster: String {
        guard case .sentinel(let name) = purpose else { return "" }
        return "the sentinel knows no master named `\(name)`"
    }

    /// A server that does not know AUTH as it is told repeats what it was told: only words are shown that are known to
    /// hold no secret.
    private static func loginRefusal(_ text: String) -> String {
        let harmless = [
            "WRONGPASS", "ERR AUTH <password> called without any password", "ERR Client sent AUTH, but no password",
            "ERR invalid password", "NOPERM", "LOADING",
        ]
        guard harmless.contains(where: text.hasPrefix) else {
            return "signing in failed"
        }
        return "signing in failed: \(shown(text))"
    }

    /// A server's text for a log line: bounded, printable.
    static func shown(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.prefix(200).filter { $0.value >= 0x20 && $0.value != 0x7F }))
    }
}

extension StoreAddress {
    /// A sentinel's answer: host and port as texts; nil for anything else, a null among it.
    init?(sentinelReply reply: StoreReply) {
        guard case .list(let parts) = reply, parts.count == 2, case .bytes(let host) = parts[0],
            case .bytes(let port) = parts[1]
        else { return nil }
        self.init(host: host[...], port: port[...])
    }

    /// Of `+switch-master`: `name oldhost oldport newhost newport`; nil for another master's.
    init?(switchMessage message: [UInt8], of masterName: String) {
        let words = message.split(separator: UInt8(ascii: " "))
        guard words.count == 5, words[0].elementsEqual(masterName.utf8) else { return nil }
        self.init(host: words[3], port: words[4])
    }

    private init?(host: ArraySlice<UInt8>, port: ArraySlice<UInt8>) {
        guard let host = String(validating: host, as: UTF8.self), !host.isEmpty, host.utf8.count <= 255,
            let port = UInt16(String(decoding: port, as: UTF8.self)), port > 0
        else { return nil }
        self.init(host: host, port: port)
    }
}
