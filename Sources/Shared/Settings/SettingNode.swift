/// Settings as they were written, before anything is known about their meaning: a tree whose every node knows its
/// place. YAML files and `-L`/`-F` URLs both become such a tree, and one reader gives it its meaning.
struct SettingNode: Equatable {
    enum Content: Equatable {
        /// `key:` without a value, or `null`.
        case nothing
        case scalar(String)
        case list([SettingNode])
        case mapping([SettingEntry])
    }

    var place: SettingPlace
    var content: Content

    init(_ content: Content, at place: SettingPlace) {
        self.place = place
        self.content = content
    }

    /// Whether the value switches its key off: nothing, an empty text, `0`, `false`, `no`, `off`, an empty list.
    var isOff: Bool {
        switch content {
        case .nothing: true
        case .scalar(let text): ["", "0", "false", "no", "off", "none"].contains(text.lowercased())
        case .list(let elements): elements.isEmpty
        case .mapping(let entries): entries.isEmpty
        }
    }

    /// The value of a top-level key in a mapping, by its lower-case name.
    func value(of key: String) -> SettingNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key.lowercased() == key }?.value
    }
}

extension SettingNode {
    /// Both trees in one: lists are joined, mappings merged key by key, and of two texts the later holds.
    func joined(with later: SettingNode) -> SettingNode {
        switch (content, later.content) {
        case (.list(let first), .list(let second)): return SettingNode(.list(first + second), at: place)
        case (.mapping(let first), .mapping(let second)):
            var entries = first
            for entry in second {
                if let index = entries.firstIndex(where: { $0.key.lowercased() == entry.key.lowercased() }) {
                    entries[index].value = entries[index].value.joined(with: entry.value)
                } else {
                    entries.append(entry)
                }
            }
            return SettingNode(.mapping(entries), at: place)
        case (_, .nothing): return self
        default: return later
        }
    }
}

/// One `key: value` of a mapping. Keys are compared without regard to case (protocol config, opening).
struct SettingEntry: Equatable {
    /// As written.
    var key: String
    var place: SettingPlace
    var value: SettingNode
}
