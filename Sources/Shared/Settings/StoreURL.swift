/// A Redis database as a URL, where a key otherwise takes the name of an ingress or of service discovery:
///
///     redis://user:password@host:6379/1?domain=gost.local
///     rediss://host/2?expiration=3m                                (TLS)
///     redis-sentinel://host:26379,host:26379/mymaster/1            (and rediss-sentinel://)
///
/// Its parameters are the keys of the plugin; those of `tls:` and `sentinel:` are written `tls.caFile` and so on. It
/// only becomes the tree that a file would have held: what that means is read in one place.
struct StoreURL {
    let setting: Setting

    /// Nil where the text is a name. Otherwise the plugin's mapping, or a problem and an empty one.
    static func plugin(_ setting: Setting, findings: inout Findings) -> Setting? {
        guard case .scalar(let text) = setting.node.content, text.contains("://") else { return nil }
        let node = StoreURL(setting: setting).tree(text, findings: &findings)
        return Setting(key: setting.key, node: node ?? SettingNode(.nothing, at: setting.place))
    }

    /// Nothing of the text is repeated in messages: a misplaced sign makes any part of it a piece of the password.
    private func tree(_ text: String, findings: inout Findings) -> SettingNode? {
        let schemes = ["redis", "rediss", "redis-sentinel", "rediss-sentinel"]
        guard let mark = text.firstRange(of: "://"), schemes.contains(text[..<mark.lowerBound].lowercased()) else {
            return refused("its scheme is none of \(schemes.joined(separator: ", "))", findings: &findings)
        }
        guard !text.contains(" ") else {
            return refused("a `+` within it is written `%252B`, and a blank `%2520`", findings: &findings)
        }
        let behind = text[mark.upperBound...].drop { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !behind.contains("@"), !behind.contains("#") else {
            return refused(
                "the signs `/ ? # @` of a name or password are written `%2F %3F %23 %40` (`%252F …` within a `-L`)",
                findings: &findings)
        }
        let url: ServiceURL
        do { url = try ServiceURL(text) } catch {
            return refused("a `%` must be followed by two hexadecimal digits of UTF-8 text", findings: &findings)
        }
        return mapping(url, findings: &findings)
    }

    private func mapping(_ url: ServiceURL, findings: inout Findings) -> SettingNode? {
        let tree = ArgumentTree(place: setting.place)
        let isTLS = url.schemes[0].hasPrefix("rediss")
        var entries: [(String, SettingNode)] = [("type", tree.text("redis"))]
        var sections: [(name: String, entries: [(String, SettingNode)])] = [("tls", []), ("sentinel", [])]
        if !url.addresses.isEmpty { entries.append(("addr", tree.list(url.addresses.map(tree.text)))) }
        if let userName = url.userName, !userName.isEmpty { entries.append(("username", tree.text(userName))) }
        if let password = url.password { entries.append(("password", tree.text(password))) }
        var path = url.rest.split(separator: "/", omittingEmptySubsequences: true).map(String.init)[...]
        if url.schemes[0].hasSuffix("-sentinel") {
            guard let master = path.popFirst() else {
                return refused("needs the master's name: `redis-sentinel://host/mymaster/1`", findings: &findings)
            }
            sections[1].entries.append(("master", tree.text(master)))
        }
        if let database = path.popFirst() { entries.append(("db", tree.text(database))) }
        guard path.isEmpty else {
            return refused("its path is the number of a database: `redis://host:6379/1`", findings: &findings)
        }
        for (name, value) in url.parameters {
            let section = sections.firstIndex { name.lowercased().hasPrefix($0.name + ".") }
            if let section {
                let key = String(name.dropFirst(sections[section].name.count + 1))
                sections[section].entries.append((key, tree.text(value)))
            } else {
                entries.append((name, tree.text(value)))
            }
        }
        guard isTLS || sections[0].entries.isEmpty else {
            return refused("`tls.…` is for `rediss://`", findings: &findings)
        }
        for section in sections where !section.entries.isEmpty {
            entries.append((section.name, tree.mapping(section.entries)))
        }
        if isTLS, sections[0].entries.isEmpty { entries.append(("tls", tree.text("true"))) }
        return tree.mapping(entries)
    }

    private func refused(_ message: String, findings: inout Findings) -> SettingNode? {
        setting.problem("is no URL of a Redis database: " + message, findings: &findings)
        return nil
    }
}
