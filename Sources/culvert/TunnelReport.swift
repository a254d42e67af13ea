import Logging
import Model
import Settings
import Synchronization

/// Tells a person how their tunnels are: a log line for each change, and the public address once, on stdout, where
/// scripts find it. Keeps in mind which are up, for the status line.
final class TunnelReport: Sendable {
    /// What is known of the tunnels that are wanted.
    struct Standing: Equatable {
        var up = 0
        var total = 0
        /// Public addresses of those that are up, or what they were granted.
        var addresses: [String] = []
    }

    private struct Known {
        var connectionsUp: Set<Int> = []
        var addresses: [String] = []
        var printed = ""
    }

    private let logger: Logger
    private let output: @Sendable (String) -> Void
    private let known: Mutex<[Int: Known]> = Mutex([:])

    init(logger: Logger, output: @escaping @Sendable (String) -> Void) {
        self.logger = logger
        self.output = output
    }

    /// In the order in which the tunnels came.
    var standing: Standing {
        known.withLock { known in
            let tunnels = known.sorted { $0.key < $1.key }.map(\.value)
            return Standing(
                up: tunnels.count { !$0.connectionsUp.isEmpty }, total: tunnels.count,
                addresses: tunnels.flatMap { $0.connectionsUp.isEmpty ? [] : $0.addresses })
        }
    }

    func note(_ status: TunnelStatus) {
        let tunnel = status.tunnel
        var fields: Logger.Metadata = ["service": "\(tunnel.name)", "tunnel": "\(tunnel.tunnel.shortText)"]
        switch status.change {
        case .added:
            known.withLock { $0[status.key] = Known() }
            fields["target"] = "\(tunnel.targets.text)"
            fields["server"] = "\(tunnel.serversText)"
            return logger.info("exposing", metadata: fields)
        case .changed:
            fields["target"] = "\(tunnel.targets.text)"
            return logger.info("changed: its connections stay", metadata: fields)
        case .replaced:
            known.withLock { $0[status.key] = nil }
            return logger.info("changed: replaced as soon as the new connection stands", metadata: fields)
        case .removed:
            known.withLock { $0[status.key] = nil }
            return logger.info("not wanted any more: leaves", metadata: fields)
        default: break
        }
        if tunnel.connections > 1 { fields["connection"] = "\(status.connection)" }
        noteConnection(status, fields)
    }

    private func noteConnection(_ status: TunnelStatus, _ fields: Logger.Metadata) {
        let tunnel = status.tunnel
        var fields = fields
        switch status.change {
        case .connecting(let server):
            fields["server"] = "\(server.hostHeader)"
            logger.debug("connecting", metadata: fields)
        case .bound(let host, let urls):
            fields["host"] = "\(host)"
            logger.info("tunnel is up", metadata: fields)
            known.withLock { known in
                guard known[status.key] != nil else { return }
                known[status.key]?.connectionsUp.insert(status.connection)
                known[status.key]?.addresses = urls.isEmpty ? [host] : urls
            }
            printAddress(of: status, host: host, urls: urls)
        case .lost(let server, let reason, let retryMilliseconds):
            fields["server"] = "\(server.hostHeader)"
            fields["why"] = "\(reason)"
            fields["retry_ms"] = "\(retryMilliseconds)"
            down(status)
            logger.warning("connection to the server lost: trying again", metadata: fields)
        case .sentAway:
            down(status)
            logger.info("the server asks to be left: connecting elsewhere", metadata: fields)
        case .left: down(status)
        case .targetUnreachable(let reason):
            fields["why"] = "\(reason)"
            fields["target"] = "\(tunnel.targets.text)"
            logger.warning("the local service does not answer", metadata: fields)
        case .added, .changed, .replaced, .removed: break
        }
    }

    private func down(_ status: TunnelStatus) {
        known.withLock { _ = $0[status.key]?.connectionsUp.remove(status.connection) }
    }

    private func printAddress(of status: TunnelStatus, host: String, urls: [String]) {
        let text = TunnelReport.address(of: status.tunnel, host: host, urls: urls)
        let isNew = known.withLock { known in
            guard let before = known[status.key]?.printed, before != text else { return false }
            known[status.key]?.printed = text
            return true
        }
        if isNew { output(text) }
    }

    /// What is printed: the URLs that the server announces, or what it granted and what to do with it.
    static func address(of tunnel: ExposedTunnel, host: String, urls: [String]) -> String {
        let target = tunnel.targets.text
        if tunnel.isUDP {
            let name = host.isEmpty ? "tunnel \(tunnel.tunnel.shortText)" : host
            let asked = host.isEmpty ? "HOST" : host
            return "\(name) -> udp \(target)\n"
                + "(visitors run `culvert -L udp://:PORT/\(asked) -F …` with this tunnel's id; a host without a dot is "
                + "followed by a domain of the server's ingress)"
        }
        if !urls.isEmpty { return urls.map { "\($0) -> \(target)" }.joined(separator: "\n") }
        guard !host.isEmpty else { return "tunnel \(tunnel.tunnel.shortText) -> \(target)" }
        return "\(host) -> \(target)\n"
            + "(the server names no public address: it is http://\(host) if that is a whole name, else "
            + "http://\(host).<domain of the server's ingress>, at the server's entrypoint)"
    }
}

extension ForwardTargets {
    /// For a person: every target, with the host it is meant for.
    var text: String {
        nodes.map { node in node.host.map { "\($0)=\(node.address.text)" } ?? node.address.text }
            .joined(separator: ",")
    }
}

extension ExposedTunnel {
    /// For a person: the servers' addresses.
    var serversText: String { servers.map(\.hostHeader).joined(separator: ",") }
}
