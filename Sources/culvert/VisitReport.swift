import Logging
import Model
import Settings

/// Tells a person how their visitor services are: where they listen, and why visits fail.
final class VisitReport: Sendable {
    private let services: [VisitorService]
    private let logger: Logger

    init(_ client: ClientConfiguration, logger: Logger) {
        services = client.visitorServices
        self.logger = logger
    }

    /// Once the services listen.
    func announce() {
        for service in services {
            logger.info("visitors are taken", metadata: VisitReport.fields(service))
        }
    }

    func note(_ status: VisitStatus) {
        precondition(services.indices.contains(status.service))
        var fields = VisitReport.fields(services[status.service])
        fields["why"] = "\(status.reason)"
        if status.count > 1 { fields["visits"] = "\(status.count)" }
        logger.warning("a visit failed", metadata: fields)
    }

    private static func fields(_ service: VisitorService) -> Logger.Metadata {
        var fields: Logger.Metadata = [
            "service": "\(service.name)", "at": "\(place(service))", "server": "\(service.servers[0].hostHeader)",
            "tunnel": "\(service.tunnel.shortText)",
        ]
        if !service.destination.isEmpty { fields["host"] = "\(service.destination)" }
        return fields
    }

    /// `udp://*:8053`.
    static func place(_ service: VisitorService) -> String {
        let host = service.address.host
        let shown = host.isEmpty ? "*" : host.contains(":") ? "[\(host)]" : host
        return "\(service.isUDP ? "udp" : "tcp")://\(shown):\(service.address.port)"
    }
}
