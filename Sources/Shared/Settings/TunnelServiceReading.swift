internal import Model

/// Reads a service whose handler is `tunnel` (protocol config §2–§4, tunnel-server §2).
struct TunnelServiceReading {
    let service: ServiceSections

    func read(
        node: inout NodeReading, ingresses: inout IngressReading, stores: inout StoreReading,
        authers: inout AutherReading, findings: inout Findings
    ) -> TunnelService? {
        let handler = service.section("handler", keys: ServerKeys.tunnelHandler, findings: &findings)
        let metadata = handler.section("metadata", keys: ServerKeys.tunnelMetadata, findings: &findings)
        if let forwarder = service.common.setting("forwarder"), !forwarder.node.isOff {
            forwarder.problem("a tunnel server takes no targets; they belong to the client", findings: &findings)
        }
        let address = service.listenAddress(findings: &findings)
        let carrier = readCarrier(findings: &findings)
        let ingress = readIngress(metadata, ingresses: &ingresses, stores: &stores, findings: &findings)
        let discovery = stores.discovery(of: metadata.setting("sd"), findings: &findings)
        if discovery != nil, let setting = metadata.setting("sd") { node.judgeSharing(setting, findings: &findings) }
        let people = authers.indices(of: handler, service: service.name, findings: &findings)
        guard let address, let carrier, let ingress else { return nil }

        var result = TunnelService(name: service.name, address: address, carrier: carrier.carrier, ingress: ingress)
        result.path = carrier.path ?? result.path
        result.entrypoints = readEntrypoints(metadata, ingress: ingress, ingresses: ingresses, findings: &findings)
        result.authers = people
        result.discovery = discovery
        readRelay(metadata, into: &result, findings: &findings)
        readTrust(metadata, into: &result, node: node, findings: &findings)
        readMux(metadata, into: &result, node: &node, findings: &findings)
        node.readDuration(metadata.setting("readTimeout"), as: .handshakeTimeoutMilliseconds, findings: &findings)
        node.readDuration(
            metadata.setting("entrypoint.readTimeout"), as: .answerHeadTimeoutMilliseconds, findings: &findings)
        return result
    }

    private func readCarrier(findings: inout Findings) -> (carrier: Carrier, path: String?)? {
        let listener = service.section("listener", keys: ServerKeys.tunnelListener, findings: &findings)
        let metadata = listener.section("metadata", keys: ServerKeys.listenerMetadata, findings: &findings)
        guard let carrier = Carrier(listenerType: listener, findings: &findings) else { return nil }
        guard let setting = metadata.setting("ws.path") else { return (carrier, nil) }
        guard carrier == .ws else {
            setting.problem("has no meaning on a tcp listener; write `type: ws`, or remove it", findings: &findings)
            return nil
        }
        return (carrier, setting.webSocketPath(findings: &findings))
    }

    /// The index of the service's table. A named ingress wins over inline rules, as in GOST, but it must exist.
    private func readIngress(
        _ metadata: SettingSection, ingresses: inout IngressReading, stores: inout StoreReading,
        findings: inout Findings
    ) -> Int? {
        let inline = metadata.setting("tunnel")
        guard let setting = metadata.setting("ingress"), let name = setting.text(findings: &findings), !name.isEmpty
        else { return ingresses.standardTable(service: service.name, inline: inline, findings: &findings) }
        if let inline, !inline.node.isOff {
            findings.notice(inline.place, inline.key, "has no effect: `ingress` is set, and its rules hold")
        }
        if let plugin = StoreURL.plugin(setting, findings: &findings) {
            return ingresses.table(url: plugin, stores: &stores, findings: &findings)
        }
        return TunnelServiceReading.index(of: name, from: setting, in: ingresses, findings: &findings)
    }

    private static func index(
        of name: String, from setting: Setting, in ingresses: IngressReading, findings: inout Findings
    ) -> Int? {
        if let index = ingresses.index(named: name) { return index }
        // A mistyped URL may hold a password.
        let shown = name.contains("@") ? "what stands here" : "`\(name)`"
        setting.problem("no ingress is named \(shown); define it under `ingresses:`", findings: &findings)
        return nil
    }

    private func readEntrypoints(
        _ metadata: SettingSection, ingress: Int, ingresses: IngressReading, findings: inout Findings
    ) -> [Entrypoint] {
        var entrypoints: [Entrypoint] = []
        if let setting = metadata.setting("entrypoint"), setting.node.content != .scalar(""),
            let address = setting.listenAddress(findings: &findings)
        {
            entrypoints.append(Entrypoint(address: address, ingress: ingress))
        }
        for element in metadata.elements("entrypoints") {
            let section = SettingSection(
                element.node, path: element.key, keys: ServerKeys.entrypoint, place: element.place, findings: &findings)
            guard let address = section.setting("addr") else {
                element.problem("needs `addr:`, the address visitors come to", findings: &findings)
                continue
            }
            var index = ingress
            if let setting = section.setting("ingress"), let name = setting.text(findings: &findings), !name.isEmpty {
                index = TunnelServiceReading.index(of: name, from: setting, in: ingresses, findings: &findings) ?? index
            }
            guard let address = address.listenAddress(findings: &findings) else { continue }
            entrypoints.append(Entrypoint(address: address, ingress: index))
        }
        return entrypoints
    }

    /// Whose word about addresses is believed. Versions are told apart by the header itself, so 1 and 2 mean the same.
    private func readTrust(
        _ metadata: SettingSection, into result: inout TunnelService, node: NodeReading, findings: inout Findings
    ) {
        if let version = service.metadata.setting("proxyProtocol")?.integer(in: 0...2, findings: &findings) {
            result.takesProxyHeader = version > 0
        }
        if let version = metadata.setting("entrypoint.ProxyProtocol")?.integer(in: 0...2, findings: &findings) {
            result.entrypointsTakeProxyHeader = version > 0
        }
        guard let setting = metadata.setting("entrypoint.clientIP"), let text = setting.text(findings: &findings) else {
            return
        }
        switch text.lowercased() {
        case "", "peer": break
        case "header":
            result.namesClientByField = true
            if node.trustedProxies.isEmpty {
                setting.problem(
                    "needs `culvert: {trustedProxies: […]}`: a field is believed only from a known proxy",
                    findings: &findings)
            }
        default: setting.problem("`\(text)` is neither peer nor header", findings: &findings)
        }
    }

    private func readRelay(
        _ metadata: SettingSection, into result: inout TunnelService, findings: inout Findings
    ) {
        if let setting = metadata.setting("tunnel.direct") {
            result.tunnelIsDirect = setting.flag(findings: &findings) ?? false
        }
        if let setting = metadata.setting("entrypoint.id"), !setting.node.isOff {
            result.entrypointID = setting.tunnelID(findings: &findings, mayBePrivate: true) ?? .zero
        }
        if let setting = metadata.setting("entrypoint.relay") {
            result.relaysAtEntrypoints = setting.flag(findings: &findings) ?? false
        }
    }

    private func readMux(
        _ metadata: SettingSection, into result: inout TunnelService, node: inout NodeReading, findings: inout Findings
    ) {
        if let setting = metadata.setting("mux.version"), let version = setting.integer(in: 1...2, findings: &findings)
        {
            result.muxVersion = Int(version)
        }
        if let setting = metadata.setting("mux.type"), let type = setting.text(findings: &findings),
            type != "smux", !type.isEmpty
        {
            setting.problem("`\(type)` is not available; write `smux`, here and at the clients", findings: &findings)
        }
        node.readDuration(
            metadata.setting("mux.keepaliveInterval"), as: .muxKeepAliveMilliseconds, findings: &findings)
        node.readDuration(
            metadata.setting("mux.keepaliveTimeout"), as: .muxKeepAliveTimeoutMilliseconds, findings: &findings)
    }
}

extension Carrier {
    /// Transports of GOST that a configuration may ask for and that are not here (protocol transports §1, §8).
    private static let known: Set<String> = [
        "tls", "wss", "mtcp", "mtls", "mws", "mwss", "h2", "h2c", "http2", "http3", "h3", "wt", "grpc", "quic", "kcp",
        "pht", "phts", "ssh", "sshd", "ohttp", "otls", "dtls", "ftcp", "icmp", "icmp6", "udp", "wg", "utls", "unix",
    ]

    /// The type of a listener or dialer section; tcp where none is written.
    init?(listenerType section: SettingSection, findings: inout Findings) {
        guard let setting = section.setting("type"), let type = setting.text(findings: &findings)?.lowercased(),
            !type.isEmpty
        else {
            self = .tcp
            return
        }
        guard let carrier = Carrier(rawValue: type) else {
            let state = Carrier.known.contains(type) ? "is not available yet" : "is unknown"
            setting.problem("the carrier `\(type)` \(state); write `tcp` or `ws`", findings: &findings)
            return nil
        }
        self = carrier
    }
}

extension Setting {
    /// A path of a WebSocket upgrade: it begins with a slash and holds what a request line may hold.
    func webSocketPath(findings: inout Findings) -> String? {
        guard let path = text(findings: &findings) else { return nil }
        let isClean = path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
        guard path.hasPrefix("/"), isClean, path.utf8.count <= 255 else {
            problem("`\(path)` is no path: it begins with `/` and is at most 255 bytes long", findings: &findings)
            return nil
        }
        return path
    }
}
