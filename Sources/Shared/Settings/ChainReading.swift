internal import Model

/// What a chain says about the way to a tunnel server, before it is joined with a service.
struct ServerChain: Equatable {
    var servers: [ServerAddress] = []
    var options = TunnelOptions()
}

/// What a node's connector says about the tunnel: it must be the same for every server of a chain.
struct TunnelOptions: Equatable {
    /// Zero where none is written.
    var tunnel = TunnelID.zero
    var weight: UInt8 = 0
    var connections = 1
    var muxVersion = 2
    var keepAliveMilliseconds: UInt64?
    var keepAliveTimeoutMilliseconds: UInt64?
    var userName: String?
    var password: String?
}

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
        let nodes = hop.elements("nodes")
        for (number, setting) in nodes.enumerated() {
            let section = SettingSection(
                setting.node, path: setting.key, keys: ClientKeys.node, place: setting.place, findings: &findings)
            guard let server = ServerNodeReading(section: section).read(findings: &findings) else { continue }
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

/// Reads one node of a hop: a tunnel server's address, carrier and connector.
struct ServerNodeReading {
    static let connectionsMax: UInt64 = 64

    let section: SettingSection

    func read(findings: inout Findings) -> (address: ServerAddress, options: TunnelOptions)? {
        if let network = section.setting("network"), let text = network.text(findings: &findings),
            text != "tcp", !text.isEmpty
        {
            network.problem("`\(text)` is not available; servers are dialled by tcp", findings: &findings)
        }
        let address = readAddress(findings: &findings)
        let options = readConnector(findings: &findings)
        guard let address, let options else { return nil }
        return (address, options)
    }

    private func readAddress(findings: inout Findings) -> ServerAddress? {
        let dialer = section.section("dialer", keys: ClientKeys.dialer, findings: &findings)
        let metadata = dialer.section("metadata", keys: ClientKeys.dialerMetadata, findings: &findings)
        let carrier = Carrier(listenerType: dialer, findings: &findings)
        guard let setting = section.setting("addr"), let text = setting.text(findings: &findings) else {
            findings.problem(section.place, section.path, "needs `addr:`, the server's host and port")
            return nil
        }
        guard let written = HostAndPort(text), written.port > 0 else {
            setting.problem(
                "`\(text)` is no server: write `host:port`, as `gost.example.com:8421`", findings: &findings)
            return nil
        }
        guard let carrier else { return nil }
        // GOST dials localhost for an address without a host (tunnel-client §9.2).
        let host = written.host.isEmpty ? "localhost" : written.host
        let header = HostAndPort(host: host, port: written.port).text
        var address = ServerAddress(carrier: carrier, host: host, port: written.port, hostHeader: header)
        for name in ["ws.path", "ws.host"] where carrier != .ws {
            metadata.setting(name)?.problem("has no meaning on a tcp dialer; use ws, or remove it", findings: &findings)
        }
        if let setting = metadata.setting("ws.path") {
            address.path = setting.webSocketPath(findings: &findings) ?? address.path
        }
        if let setting = metadata.setting("ws.host"), let host = setting.text(findings: &findings), !host.isEmpty {
            address.hostHeader = host
            if !host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) || host.utf8.count > 255 {
                setting.problem("is no host", findings: &findings)
            }
        }
        return address
    }

    private func readConnector(findings: inout Findings) -> TunnelOptions? {
        let connector = section.section("connector", keys: ClientKeys.connector, findings: &findings)
        guard let type = connector.setting("type"), type.text(findings: &findings) == "tunnel" else {
            let place = connector.setting("type")?.place ?? section.place
            findings.problem(
                place, connector.path + ".type", "must be `tunnel` (GOST's default is `http`); write `type: tunnel`")
            return nil
        }
        let metadata = connector.section("metadata", keys: ClientKeys.connectorMetadata, findings: &findings)
        var options = TunnelOptions()
        if let setting = metadata.setting("tunnel.id"), setting.node.content != .scalar("") {
            options.tunnel = setting.tunnelID(findings: &findings) ?? .zero
        }
        if let weight = metadata.setting("tunnel.weight")?.integer(in: 0...255, findings: &findings) {
            options.weight = UInt8(weight)
        }
        let connections = metadata.setting("connections")
        if let count = connections?.integer(in: 1...ServerNodeReading.connectionsMax, findings: &findings) {
            options.connections = Int(count)
        }
        readMux(metadata, into: &options, findings: &findings)
        if connector.setting("auth") != nil {
            let auth = connector.section("auth", keys: ClientKeys.auth, findings: &findings)
            options.userName = auth.setting("username")?.credential(findings: &findings) ?? ""
            options.password = auth.setting("password")?.credential(findings: &findings) ?? ""
        }
        return options
    }

    private func readMux(_ metadata: SettingSection, into options: inout TunnelOptions, findings: inout Findings) {
        if let version = metadata.setting("mux.version")?.integer(in: 1...2, findings: &findings) {
            options.muxVersion = Int(version)
        }
        if let setting = metadata.setting("mux.type"), let type = setting.text(findings: &findings),
            type != "smux", !type.isEmpty
        {
            setting.problem("`\(type)` is not available; write `smux`, here and at the server", findings: &findings)
        }
        options.keepAliveMilliseconds = keepAlive(
            metadata.setting("mux.keepaliveInterval"), as: .muxKeepAliveMilliseconds, findings: &findings)
        options.keepAliveTimeoutMilliseconds = keepAlive(
            metadata.setting("mux.keepaliveTimeout"), as: .muxKeepAliveTimeoutMilliseconds, findings: &findings)
    }

    private func keepAlive(_ setting: Setting?, as limit: Limit, findings: inout Findings) -> UInt64? {
        guard let setting, let milliseconds = setting.metadataMilliseconds(findings: &findings), milliseconds > 0
        else { return nil }
        let range = limit.row.range
        guard range.contains(milliseconds) else {
            setting.problem("must be between \(range.lowerBound) ms and \(range.upperBound) ms", findings: &findings)
            return nil
        }
        return milliseconds
    }
}

extension Setting {
    /// A name or password of the relay's UserAuth feature: at most 255 bytes (protocol relay §4).
    func credential(findings: inout Findings) -> String? {
        guard let text = text(findings: &findings) else { return nil }
        guard text.utf8.count <= 255 else {
            problem("is longer than 255 bytes", findings: &findings)
            return nil
        }
        return text
    }
}
