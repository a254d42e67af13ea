internal import Model

/// Reads the services that lead local visitors to a tunnel: handler and listener `tcp`, or both `udp` (protocol
/// tunnel-client §6, §7).
struct VisitorServiceReading {
    let service: ServiceSections

    func read(chains: inout ChainReading, findings: inout Findings) -> VisitorService? {
        let isUDP = service.handlerType == "udp"
        let handler = service.section("handler", keys: VisitorKeys.handler, findings: &findings)
        _ = handler.section("metadata", keys: VisitorKeys.handlerMetadata, findings: &findings)
        let listener = service.section("listener", keys: VisitorKeys.listener, findings: &findings)
        let metadata = listener.section(
            "metadata", keys: isUDP ? VisitorKeys.datagramMetadata : ServerKeys.listenerMetadata, findings: &findings)
        guard service.listenerType == service.handlerType else {
            service.setting.problem(
                "a \(service.handlerType) handler needs a \(service.handlerType) listener, not `\(service.listenerType)`",
                findings: &findings)
            return nil
        }
        guard let reference = handler.setting("chain") else {
            service.setting.problem(
                "needs the way to the tunnel server: `-F tunnel+ws://host:port?tunnel.id=UUID`, or "
                    + "`handler: {type: \(service.handlerType), chain: …}`", findings: &findings)
            return nil
        }
        let destination = readDestination(findings: &findings)
        guard let address = service.listenAddress(findings: &findings),
            let chain = chains.chain(named: reference, findings: &findings), let destination
        else { return nil }
        guard !chain.options.tunnel.isZero else {
            service.setting.problem(
                "needs the id of the tunnel to visit: `-F …?tunnel.id=UUID`, or `tunnel.id:` in the connector's metadata",
                findings: &findings)
            return nil
        }
        var result = VisitorService(
            name: service.name, address: address, tunnel: chain.options.tunnel, servers: chain.servers)
        result.isUDP = isUDP
        result.destination = destination
        result.userName = chain.options.userName
        result.password = chain.options.password
        if isUDP { readDatagrams(metadata, into: &result, findings: &findings) }
        return result
    }

    private func readDatagrams(
        _ metadata: SettingSection, into result: inout VisitorService, findings: inout Findings
    ) {
        if let setting = metadata.setting("keepalive") {
            result.keepsAlive = setting.flag(findings: &findings) ?? false
        }
        if let setting = metadata.setting("ttl"), let ttl = setting.metadataMilliseconds(findings: &findings) {
            if (100...3_600_000).contains(ttl) {
                result.idleMilliseconds = ttl
            } else if ttl != 0 {
                setting.problem("must be between 100 ms and 1 h", findings: &findings)
            }
        }
        if let setting = metadata.setting("udp.bufferSize") {
            let size = setting.integer(in: 1...65_535, findings: &findings)
            if let size { result.datagramBytesMax = Int(size) }
        }
        if let setting = metadata.setting("backlog") {
            result.backlog = setting.integer(in: Limit.datagramBacklogMax.row.range, findings: &findings)
                .map { UInt32($0) }
        }
    }

    /// What the server is asked for, as written; empty where nothing is (protocol tunnel-client §6).
    private func readDestination(findings: inout Findings) -> String? {
        let forwarder = service.section("forwarder", keys: ClientKeys.forwarder, findings: &findings)
        let nodes = forwarder.elements("nodes")
        guard let node = nodes.first else { return "" }
        guard nodes.count == 1 else {
            nodes[1].problem("a visitor asks for one host; write one service for each", findings: &findings)
            return nil
        }
        let section = SettingSection(
            node.node, path: node.key, keys: VisitorKeys.destination, place: node.place, findings: &findings)
        guard let setting = section.setting("addr"), let text = setting.text(findings: &findings) else { return "" }
        let isHost = !text.contains(":") && text.utf8.count <= HostAndPort.hostBytesMax
        guard isHost || HostAndPort(text) != nil else {
            setting.problem("`\(text)` is no host: write `service.host` or `service.host:80`", findings: &findings)
            return nil
        }
        return text
    }
}
