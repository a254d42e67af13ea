import ControlCore
import Primitives
import StoreVocabulary

/// A Redis as far as the cluster uses one: strings and hashes in databases, with expiry by virtual time, the commands of
/// the core and of gost-plugins, and the core's scripts, whose meaning is written here a second time. Every change is
/// noted, as client-side caching tells it: writes, removals, expiries, of every database.
struct FakeRedis {
    enum Value: Equatable {
        case text(String)
        case hash([String: String])
    }

    struct Cell: Equatable {
        var value: Value
        /// nil: for ever.
        var expires: Tick?
    }

    struct Key: Hashable {
        var database: Int
        var name: String
    }

    var cells: [Key: Cell] = [:]
    /// Nothing expires before.
    private var nextExpiry = Tick.never
    /// Changed since they were last taken, in order.
    private(set) var changes: [String] = []
    private var isChanged: Set<String> = []
    /// Commands by their name, and those that scripts call.
    private(set) var counts: [String: Int] = [:]
    /// Plant: the claim of a name that another tunnel has succeeds.
    var grantsTwice = false

    mutating func takeChanges() -> [String] {
        defer {
            changes = []
            isChanged = []
        }
        return changes
    }

    mutating func flush() {
        cells = [:]
        changes = []
        isChanged = []
    }

    mutating func expire(now: Tick) {
        guard nextExpiry <= now else { return }
        let gone = cells.filter { $0.value.expires.map { $0 <= now } ?? false }.keys
        for key in gone.sorted(by: { ($0.database, $0.name) < ($1.database, $1.name) }) {
            cells[key] = nil
            touch(key)
        }
        nextExpiry = cells.values.lazy.compactMap(\.expires).min() ?? .never
    }

    func text(_ database: Int, _ name: String) -> String? {
        if case .text(let text) = cells[Key(database: database, name: name)]?.value { text } else { nil }
    }

    func hash(_ database: Int, _ name: String) -> [String: String] {
        if case .hash(let hash) = cells[Key(database: database, name: name)]?.value { hash } else { [:] }
    }

    // MARK: Commands

    mutating func execute(_ command: StoreCommand, database: Int, now: Tick) -> StoreReply {
        expire(now: now)
        let words = command.words.map { String(decoding: $0, as: UTF8.self) }
        return run(words, database, now)
    }

    private mutating func run(_ words: [String], _ database: Int, _ now: Tick) -> StoreReply {
        counts[words[0], default: 0] += 1
        let key = words.count > 1 ? Key(database: database, name: words[1]) : Key(database: database, name: "")
        switch words[0] {
        case "SET": return set(key, words, now)
        case "GET":
            guard let cell = cells[key] else { return .none }
            guard case .text(let text) = cell.value else { return .fault("WRONGTYPE") }
            return .bytes(Array(text.utf8))
        case "MGET":
            return .list(words.dropFirst().map { text(database, $0).map { .bytes(Array($0.utf8)) } ?? .none })
        case "DEL":
            guard cells.removeValue(forKey: key) != nil else { return .number(0) }
            touch(key)
            return .number(1)
        case "EXPIRE":
            guard cells[key] != nil else { return .number(0) }
            let expires = now.advanced(milliseconds: UInt64(words[2])! * 1_000)
            cells[key]?.expires = expires
            nextExpiry = min(nextExpiry, expires)
            touch(key)
            return .number(1)
        case "PTTL":
            guard let cell = cells[key] else { return .number(-2) }
            return .number(cell.expires.map { Int64($0.milliseconds(since: now)) } ?? -1)
        case "HSET":
            guard var hash = fields(key) else { return .fault("WRONGTYPE") }
            var added = 0
            for index in stride(from: 2, to: words.count, by: 2) {
                if hash.updateValue(words[index + 1], forKey: words[index]) == nil { added += 1 }
            }
            cells[key] = Cell(value: .hash(hash), expires: cells[key]?.expires)
            touch(key)
            return .number(Int64(added))
        case "HGET":
            guard let hash = fields(key) else { return .fault("WRONGTYPE") }
            return hash[words[2]].map { .bytes(Array($0.utf8)) } ?? .none
        case "HDEL":
            guard var hash = fields(key) else { return .fault("WRONGTYPE") }
            guard hash.removeValue(forKey: words[2]) != nil else { return .number(0) }
            if hash.isEmpty { cells[key] = nil } else { cells[key]?.value = .hash(hash) }
            touch(key)
            return .number(1)
        case "HGETALL":
            guard let hash = fields(key) else { return .fault("WRONGTYPE") }
            return .list(
                hash.sorted { $0.key < $1.key }.flatMap { [.bytes(Array($0.key.utf8)), .bytes(Array($0.value.utf8))] })
        case "EVAL":
            let count = Int(words[2])!
            return script(words[1], Array(words[3..<3 + count]), Array(words[(3 + count)...]), database, now)
        default: return .fault("ERR unknown command '\(words[0])'")
        }
    }

    private func fields(_ key: Key) -> [String: String]? {
        guard let cell = cells[key] else { return [:] }
        if case .hash(let hash) = cell.value { return hash }
        return nil
    }

    private mutating func touch(_ key: Key) {
        if isChanged.insert(key.name).inserted { changes.append(key.name) }
    }

    private mutating func set(_ key: Key, _ words: [String], _ now: Tick) -> StoreReply {
        if words.contains("NX"), let held = cells[key], !(grantsTwice && held.value != .text(words[2])) { return .none }
        var expires: Tick?
        if let place = words.firstIndex(of: "EX") {
            expires = now.advanced(milliseconds: UInt64(words[place + 1])! * 1_000)
        }
        cells[key] = Cell(value: .text(words[2]), expires: expires)
        nextExpiry = min(nextExpiry, expires ?? .never)
        touch(key)
        return .status("OK")
    }

    // MARK: Scripts

    private mutating func script(
        _ text: String, _ keys: [String], _ arguments: [String], _ database: Int, _ now: Tick
    ) -> StoreReply {
        switch text {
        case StoreScript.claim:
            return .list(
                keys.enumerated().map { index, key in
                    let own = arguments[index + 1]
                    if run(["SET", key, own, "EX", arguments[0], "NX"], database, now) == .status("OK") {
                        return .number(1)
                    }
                    guard case .bytes(let value) = run(["GET", key], database, now) else { return .bytes([]) }
                    guard value == Array(own.utf8) else { return .bytes(value) }
                    if run(["PTTL", key], database, now) != .number(-1) {
                        _ = run(["EXPIRE", key, arguments[0]], database, now)
                    }
                    return .number(2)
                })
        case StoreScript.release:
            var count: Int64 = 0
            for (index, key) in keys.enumerated()
            where run(["GET", key], database, now) == .bytes(Array(arguments[2 * index].utf8)) {
                guard case .number(let left) = run(["PTTL", key], database, now), left >= 0,
                    left <= Int64(arguments[2 * index + 1])!
                else { continue }
                _ = run(["DEL", key], database, now)
                count += 1
            }
            return .number(count)
        case StoreScript.register:
            var place = 2
            var count: Int64 = 0
            for key in keys {
                let words = Int(arguments[place])!
                let fields = Array(arguments[place + 1..<place + 1 + words])
                if case .number = run(["HSET", key] + fields, database, now) {
                    _ = run(["EXPIRE", key, arguments[0]], database, now)
                    count += 1
                    if arguments[1] == "1" { tell(key, database, now) }
                }
                place += words + 1
            }
            return .number(count)
        case StoreScript.leave:
            var count: Int64 = 0
            for (index, key) in keys.enumerated()
            where run(["HDEL", key, arguments[index]], database, now) == .number(1) {
                count += 1
                tell(key, database, now)
            }
            return .number(count)
        default: return .fault("ERR unknown script")
        }
    }

    private mutating func tell(_ key: String, _ database: Int, _ now: Tick) {
        _ = run(["SET", StoreScript.changePrefix + key, "1"], database, now)
        _ = run(["DEL", StoreScript.changePrefix + key], database, now)
    }
}
