internal import Model

/// Reads `ingresses:` and the inline rules of tunnel handlers into tables, and finds tables by name.
struct IngressReading {
    private(set) var tables: [IngressTable] = []
    private var indexByName: [String: Int] = [:]

    /// The name of the table that services without an ingress of their own share.
    static let sharedName = "default"

    /// Every table of the list, in its order, so that a written configuration reads back the same.
    mutating func read(_ ingresses: [Setting], stores: inout StoreReading, findings: inout Findings) {
        for setting in ingresses {
            let section = SettingSection(
                setting.node, path: setting.key, keys: ServerKeys.ingress, place: setting.place, findings: &findings)
            guard let name = section.text("name", findings: &findings) else {
                setting.problem("needs a `name:`, by which handlers refer to it", findings: &findings)
                continue
            }
            guard indexByName[name] == nil else {
                setting.problem("a second ingress is named `\(name)`; rename one", findings: &findings)
                continue
            }
            var table = IngressTable(name: name)
            var hosts: Set<String> = []
            for rule in section.elements("rules") {
                guard let rule = IngressReading.rule(rule, findings: &findings) else { continue }
                IngressReading.append(rule.value, from: rule.setting, to: &table, hosts: &hosts, findings: &findings)
            }
            IngressReading.readFile(of: section, into: &table, findings: &findings)
            if let plugin = section.setting("plugin") {
                table.dynamic = IngressReading.dynamic(plugin, stores: &stores, findings: &findings)
            }
            add(table)
        }
    }

    /// The table of that name.
    func index(named name: String) -> Int? { indexByName[name] }

    /// The table of a service that names no ingress: dynamic under `localhost`, with the service's inline rules. Those
    /// without rules share one, so that a tunnel bound at one of them is reachable through all.
    mutating func standardTable(service: String, inline: Setting?, findings: inout Findings) -> Int {
        guard let inline, let text = inline.text(findings: &findings), !text.isEmpty else {
            if let index = sharedTable { return index }
            var table = IngressTable(name: freeName(IngressReading.sharedName))
            table.dynamic = DynamicIngress()
            sharedTable = add(table)
            return tables.count - 1
        }
        var table = IngressTable(name: freeName(service))
        table.dynamic = DynamicIngress()
        var hosts: Set<String> = []
        for part in text.split(separator: ",") {
            let part = part.drop { $0 == " " }
            guard let colon = part.firstIndex(of: ":") else {
                inline.problem("a rule is written `host:uuid`, and rules are separated by commas", findings: &findings)
                continue
            }
            let host = String(part[..<colon])
            let endpoint = String(part[part.index(after: colon)...].reversed().drop { $0 == " " }.reversed())
            guard let rule = IngressReading.rule(host: host, endpoint: endpoint, from: inline, findings: &findings)
            else { continue }
            IngressReading.append(rule, from: inline, to: &table, hosts: &hosts, findings: &findings)
        }
        return add(table)
    }

    /// The table of a service whose ingress is a URL. The same URL at several services is one table.
    mutating func table(url plugin: Setting, stores: inout StoreReading, findings: inout Findings) -> Int? {
        guard case .mapping = plugin.node.content,
            let dynamic = IngressReading.dynamic(plugin, stores: &stores, findings: &findings)
        else { return nil }
        if let index = urlTables.first(where: { tables[$0].dynamic == dynamic }) { return index }
        var table = IngressTable(name: freeName(IngressReading.urlName))
        table.dynamic = dynamic
        urlTables.append(add(table))
        return tables.count - 1
    }

    private static let urlName = "redis"
    private var urlTables: [Int] = []
    private var sharedTable: Int?

    @discardableResult
    private mutating func add(_ table: IngressTable) -> Int {
        tables.append(table)
        indexByName[table.name] = tables.count - 1
        return tables.count - 1
    }

    private func freeName(_ wanted: String) -> String {
        var name = wanted
        while indexByName[name] != nil { name += "'" }
        return name
    }

    private static func append(
        _ rule: IngressRule, from setting: Setting, to table: inout IngressTable, hosts: inout Set<String>,
        findings: inout Findings
    ) {
        guard hosts.insert(rule.host).inserted else {
            setting.problem("`\(rule.host)` has a rule already; remove one", findings: &findings)
            return
        }
        table.rules.append(rule)
    }

    /// `file` and `reload`.
    private static func readFile(of section: SettingSection, into table: inout IngressTable, findings: inout Findings) {
        if section.setting("file") != nil {
            let file = section.section("file", keys: ServerKeys.ruleFile, findings: &findings)
            table.path = file.text("path", findings: &findings)
            if table.path == nil {
                section.setting("file")?.problem("needs a `path:`; write one, or remove it", findings: &findings)
            }
        }
        guard let reload = section.setting("reload"),
            let milliseconds = reload.reloadMilliseconds(findings: &findings)
        else { return }
        if table.path == nil {
            findings.notice(reload.place, reload.key, "has no effect: no rules stand in a file")
        } else {
            table.reloadMilliseconds = milliseconds
        }
    }

    private static func rule(_ setting: Setting, findings: inout Findings) -> (value: IngressRule, setting: Setting)? {
        let section = SettingSection(
            setting.node, path: setting.key, keys: ServerKeys.ingressRule, place: setting.place, findings: &findings)
        guard let host = section.setting("hostname"), let endpoint = section.setting("endpoint") else {
            setting.problem("a rule needs `hostname:` and `endpoint:`", findings: &findings)
            return nil
        }
        guard let hostText = host.text(findings: &findings), let endpointText = endpoint.text(findings: &findings)
        else { return nil }
        return rule(host: hostText, endpoint: endpointText, from: setting, findings: &findings).map { ($0, host) }
    }

    private static func rule(
        host: String, endpoint: String, from setting: Setting, findings: inout Findings
    ) -> IngressRule? {
        guard let pattern = HostPattern(host) else {
            setting.problem("`\(host)` is no host: \(HostPattern.advice)", findings: &findings)
            return nil
        }
        let isPrivate = endpoint.hasPrefix("$")
        guard let tunnel = TunnelID(String(endpoint.dropFirst(isPrivate ? 1 : 0))), !tunnel.isZero else {
            setting.problem(
                "the endpoint of `\(host)` is not a tunnel id: write a UUID of 36 characters, with a leading `$` for "
                    + "a private rule",
                findings: &findings)
            return nil
        }
        return IngressRule(host: pattern.text, route: Route(tunnel: tunnel, isPrivate: isPrivate))
    }

    private static func dynamic(
        _ plugin: Setting, stores: inout StoreReading, findings: inout Findings
    ) -> DynamicIngress? {
        let type = StoreReading.type(of: plugin)
        guard type == "memory" || type == "redis" else {
            StoreReading.refuse(
                plugin, type: type,
                instead: "`type: memory`, which keeps the hosts in this node, or `type: redis`, which several share",
                findings: &findings)
            return nil
        }
        let keys = type == "redis" ? StoreKeys.ingressPlugin : ServerKeys.plugin
        let section = SettingSection(
            plugin.node, path: plugin.key, keys: keys, place: plugin.place, findings: &findings)
        var dynamic = DynamicIngress()
        if type == "redis" {
            dynamic.domains = DynamicIngress.storeDomains
            dynamic.store = stores.store(
                section, expirationSeconds: StoreSettings.ingressExpirationSeconds, findings: &findings)
            guard dynamic.store != nil else { return nil }
        }
        readNames(section, into: &dynamic, findings: &findings)
        return dynamic
    }

    /// `domain` and `domainMin`.
    private static func readNames(
        _ section: SettingSection, into dynamic: inout DynamicIngress, findings: inout Findings
    ) {
        let domains = section.elements("domain").flatMap { element -> [String] in
            guard let text = element.text(findings: &findings) else { return [] }
            return text.split(separator: ",").compactMap { part in
                let written = part.filter { $0 != " " }
                guard let pattern = HostPattern(written), !pattern.text.hasPrefix(".") else {
                    element.problem("`\(written)` is no domain: write `tunnels.example.com`", findings: &findings)
                    return nil
                }
                return pattern.text
            }
        }
        if !domains.isEmpty { dynamic.domains = domains }
        if let least = section.setting("domainMin")?.integer(in: 1...63, findings: &findings) {
            dynamic.labelBytesMin = Int(least)
        }
    }
}
