internal import Model

/// Gives a tree of settings its meaning: opens the top, hands every service to the reader of its kind, and puts the
/// results together.
struct ConfigurationReading {
    private var findings: Findings
    private var node = NodeReading()
    private var ingresses = IngressReading()
    private var stores = StoreReading()
    private var authers = AutherReading()
    private var tunnelServices: [TunnelService] = []
    private var client = ClientConfiguration()
    /// Where each listening address was written: those of connections, and those of datagrams.
    private var listeners: [[ListenAddress: String]] = [[:], [:]]

    init(findings: Findings) { self.findings = findings }

    mutating func read(_ tree: SettingNode) throws(ConfigurationFault) -> NodeSettings {
        let top = SettingSection(tree, path: "", keys: NodeKeys.top, place: tree.place, findings: &findings)
        node.read(top, findings: &findings)
        ingresses.read(top.elements("ingresses"), stores: &stores, findings: &findings)
        stores.read(top.elements("sds"), findings: &findings)
        authers.read(top.elements("authers"), findings: &findings)
        var chains = ChainReading(top, findings: &findings)
        var names: Set<String> = []
        let services = top.elements("services")
        for (number, setting) in services.enumerated() {
            let service = ServiceSections(setting, number: number, findings: &findings)
            if !names.insert(service.name).inserted {
                setting.problem("a second service is named `\(service.name)`; rename one", findings: &findings)
            }
            read(service, chains: &chains)
        }
        if services.isEmpty { findings.problem(tree.place, "", ConfigurationReader.nothingToDo) }
        for (name, address) in [
            ("metrics", node.metricsAddress), ("api", node.apiAddress), ("culvert.peers", node.peers?.address),
        ] {
            guard let address else { continue }
            claim(address, for: name, at: Setting(key: name, node: tree))
        }
        node.judgeLimits(findings: &findings)
        chains.noticeUnused(findings: &findings)
        noticeSharedTunnels()
        try findings.judge()
        return settings()
    }

    private mutating func read(_ service: ServiceSections, chains: inout ChainReading) {
        switch (service.handlerType, service.listenerType) {
        case ("tunnel", _):
            let reading = TunnelServiceReading(service: service)
            guard
                let result = reading.read(
                    node: &node, ingresses: &ingresses, stores: &stores, authers: &authers, findings: &findings)
            else { return }
            tunnelServices.append(result)
            claim(result.address, for: service)
            for entrypoint in result.entrypoints { claim(entrypoint.address, for: service) }
        case ("rtcp", "rtcp"), ("rudp", "rudp"):
            let reading = ClientServiceReading(service: service)
            if let result = reading.readTunnel(chains: &chains, findings: &findings) { client.tunnels.append(result) }
        case ("rtcp", let listener), ("rudp", let listener):
            let type = service.handlerType
            service.setting.problem(
                "an \(type) handler needs an \(type) listener, not `\(listener)`: write `-L \(type)://:0/:8000`, or "
                    + "`listener: {type: \(type), chain: …}`", findings: &findings)
        case ("tcp", _), ("udp", _):
            let reading = VisitorServiceReading(service: service)
            guard let result = reading.read(chains: &chains, findings: &findings) else { return }
            client.visitorServices.append(result)
            claim(result.address, isUDP: result.isUDP, for: service)
        case ("file", _):
            let reading = ClientServiceReading(service: service)
            guard let result = reading.readFiles(findings: &findings) else { return }
            client.fileServices.append(result)
            claim(result.address, for: service)
        case (let handler, _):
            let state = ConfigurationReading.knownHandlers.contains(handler) ? "is not available yet" : "is unknown"
            service.setting.problem(
                "a handler of type `\(handler)` \(state); there are `tunnel` (a server), `rtcp` and `rudp` (expose "
                    + "a port), `tcp` and `udp` (visit one) and `file`", findings: &findings)
        }
    }

    /// GOST's handlers that a tunnel's configuration may hold.
    private static let knownHandlers: Set<String> = [
        "auto", "forward", "relay", "http", "http2", "http3", "socks", "socks4", "socks5", "sni",
        "ss", "ssu", "dns", "metrics", "api", "tun", "tap", "router", "red", "redu", "redirect", "serial", "unix",
        "runix", "sshd", "masque", "virtual",
    ]

    private mutating func claim(_ address: ListenAddress, isUDP: Bool = false, for service: ServiceSections) {
        claim(address, isUDP: isUDP, for: service.name, at: service.setting)
    }

    /// Every address is listened at once.
    private mutating func claim(
        _ address: ListenAddress, isUDP: Bool = false, for name: String, at setting: Setting
    ) {
        guard address.port != 0 else { return }
        if let other = listeners[isUDP ? 1 : 0].updateValue(name, forKey: address) {
            let text = HostAndPort(host: address.host, port: address.port).text
            setting.problem(
                "listens at `\(text)`, and so does `\(other)`; change one of the ports", findings: &findings)
        }
    }

    /// Two services of one tunnel id are both offered every visitor of the tunnel (quirks C7); only those of connections
    /// and those of datagrams are told apart.
    private mutating func noticeSharedTunnels() {
        var names: [[TunnelID: String]] = [[:], [:]]
        for tunnel in client.tunnels where !tunnel.tunnel.isZero {
            if let other = names[tunnel.isUDP ? 1 : 0].updateValue(tunnel.name, forKey: tunnel.tunnel) {
                findings.notice(
                    SettingPlace(source: "services"), tunnel.name,
                    "has the tunnel id of `\(other)`: the server sends each visitor to either of them")
            }
        }
    }

    private func settings() -> NodeSettings {
        var settings = NodeSettings()
        settings.notices = findings.notices
        settings.logLevel = node.logLevel
        settings.shell = node.shell
        if !tunnelServices.isEmpty {
            var server = ServerConfiguration()
            server.nodeName = node.name
            server.services = tunnelServices
            server.ingresses = ingresses.tables
            server.stores = stores.stores
            server.discoveries = stores.discoveries
            server.numberStores()
            server.authers = authers.authers
            server.limits = node.limits
            server.logLevel = node.logLevel
            server.metricsAddress = node.metricsAddress
            server.apiAddress = node.apiAddress
            server.workers = node.workers
            server.shell = node.shell
            server.trustedProxies = node.trustedProxies
            server.peers = node.peers
            settings.server = server
        }
        if client != ClientConfiguration() {
            settings.client = client
            let grace = node.limits[.leaveGraceMilliseconds] ?? Limit.leaveGraceMilliseconds.row.standard
            settings.client?.leaveGraceMilliseconds = grace
        }
        return settings
    }
}
