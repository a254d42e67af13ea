import Model
import Settings

/// What a configuration will do, in words: the answer of `culvert check`. Ids are shortened: they are secrets.
enum ConfigurationSummary {
    /// `ruleCounts`: how many rules stand in the files that ingresses name, by path.
    static func text(_ settings: NodeSettings, ruleCounts: [String: Int] = [:]) -> String {
        var lines: [String] = []
        if let server = settings.server { lines += self.lines(server, ruleCounts) }
        if let client = settings.client { lines += self.lines(client) }
        for notice in settings.notices { lines.append("note: \(notice.text)") }
        return lines.joined(separator: "\n")
    }

    private static func lines(_ server: ServerConfiguration, _ ruleCounts: [String: Int]) -> [String] {
        var lines: [String] = []
        for service in server.services {
            let path = service.carrier == .ws ? ", path \(service.path)" : ""
            lines.append(
                "\(service.name): takes tunnels at \(text(service.address)) (\(service.carrier.rawValue)\(path))")
            if let authers = service.authers {
                let names = authers.map { server.authers[$0].name }.joined(separator: ", ")
                lines.append("  from those whom \(names) knows")
            }
            for entrypoint in service.entrypoints {
                let ingress = server.ingresses[entrypoint.ingress].name
                lines.append("  visitors at \(text(entrypoint.address)), by the ingress \(ingress)")
            }
            if let discovery = service.discovery {
                lines.append(
                    "  connectors are registered by the service discovery \(server.discoveries[discovery].name)")
            }
            if service.entrypoints.isEmpty { lines.append("  no entrypoint: only visitors with a tunnel client come") }
        }
        for ingress in server.ingresses {
            let fixed = ingress.rules.count == 1 ? "1 fixed host" : "\(ingress.rules.count) fixed hosts"
            let dynamic = ingress.dynamic.map { ", and bound tunnels under \($0.domains.joined(separator: ", "))" }
            let store = ingress.dynamic?.store.map { ", kept in \(text(server.stores[$0]))" }
            let file = ingress.path.map { path in
                ", and \(ruleCounts[path] == 1 ? "1 rule" : "\(ruleCounts[path] ?? 0) rules") of the file \(path)"
            }
            lines.append("ingress \(ingress.name): \(fixed)\(file ?? "")\(dynamic ?? "")\(store ?? "")")
        }
        for discovery in server.discoveries {
            lines.append("service discovery \(discovery.name): kept in \(text(server.stores[discovery.store]))")
        }
        if let peers = server.peers {
            let known = peers.reachableHost.map { ", known to them by \($0)" } ?? ""
            lines.append("other data planes at \(text(peers.address))\(known), by \(peers.secret)")
        }
        for (limit, value) in server.limits.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            lines.append("limit \(limit): \(value) (standard \(limit.row.standard) \(limit.row.unit))")
        }
        if let address = server.metricsAddress { lines.append("metrics at \(text(address))") }
        if let address = server.apiAddress { lines.append("api at \(text(address))") }
        return lines
    }

    private static func lines(_ client: ClientConfiguration) -> [String] {
        let files = client.fileServices.map { "serves the files of \($0.directory) at \(text($0.address))" }
        let tunnels = client.tunnels.flatMap { tunnel in
            let id = tunnel.tunnel.isZero ? "an id that is made at the first start and kept" : tunnel.tunnel.shortText
            let servers = tunnel.servers.map { "\($0.carrier.rawValue)://\($0.hostHeader)" }.joined(separator: ", ")
            let connections = tunnel.connections == 1 ? "1 connection" : "\(tunnel.connections) connections"
            let proxy = tunnel.targets.proxyVersion
            let header = proxy == 0 ? "" : ", which get a PROXY header of version \(proxy)"
            return [
                "\(tunnel.name): exposes \(tunnel.targets.text)\(header) as the tunnel with \(id)",
                "  \(connections) to \(servers)",
            ]
        }
        let visits = client.visitorServices.flatMap { service in
            let servers = service.servers.map { "\($0.carrier.rawValue)://\($0.hostHeader)" }.joined(separator: ", ")
            let host = service.destination.isEmpty ? "no host" : service.destination
            return [
                "\(service.name): takes visitors at \(VisitReport.place(service)), for \(host) of the tunnel with "
                    + service.tunnel.shortText, "  by \(servers)",
            ]
        }
        return files + tunnels + visits
    }

    /// Where a store is and how it is reached, without its login.
    private static func text(_ store: StoreSettings) -> String {
        let addresses = store.addresses.map(\.text).joined(separator: ", ")
        let place = store.sentinel.map { "the master \($0.masterName) of the sentinels \(addresses)" } ?? addresses
        let login = store.login == nil ? "without a login" : "with a login"
        let security = store.tls.map { $0.verifies ? ", TLS" : ", TLS that verifies nothing" } ?? ""
        return "database \(store.database) of \(place) (\(login)\(security)) for \(store.expirationSeconds) s"
    }

    private static func text(_ address: ListenAddress) -> String {
        let host = address.host.isEmpty ? "*" : address.host.contains(":") ? "[\(address.host)]" : address.host
        return "\(host):\(address.port)"
    }
}
