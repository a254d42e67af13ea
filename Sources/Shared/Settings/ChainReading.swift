/// Finds chains by name and reads them when a service refers to them. Chains that nothing refers to may describe
/// anything, and are only noticed.
struct ChainReading {
    private var chains: [String: Setting] = [:]
    private var order: [String] = []
    private var hops: [String: Setting] = [:]
    private var done: [String: ServerChain?] = [:]

    init(_ top: SettingSection, findings: inout Findings) {
        for setting in top.elements("chains") {
            guard let name = ChainReading.name(of: setting, findings: &findings) else { continue }
            if chains.updateValue(setting, forKey: name) != nil {
                setting.problem("a second chain is named `\(name)`; rename one", findings: &findings)
            }
            order.append(name)
        }
        for setting in top.elements("hops") {
            guard let name = ChainReading.name(of: setting, findings: &findings) else { continue }
            hops[name] = setting
        }
    }

    private static func name(of setting: Setting, findings: inout Findings) -> String? {
        guard case .scalar(let name) = setting.node.value(of: "name")?.content, !name.isEmpty else {
            setting.problem("needs a `name:`, by which others refer to it", findings: &findings)
            return nil
        }
        return name
    }

    /// Says which chains nobody used.
    func noticeUnused(findings: inout Findings) {
        for name in order where done[name] == nil {
            guard let setting = chains[name] else { continue }
            findings.notice(setting.place, setting.key, "has no effect: nothing refers to the chain `\(name)`")
        }
    }

    /// The chain that a setting names; nil with a problem where there is none or it cannot be used.
    mutating func chain(named reference: Setting, findings: inout Findings) -> ServerChain? {
        guard let name = reference.text(findings: &findings) else { return nil }
        if let known = done[name] { return known }
        guard let setting = chains[name] else {
            reference.problem("no chain is named `\(name)`; define it under `chains:`", findings: &findings)
            return nil
        }
        let chain = read(setting, findings: &findings)
        done[name] = .some(chain)
        return chain
    }

    private func read(_ setting: Setting, findings: inout Findings) -> ServerChain? {
        let section = SettingSection(
            setting.node, path: setting.key, keys: ClientKeys.chain, place: setting.place, findings: &findings)
        let elements = section.elements("hops")
        guard let first = elements.first else {
            setting.problem("needs one hop, whose nodes are the tunnel servers", findings: &findings)
            return nil
        }
        guard elements.count == 1 else {
            elements[1].problem(
                "a second hop is not available yet: let the first `-F` (or hop) be the tunnel server, and list further "
                    + "servers in it, separated by commas",
                findings: &findings)
            return nil
        }
        var hop = SettingSection(
            first.node, path: first.key, keys: ClientKeys.hop, place: first.place, findings: &findings)
        if hop.setting("nodes") == nil, let name = hop.text("name", findings: &findings) {
            guard let named = hops[name] else {
                first.problem("has no nodes, and no hop of `hops:` is named `\(name)`", findings: &findings)
                return nil
            }
            hop = SettingSection(
                named.node, path: named.key, keys: ClientKeys.hop, place: named.place, findings: &findings)
        }
        return read(nodes: hop, findings: &findings)
    }

    private func read(nodes hop: SettingSection, findings: inout Findings) -> ServerChain? {
        var chain = ServerChain()
        let selection = SelectionReading(hop, findings: &findings)
        chain.strategy = selection.strategy
        let nodes = hop.elements("nodes")
        guard nodes.count <= ExposedTunnel.serversMax else {
            nodes[ExposedTunnel.serversMax].problem(
                "a hop has at most \(ExposedTunnel.serversMax) servers", findings: &findings)
            return nil
        }
        for (number, setting) in nodes.enumerated() {
            let section = SettingSection(
                setting.node, path: setting.key, keys: ClientKeys.node, place: setting.place, findings: &findings)
            let preference = selection.preference(of: section, findings: &findings)
            guard var server = ServerNodeReading(section: section).read(findings: &findings) else { continue }
            server.address.selection = preference
            if number > 0, !chain.servers.isEmpty, server.options != chain.options {
                setting.problem(
                    "its connector differs from that of the first node; all servers of a chain carry the same tunnel",
                    findings: &findings)
            }
            chain.options = server.options
            chain.servers.append(server.address)
        }
        guard !nodes.isEmpty else {
            findings.problem(hop.place, hop.path, "needs `nodes:`, the tunnel servers")
            return nil
        }
        return chain.servers.count == nodes.count ? chain : nil
    }
}
