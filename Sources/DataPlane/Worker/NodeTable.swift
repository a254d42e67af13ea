package import Model
import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// What the node serves, as the control plane last said it (or as a test or the client says it): immutable, shared by
/// all workers of the process, replaced as a whole. Cold: looked at when a link or a visitor arrives and when a tunnel
/// is bound, never per byte.
package final class NodeTable: Sendable {
    /// One tunnel service.
    package struct Service: Sendable {
        package var name = ""
        package var isWebSocket = false
        /// Path of the WebSocket upgrade.
        package var path = InlineText("/ws") ?? InlineText()
        package var ingress = IngressIndex(0)
        package var muxVersion: UInt8 = 2
        /// A relay visitor's tunnel id is believed without a host match.
        package var isDirect = false
        /// Connections to the tunnel port may begin with the header of a proxy, which is believed.
        package var takesProxyHeader = false
        /// Likewise those to the entrypoints.
        package var entrypointsTakeProxyHeader = false
        /// The stream header's source is the client that a trusted proxy names in the request.
        package var namesClientByField = false
        /// `.records` in tests only.
        package var cipher = LinkCipher.Kind.none
        /// `http://*.localhost:8080`, `*` being the place of the label.
        package var urlTemplates: [String] = []
        /// Who is let in at the tunnel port; nil: everybody.
        package var credentials: CredentialTable?
        /// `entrypoint.id`: relay visitors that present it are led by their host; zero: there is none.
        package var entrypointID = TunnelID.zero
        /// Relay visitors are served at the entrypoints too.
        package var relaysAtEntrypoints = false

        package init() {}
    }

    package let services: [Service?]
    /// Domains under which the labels of bound tunnels are reachable, by ingress; nil: a fixed ingress.
    package let dynamicDomains: [[String]?]
    package let limits: Limits
    package let nodeName: String
    /// Whose forwarding fields are believed.
    package let trustedProxies: TrustedProxies

    package init(
        services: [Service?], dynamicDomains: [[String]?], limits: Limits, nodeName: String,
        trustedProxies: TrustedProxies = TrustedProxies()
    ) {
        self.services = services
        self.dynamicDomains = dynamicDomains
        self.limits = limits
        self.nodeName = nodeName
        self.trustedProxies = trustedProxies
    }

    /// Nothing is served yet.
    package static var empty: NodeTable {
        NodeTable(services: [], dynamicDomains: [], limits: Limits(), nodeName: "")
    }

    /// The service of an index; nil when this table does not know it.
    package func service(_ index: ServiceIndex) -> Service? {
        Int(index.rawValue) < services.count ? services[Int(index.rawValue)] : nil
    }

    /// The domains under which an ingress names bound tunnels; none when it is not dynamic.
    package func domains(of ingress: IngressIndex) -> [String] {
        Int(ingress.rawValue) < dynamicDomains.count ? dynamicDomains[Int(ingress.rawValue)] ?? [] : []
    }
}
