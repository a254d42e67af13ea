import Model
import Observe
import Operations
package import PlaneLink
import Primitives
import Wire

// What the node serves, put together from the control plane's messages into the table that workers look at.

extension PlaneDesk {
    /// Serves this from now on, as if the control plane had said so: for tests, which have none.
    package func serve(
        _ services: [PlaneService], _ ingresses: [PlaneIngress], _ settings: PlaneSettings,
        trust: PlaneTrust = PlaneTrust(), cipher: LinkCipher.Kind = .none, access: NodeAccess? = nil
    ) {
        self.trust = trust
        self.cipher = cipher
        self.access = access
        self.services = services
        self.ingresses = ingresses
        self.settings = settings
        rebuildNodeTable()
    }

    func rebuildNodeTable() {
        var limits = Limits()
        for (limit, value) in settings.limits { limits.set(limit, to: value) }
        let count = (services.map { Int($0.index.rawValue) }.max() ?? -1) + 1
        var list: [NodeTable.Service?] = Array(repeating: nil, count: count)
        for service in services {
            var entry = NodeTable.Service()
            entry.name = service.name
            entry.isWebSocket = service.carrier == .ws
            entry.path = InlineText(service.path) ?? InlineText()
            entry.ingress = service.ingress
            entry.muxVersion = service.muxVersion
            entry.isDirect = service.isDirect
            entry.cipher = cipher
            if let believed = trust.services.first(where: { $0.service == service.index }) {
                entry.takesProxyHeader = believed.takesProxyHeader
                entry.entrypointsTakeProxyHeader = believed.entrypointsTakeProxyHeader
                entry.namesClientByField = believed.namesClientByField
            }
            entry.urlTemplates = service.urlTemplates
            access?.apply(to: &entry, service.index)
            list[Int(service.index.rawValue)] = entry
        }
        let domainCount = (ingresses.map { Int($0.index.rawValue) }.max() ?? -1) + 1
        var domains: [[String]?] = Array(repeating: nil, count: domainCount)
        for ingress in ingresses { domains[Int(ingress.index.rawValue)] = ingress.dynamicDomains }
        effects.append(
            .replaceNodeTable(
                NodeTable(
                    services: list, dynamicDomains: domains, limits: limits, nodeName: nodeName,
                    trustedProxies: TrustedProxies(trust.proxies))))
    }
}
