internal import StoreVocabulary

/// What a server says on a connection that subscribed: a message of a channel. Everything else there is a reply.
struct PushedMessage: Equatable {
    var channel: [UInt8]
    /// Bytes, a list of keys, or nothing.
    var payload: StoreReply

    /// nil: a reply.
    init?(_ reply: StoreReply) {
        guard case .list(let parts) = reply, parts.count == 3, parts[0] == .bytes(Array("message".utf8)),
            case .bytes(let channel) = parts[1]
        else { return nil }
        self.channel = channel
        payload = parts[2]
    }
}

/// Keys that changed, gathered over the messages of a turn.
struct Invalidation: Equatable {
    private(set) var keys: [[UInt8]] = []
    /// Every key may have changed.
    private(set) var isWhole = false
    private var known: Set<[UInt8]> = []

    var isEmpty: Bool { keys.isEmpty && !isWhole }

    /// Takes the payload of a message in: a list of keys, or nothing when the server forgot everything. Anything else,
    /// which no server sends, counts as everything too: nothing is missed by it.
    mutating func add(_ payload: StoreReply) {
        guard case .list(let elements) = payload else { return flush() }
        for element in elements {
            guard case .bytes(let key) = element else { return flush() }
            if !isWhole, known.insert(key).inserted { keys.append(key) }
        }
    }

    private mutating func flush() {
        isWhole = true
        keys = []
        known = []
    }
}
