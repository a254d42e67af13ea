internal import Model

/// Reads the services that run in the client: `rtcp` and `rudp` (protocol tunnel-client §3) and `file` (§8).
struct ClientServiceReading {
    let service: ServiceSections

    /// A tunnel that exposes local targets.
    func readTunnel(chains: inout ChainReading, findings: inout Findings) -> ExposedTunnel? {
        let handler = service.section("handler", keys: ClientKeys.tunnelHandler, findings: &findings)
        let metadata = handler.section("metadata", keys: ClientKeys.tunnelMetadata, findings: &findings)
        let listener = service.section("listener", keys: ClientKeys.tunnelListener, findings: &findings)
        _ = listener.section("metadata", keys: ClientKeys.tunnelListenerMetadata, findings: &findings)
        let isUDP = service.handlerType == "rudp"
        let targets = TargetReading(service: service, isUDP: isUDP).read(handler: metadata, findings: &findings)
        guard let reference = listener.setting("chain") else {
            service.setting.problem(
                "needs the way to the tunnel server: `-F tunnel+ws://host:port`, or `listener: {type: \(service.handlerType), chain: …}`",
                findings: &findings)
            return nil
        }
        guard let chain = chains.chain(named: reference, findings: &findings), let targets else { return nil }
        var tunnel = ExposedTunnel(
            name: service.name, tunnel: chain.options.tunnel, servers: chain.servers, targets: targets)
        tunnel.serverStrategy = chain.strategy
        tunnel.isUDP = isUDP
        tunnel.weight = chain.options.weight
        tunnel.connections = chain.options.connections
        tunnel.muxVersion = chain.options.muxVersion
        tunnel.keepAliveMilliseconds = chain.options.keepAliveMilliseconds
        tunnel.keepAliveTimeoutMilliseconds = chain.options.keepAliveTimeoutMilliseconds
        tunnel.userName = chain.options.userName
        tunnel.password = chain.options.password
        readRequest(into: &tunnel, findings: &findings)
        return tunnel
    }

    /// The address to ask the server for, as written: a text without a port is a host (tunnel-client §3).
    private func readRequest(into tunnel: inout ExposedTunnel, findings: inout Findings) {
        guard let setting = service.common.setting("addr"), let text = setting.text(findings: &findings) else { return }
        if let written = HostAndPort(text) {
            tunnel.requestedHost = written.host
            tunnel.requestedPort = written.port
        } else if !text.contains(":"), text.utf8.count <= 255 {
            tunnel.requestedHost = text
        } else {
            setting.problem("`\(text)` is no address: write `:0` or `host:port`", findings: &findings)
        }
    }

    /// A directory served at a local port.
    func readFiles(findings: inout Findings) -> FileService? {
        let handler = service.section("handler", keys: ClientKeys.fileHandler, findings: &findings)
        let metadata = handler.section("metadata", keys: ClientKeys.fileMetadata, findings: &findings)
        let listener = service.section("listener", keys: ClientKeys.fileListener, findings: &findings)
        _ = listener.section("metadata", keys: ServerKeys.listenerMetadata, findings: &findings)
        if let setting = listener.setting("type"), service.listenerType != "tcp" {
            let advice =
                service.listenerType == "rtcp"
                ? "write two services: `-L file://:8000 -L rtcp://:0/:8000`" : "files are served over tcp"
            setting.problem("`\(service.listenerType)` is not available here: \(advice)", findings: &findings)
        }
        if let forwarder = service.common.setting("forwarder"), !forwarder.node.isOff {
            forwarder.problem("name the directory as `file://:8000?dir=/data`", findings: &findings)
        }
        guard let address = service.listenAddress(findings: &findings) else { return nil }
        var files = FileService(address: address)
        if let directory = metadata.text("file.dir", findings: &findings) { files.directory = directory }
        return files
    }
}
