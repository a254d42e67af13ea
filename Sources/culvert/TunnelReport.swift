import Logging
import Model
import Settings
import Synchronization

/// Tells a person how their tunnels are: a log line for each change, and the public address once, on stdout, where
/// scripts find it.
final class TunnelReport: Sendable {
    private let tunnels: [ExposedTunnel]
    private let logger: Logger
    private let output: @Sendable (String) -> Void
    /// What was last printed for each tunnel.
    private let printed: Mutex<[Int: String]> = Mutex([:])

    init(_ client: ClientConfiguration, logger: Logger, output: @escaping @Sendable (String) -> Void) {
        tunnels = client.tunnels
        self.logger = logger
        self.output = output
    }

    func note(_ status: TunnelStatus) {
        precondition(tunnels.indices.contains(status.tunnel))
        let tunnel = tunnels[status.tunnel]
        var fields: Logger.Metadata = ["service": "\(tunnel.name)", "tunnel": "\(tunnel.tunnel.shortText)"]
        if tunnel.connections > 1 { fields["connection"] = "\(status.connection)" }
        switch status.change {
        case .connecting(let server):
            fields["server"] = "\(server.hostHeader)"
            logger.debug("connecting", metadata: fields)
        case .bound(let host, let urls):
            fields["host"] = "\(host)"
            logger.info("tunnel is up", metadata: fields)
            printAddress(of: status.tunnel, host: host, urls: urls)
        case .lost(let reason, let retryMilliseconds):
            fields["why"] = "\(reason)"
            if let retryMilliseconds { fields["retry_ms"] = "\(retryMilliseconds)" }
            logger.warning("connection to the server lost: trying again", metadata: fields)
        case .targetUnreachable(let reason):
            fields["why"] = "\(reason)"
            fields["target"] = "\(TunnelReport.text(tunnel.target))"
            logger.warning("the local service does not answer", metadata: fields)
        }
    }

    private func printAddress(of index: Int, host: String, urls: [String]) {
        let text = TunnelReport.address(of: tunnels[index], host: host, urls: urls)
        let isNew = printed.withLock { $0.updateValue(text, forKey: index) != text }
        if isNew { output(text) }
    }

    /// What is printed: the URLs that the server announces, or what it granted and what to do with it.
    static func address(of tunnel: ExposedTunnel, host: String, urls: [String]) -> String {
        let target = text(tunnel.target)
        if tunnel.isUDP {
            let name = host.isEmpty ? "tunnel \(tunnel.tunnel.shortText)" : host
            let asked = host.isEmpty ? "HOST" : host
            return "\(name) -> udp \(target)\n"
                + "(visitors run `culvert -L udp://:PORT/\(asked) -F …` with this tunnel's id; a host without a dot is followed by a domain of the server's ingress)"
        }
        if !urls.isEmpty { return urls.map { "\($0) -> \(target)" }.joined(separator: "\n") }
        guard !host.isEmpty else { return "tunnel \(tunnel.tunnel.shortText) -> \(target)" }
        return "\(host) -> \(target)\n"
            + "(the server names no public address: it is http://\(host) if that is a whole name, else "
            + "http://\(host).<domain of the server's ingress>, at the server's entrypoint)"
    }

    static func text(_ target: TargetAddress) -> String {
        let host = target.host.isEmpty ? "localhost" : target.host
        return host.contains(":") ? "[\(host)]:\(target.port)" : "\(host):\(target.port)"
    }
}
