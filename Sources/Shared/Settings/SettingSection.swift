/// A mapping that is being read against the table of its keys. Making one judges every key that stands in it; the
/// values are then asked for by name.
struct SettingSection {
    /// From the top: `services[0].handler`; empty for the top itself.
    let path: String
    let place: SettingPlace
    /// By lower-case key.
    private let entries: [String: SettingEntry]
    private let keys: KeyTable

    init(_ node: SettingNode?, path: String, keys: KeyTable, place: SettingPlace, findings: inout Findings) {
        self.path = path
        self.keys = keys
        self.place = node?.place ?? place
        var entries: [String: SettingEntry] = [:]
        switch node?.content {
        case .mapping(let written):
            for entry in written {
                if entries.updateValue(entry, forKey: entry.key.lowercased()) != nil {
                    findings.problem(
                        entry.place, SettingSection.join(path, entry.key),
                        "the key stands twice (keys do not depend on case); remove one")
                }
            }
            self.entries = entries
            for entry in written { judge(entry, findings: &findings) }
        case .scalar, .list:
            self.entries = [:]
            findings.problem(self.place, path, "expected keys and values here: \(keys.subject)")
        case .nothing, nil:
            self.entries = [:]
        }
    }

    private func judge(_ entry: SettingEntry, findings: inout Findings) {
        let key = SettingSection.join(path, entry.key)
        guard let rule = keys.rule(for: entry.key) else {
            let suggestion = keys.suggestion(for: entry.key).map { "; did you mean `\($0)`?" } ?? "; remove it"
            findings.problem(entry.place, key, "unknown key in \(keys.subject)\(suggestion)")
            return
        }
        switch rule.meaning {
        case .used: break
        case .withoutEffect(let reason):
            if !entry.value.isOff { findings.notice(entry.place, key, "has no effect: \(reason)") }
        case .missing(let advice):
            if !entry.value.isOff { findings.problem(entry.place, key, "is not available yet: \(advice)") }
        }
    }

    /// The value of a key that the table declares as used, under the first of its names that stands here; nil where
    /// none does or where it has no value.
    func setting(_ name: String) -> Setting? {
        guard let rule = keys.rule(for: name), case .used = rule.meaning else {
            preconditionFailure("\(name) is not declared in \(keys.subject)")
        }
        for name in rule.names {
            guard let entry = entries[name.lowercased()] else { continue }
            if case .nothing = entry.value.content { continue }
            return Setting(key: SettingSection.join(path, entry.key), node: entry.value)
        }
        return nil
    }

    /// The section under a key; an empty one where the key is absent.
    func section(_ name: String, keys: KeyTable, findings: inout Findings) -> SettingSection {
        let setting = setting(name)
        return SettingSection(
            setting?.node, path: setting?.key ?? SettingSection.join(path, name), keys: keys, place: place,
            findings: &findings)
    }

    /// The elements of the list under a key; a lone mapping or text counts as a list of one.
    func elements(_ name: String) -> [Setting] {
        guard let setting = setting(name) else { return [] }
        guard case .list(let nodes) = setting.node.content else { return [setting] }
        return nodes.enumerated().map { Setting(key: "\(setting.key)[\($0.offset)]", node: $0.element) }
    }

    /// The text under a key; nil where it is absent or empty.
    func text(_ name: String, findings: inout Findings) -> String? {
        guard let text = setting(name)?.text(findings: &findings), !text.isEmpty else { return nil }
        return text
    }

    static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
