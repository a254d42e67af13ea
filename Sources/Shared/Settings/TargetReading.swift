/// Reads the targets of a service that exposes something: its `forwarder:` and what its handler says about them
/// (protocol config §5, tunnel-client §5).
struct TargetReading {
    let service: ServiceSections
    /// The targets take datagrams.
    let isUDP: Bool

    /// Nil, with a problem, where there is none or one that cannot be used.
    func read(handler metadata: SettingSection, findings: inout Findings) -> ForwardTargets? {
        let forwarder = service.section("forwarder", keys: ClientKeys.forwarder, findings: &findings)
        let elements = forwarder.elements("nodes")
        guard !elements.isEmpty else {
            service.setting.problem(
                "needs a target: `-L \(service.handlerType)://:0/127.0.0.1:8000`, or "
                    + "`forwarder: {nodes: [{addr: \"127.0.0.1:8000\"}]}`", findings: &findings)
            return nil
        }
        guard elements.count <= ForwardTargets.countMax else {
            elements[ForwardTargets.countMax].problem(
                "a service has at most \(ForwardTargets.countMax) targets", findings: &findings)
            return nil
        }
        let selection = SelectionReading(forwarder, findings: &findings)
        let nodes = elements.compactMap { node($0, selection, findings: &findings) }
        guard nodes.count == elements.count else { return nil }
        var targets = ForwardTargets(nodes)
        targets.strategy = selection.strategy
        if let version = metadata.setting("proxyProtocol")?.integer(in: 0...2, findings: &findings) {
            targets.proxyVersion = Int(version)
            if isUDP, version > 0 {
                metadata.setting("proxyProtocol")?.problem(
                    "a target of datagrams gets no header; remove it", findings: &findings)
            }
        }
        return targets
    }

    private func node(_ element: Setting, _ selection: SelectionReading, findings: inout Findings) -> TargetNode? {
        let section = SettingSection(
            element.node, path: element.key, keys: ClientKeys.target, place: element.place, findings: &findings)
        let preference = selection.preference(of: section, findings: &findings)
        let host = readFilter(section, findings: &findings)
        guard let address = readAddress(section, element, findings: &findings) else { return nil }
        var node = TargetNode(address)
        node.selection = preference
        node.host = host
        return node
    }

    private func readAddress(
        _ section: SettingSection, _ element: Setting, findings: inout Findings
    ) -> TargetAddress? {
        let expected = isUDP ? "udp" : "tcp"
        var network = expected
        if let setting = section.setting("network"), let text = setting.text(findings: &findings), !text.isEmpty {
            network = text.lowercased()
            guard network == expected || network == "unix" && !isUDP else {
                setting.problem(
                    "`\(text)` is not available; targets of \(service.handlerType) are reached by "
                        + (isUDP ? "udp" : "tcp or unix"), findings: &findings)
                return nil
            }
        }
        guard let setting = section.setting("addr"), let text = setting.text(findings: &findings) else {
            element.problem("needs `addr:`, the target's host and port", findings: &findings)
            return nil
        }
        if !isUDP, let path = TargetReading.path(text, network: network) {
            guard path.hasPrefix("/"), path.utf8.count <= TargetAddress.pathBytesMax else {
                setting.problem(
                    "`\(path)` is no socket: its path begins with `/` and has at most \(TargetAddress.pathBytesMax) "
                        + "bytes", findings: &findings)
                return nil
            }
            return TargetAddress(path: path)
        }
        guard let address = HostAndPort(text), address.port > 0 else {
            setting.problem(
                "`\(text)` is no target: write `:8000`, `127.0.0.1:8000` or `unix:///run/app.sock`",
                findings: &findings)
            return nil
        }
        return TargetAddress(host: address.host, port: address.port)
    }

    /// `unix:///run/app.sock`, `unix:/run/app.sock`, or a path whose network says so.
    private static func path(_ text: String, network: String) -> String? {
        for prefix in ["unix://", "unix:"] {
            if let rest = text.dropping(prefix: prefix) { return rest }
        }
        return network == "unix" ? text : nil
    }

    /// `filter: {host}`, or its old name `host`.
    private func readFilter(_ section: SettingSection, findings: inout Findings) -> String? {
        let filter = section.section("filter", keys: ClientKeys.filter, findings: &findings)
        guard let setting = filter.setting("host") ?? section.setting("host"),
            let text = setting.text(findings: &findings), !text.isEmpty
        else { return nil }
        guard let pattern = HostPattern(text) else {
            setting.problem(
                "`\(text)` is no host: write `www.example.com`, or `.example.com` for every name below it",
                findings: &findings)
            return nil
        }
        return pattern.text
    }
}
