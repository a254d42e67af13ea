internal import Model

/// Reads one node of a hop: a tunnel server's address, carrier and connector.
struct ServerNodeReading {
    static let connectionsMax: UInt64 = 64
    /// GOST's (protocol transports §5.1).
    static let pingMillisecondsStandard: UInt64 = 15_000

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
        for name in ["ws.path", "ws.host", "ws.header"] where carrier != .ws {
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
        UpgradeReading(metadata: metadata).read(into: &address, findings: &findings)
        readTimes(metadata, into: &address, findings: &findings)
        return address
    }

    private func readTimes(_ metadata: SettingSection, into address: inout ServerAddress, findings: inout Findings) {
        let handshake = metadata.setting("ws.handshakeTimeout")
        if let milliseconds = handshake?.metadataMilliseconds(findings: &findings), milliseconds > 0 {
            let range = Limit.handshakeTimeoutMilliseconds.row.range
            if range.contains(milliseconds) {
                address.handshakeTimeoutMilliseconds = milliseconds
            } else {
                handshake?.problem(
                    "must be between \(range.lowerBound) ms and \(range.upperBound) ms", findings: &findings)
            }
        }
        let period = keepAlive(
            metadata.setting("keepalive.interval"), as: .muxKeepAliveMilliseconds, findings: &findings)
        let pings = metadata.setting("ws.keepalive")?.flag(findings: &findings) ?? false
        if pings, address.carrier == .ws {
            address.pingMilliseconds = period ?? ServerNodeReading.pingMillisecondsStandard
        }
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
