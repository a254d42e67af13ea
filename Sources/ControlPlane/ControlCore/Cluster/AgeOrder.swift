/// Keys of a bounded table, the oldest first: who goes when it is full. Keys leave the table in no other way.
struct AgeOrder<Key: Hashable & Sendable>: Sendable {
    private var keys: [Key] = []
    private var start = 0

    init() {}

    mutating func append(_ key: Key) { keys.append(key) }

    /// Takes the oldest for which `isThere` still holds.
    mutating func takeOldest(where isThere: (Key) -> Bool) -> Key? {
        while start < keys.count {
            let key = keys[start]
            start += 1
            if start > 1_024, start * 2 > keys.count {
                keys.removeFirst(start)
                start = 0
            }
            if isThere(key) { return key }
        }
        return nil
    }
}
