package import Model
package import PlaneLink
package import Settings

/// Why a configuration cannot be served although every part of it is right.
package enum NodePlanFault: Error, Equatable, Sendable {
    case noService
    case tooMany(what: String, limit: Int)
    /// Two ports of the configuration are the same.
    case sameAddress(String, first: String, second: String)
    /// A host rule cannot be kept: the name is too long.
    case badRule(ingress: String, host: String)

    /// What is wrong and what to do.
    package var text: String {
        switch self {
        case .noService:
            "no service with handler type tunnel is configured: add one under services"
        case .tooMany(let what, let limit):
            "the configuration has more than \(limit) \(what): split it over several nodes"
        case .sameAddress(let address, let first, let second):
            "\(first) and \(second) both listen on \(address): give one of them another address"
        case .badRule(let ingress, let host):
            "ingress \(ingress): the rule for \(host) is too long for a host name: shorten or remove it"
        }
    }
}

/// What a node's configuration means to its data planes: computed once, sent to each of them.
package struct NodePlan: Sendable {
    /// One address that every worker of every data plane listens on.
    package struct Address: Hashable, Sendable {
        package var address: ListenAddress
        package var role: PlaneListener.Role
        /// The service, and for an entrypoint that it is one, as a person would say it.
        package var title: String
    }

    package let nodeName: String
    package let addresses: [Address]
    /// Without URL templates: those need the ports (`services(ports:)`).
    let services: [PlaneService]
    package let ingresses: [PlaneIngress]
    package let access: AccessPlan
    package let authers: [Auther]
    package let limits: [Limit: UInt64]
    let trust: PlaneTrust
    package let logLevel: Severity

    /// What a configuration asks of a node; throws when a table of the plane link has no room for it.
    package init(_ configuration: ServerConfiguration, nodeName: String) throws(NodePlanFault) {
        guard !configuration.services.isEmpty else { throw .noService }
        if configuration.services.count > ControlLimit.servicesMax {
            throw .tooMany(what: "services", limit: ControlLimit.servicesMax)
        }
        if configuration.ingresses.count > ControlLimit.ingressesMax {
            throw .tooMany(what: "ingresses", limit: ControlLimit.ingressesMax)
        }
        self.nodeName = nodeName
        access = AccessPlan(configuration)
        authers = configuration.authers
        limits = configuration.limits
        logLevel = Severity(configuration.logLevel)
        ingresses = configuration.ingresses.enumerated().map { index, table in
            PlaneIngress(index: IngressIndex(UInt16(index)), dynamicDomains: table.dynamic?.domains ?? [])
        }
        trust = PlaneTrust(
            services: configuration.services.enumerated().map { index, service in
                PlaneTrust.Service(
                    service: ServiceIndex(UInt16(index)), takesProxyHeader: service.takesProxyHeader,
                    entrypointsTakeProxyHeader: service.entrypointsTakeProxyHeader,
                    namesClientByField: service.namesClientByField)
            }, proxies: configuration.trustedProxies)
        addresses = try NodePlan.addresses(configuration)
        services = configuration.services.enumerated().map { index, service in
            PlaneService(
                index: ServiceIndex(UInt16(index)), name: service.name,
                carrier: service.carrier == .ws ? .ws : .tcp, path: service.path,
                ingress: IngressIndex(UInt16(service.ingress)), muxVersion: UInt8(service.muxVersion),
                isDirect: service.tunnelIsDirect, urlTemplates: [])
        }
    }

    private static func addresses(_ configuration: ServerConfiguration) throws(NodePlanFault) -> [Address] {
        var addresses: [Address] = []
        for (index, service) in configuration.services.enumerated() {
            let number = ServiceIndex(UInt16(index))
            addresses.append(
                Address(address: service.address, role: .tunnel(number), title: "service \(service.name)"))
            for entrypoint in service.entrypoints {
                addresses.append(
                    Address(
                        address: entrypoint.address,
                        role: .entrypoint(number, IngressIndex(UInt16(entrypoint.ingress))),
                        title: "the entrypoint of service \(service.name)"))
            }
        }
        guard addresses.count <= ControlLimit.addressesMax else {
            throw .tooMany(what: "addresses to listen on", limit: ControlLimit.addressesMax)
        }
        var first: [ListenAddress: String] = [:]
        for address in addresses where address.address.port != 0 {
            if let other = first[address.address] {
                throw .sameAddress(address.address.text, first: other, second: address.title)
            }
            first[address.address] = address.title
        }
        return addresses
    }

    /// The services with the addresses at which visitors reach their tunnels: `http://*.localhost:8080` for every
    /// entrypoint whose visitors are looked up in the service's ingress. `ports` are those in use, where they differ
    /// from the configured ones: the kernel chooses where port 0 is configured.
    package func services(ports: [Int: UInt16]) -> [PlaneService] {
        services.map { service in
            var service = service
            let domains = ingresses[Int(service.ingress.rawValue)].dynamicDomains
            for (index, address) in addresses.enumerated() {
                guard case .entrypoint(_, service.ingress) = address.role else { continue }
                let port = ports[index] ?? address.address.port
                for domain in domains {
                    let template = "http://*.\(domain)" + (port == 80 ? "" : ":\(port)")
                    if !service.urlTemplates.contains(template) { service.urlTemplates.append(template) }
                }
            }
            return service
        }
    }
}

extension ListenAddress {
    /// `:8080`, `127.0.0.1:8080` or `[::1]:8080`.
    package var text: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension Severity {
    /// The severity of a configured level.
    package init(_ level: LogLevel) {
        switch level {
        case .trace: self = .trace
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}
