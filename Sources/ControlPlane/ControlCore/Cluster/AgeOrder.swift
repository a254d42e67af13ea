/// Keys of a bounded table, the oldest first: who goes when it is full. Keys that left the table in another way are
/// passed over, and tidied away before they outnumber the others.
struct AgeOrder<Key: Hashable & Sendable>: Sendable {
    private var keys: [Key] = []
    private var start = 0

    init() {}

    /// Adds a key that has come into the table, which holds `count` now.
    mutating func append(_ key: Key, count: Int, where isThere: (Key) -> Bool) {
        keys.append(key)
        guard keys.count - start > 2 * count + 1_024 else { return }
        // Of a key that went and came again the last entry counts.
        var seen: Set<Key> = []
        let kept = keys[start...].reversed().filter { isThere($0) && seen.insert($0).inserted }
        keys = kept.reversed()
        start = 0
    }

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
