internal import Model

/// Writes a server's configuration as YAML that reads back to the same value; the supervisor hands it to the control
/// plane as a file. Tunnel ids, passwords and the cluster's secret stand in it whole: the file is private.
package enum ConfigurationWriter {
    /// The text of the file. JSON's notation for texts and lists, which is YAML's too, so that nothing needs escaping
    /// twice.
    package static func yaml(_ server: ServerConfiguration) -> String {
        var lines: [String] = []
        lines.append("culvert:")
        if !server.nodeName.isEmpty { lines.append("  node: \(quoted(server.nodeName))") }
        if let workers = server.workers { lines.append("  workers: \(workers)") }
        lines.append("  io: \(server.shell.rawValue)")
        if !server.trustedProxies.isEmpty {
            let proxies = server.trustedProxies.map { quoted($0.text) }.joined(separator: ", ")
            lines.append("  trustedProxies: [\(proxies)]")
        }
        if let peers = server.peers { lines.append("  peers: {\(fields(peers))}") }
        if !server.limits.isEmpty {
            lines.append("  limits:")
            for limit in Limit.allCases {
                if let value = server.limits[limit] { lines.append("    \(limit): \(value)") }
            }
        }
        lines.append("log: {level: \(server.logLevel.rawValue)}")
        if let address = server.metricsAddress { lines.append("metrics: {addr: \(quoted(address))}") }
        if let address = server.apiAddress { lines.append("api: {addr: \(quoted(address))}") }
        lines.append("services:")
        for service in server.services { lines += self.lines(service, of: server) }
        if !server.ingresses.isEmpty { lines.append("ingresses:") }
        for ingress in server.ingresses { lines += self.lines(ingress, of: server) }
        if !server.discoveries.isEmpty { lines.append("sds:") }
        for discovery in server.discoveries {
            lines.append("- name: \(quoted(discovery.name))")
            lines.append("  plugin: {\(fields(server.stores[discovery.store]))}")
        }
        if !server.authers.isEmpty { lines.append("authers:") }
        for auther in server.authers { lines += self.lines(auther) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(_ service: TunnelService, of server: ServerConfiguration) -> [String] {
        let ingresses = server.ingresses
        var lines = [
            "- name: \(quoted(service.name))",
            "  addr: \(quoted(service.address))",
            "  metadata: {proxyProtocol: \(service.takesProxyHeader ? 2 : 0)}",
            "  handler:",
            "    type: tunnel",
        ]
        if let authers = service.authers {
            lines.append("    authers: [\(authers.map { quoted(server.authers[$0].name) }.joined(separator: ", "))]")
        }
        lines += [
            "    metadata:",
            "      ingress: \(quoted(ingresses[service.ingress].name))",
            "      tunnel.direct: \(service.tunnelIsDirect)",
            "      mux.version: \(service.muxVersion)",
            "      entrypoint.ProxyProtocol: \(service.entrypointsTakeProxyHeader ? 2 : 0)",
            "      entrypoint.clientIP: \(service.namesClientByField ? "header" : "peer")",
            "      entrypoint.relay: \(service.relaysAtEntrypoints)",
        ]
        if let discovery = service.discovery {
            lines.append("      sd: \(quoted(server.discoveries[discovery].name))")
        }
        if !service.entrypointID.isZero { lines.append("      entrypoint.id: \(quoted(service.entrypointID.text))") }
        if !service.entrypoints.isEmpty { lines.append("      entrypoints:") }
        for entrypoint in service.entrypoints {
            let name = quoted(ingresses[entrypoint.ingress].name)
            lines.append("      - {addr: \(quoted(entrypoint.address)), ingress: \(name)}")
        }
        lines.append("  listener:")
        lines.append("    type: \(service.carrier.rawValue)")
        if service.carrier == .ws { lines.append("    metadata: {path: \(quoted(service.path))}") }
        return lines
    }

    private static func lines(_ ingress: IngressTable, of server: ServerConfiguration) -> [String] {
        var lines = ["- name: \(quoted(ingress.name))"]
        if let dynamic = ingress.dynamic {
            let domains = dynamic.domains.map(quoted).joined(separator: ", ")
            let place = dynamic.store.map { fields(server.stores[$0]) } ?? "type: memory"
            lines.append("  plugin: {\(place), domain: [\(domains)], domainMin: \(dynamic.labelBytesMin)}")
        }
        if let path = ingress.path {
            lines.append("  file: {path: \(quoted(path))}")
            lines.append("  reload: \(ingress.reloadMilliseconds)ms")
        }
        if !ingress.rules.isEmpty { lines.append("  rules:") }
        for rule in ingress.rules {
            let endpoint = (rule.route.isPrivate ? "$" : "") + rule.route.tunnel.text
            lines.append("  - {hostname: \(quoted(rule.host)), endpoint: \(quoted(endpoint))}")
        }
        return lines
    }

    private static func lines(_ auther: Auther) -> [String] {
        var lines = ["- name: \(quoted(auther.name))", "  reload: \(auther.reloadMilliseconds)ms"]
        if let path = auther.path { lines.append("  file: {path: \(quoted(path))}") }
        if !auther.credentials.isEmpty { lines.append("  auths:") }
        for credential in auther.credentials {
            lines.append(
                "  - {username: \(quoted(credential.userName)), password: \(quoted(credential.password))}")
        }
        return lines
    }

    /// The inside of `peers:`.
    private static func fields(_ peers: PeerSettings) -> String {
        var fields = ["addr: \(quoted(peers.address))"]
        if let host = peers.advertisedHost { fields.append("advertisedHost: \(quoted(host))") }
        switch peers.secret {
        case .text(let secret): fields.append("secret: \(quoted(secret))")
        case .file(let path): fields.append("secretFile: \(quoted(path))")
        }
        return fields.joined(separator: ", ")
    }

    /// The inside of a redis plugin's mapping.
    private static func fields(_ store: StoreSettings) -> String {
        var fields = ["type: redis"]
        fields.append("addr: [\(store.addresses.map { quoted($0.text) }.joined(separator: ", "))]")
        fields.append("db: \(store.database)")
        fields += self.fields(store.login)
        if let sentinel = store.sentinel {
            let inside = ["master: \(quoted(sentinel.masterName))"] + self.fields(sentinel.login)
            fields.append("sentinel: {\(inside.joined(separator: ", "))}")
        }
        if let tls = store.tls {
            var inside = ["secure: \(tls.verifies)"]
            let texts = [
                ("serverName", tls.serverName), ("caFile", tls.authorityPath), ("certFile", tls.certificatePath),
                ("keyFile", tls.keyPath),
            ]
            for (key, text) in texts { if let text { inside.append("\(key): \(quoted(text))") } }
            fields.append("tls: {\(inside.joined(separator: ", "))}")
        }
        fields.append("expiration: \(store.expirationSeconds)s")
        return fields.joined(separator: ", ")
    }

    private static func fields(_ login: StoreLogin?) -> [String] {
        guard let login else { return [] }
        let password = "password: \(quoted(login.password))"
        return login.userName.isEmpty ? [password] : ["username: \(quoted(login.userName))", password]
    }

    private static func quoted(_ address: ListenAddress) -> String {
        quoted(HostAndPort(host: address.host, port: address.port).text)
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028
                || scalar.value == 0x2029 || scalar.value == 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
