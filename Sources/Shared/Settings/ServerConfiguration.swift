package import Model

/// What one node serves: the value that `-L` URLs and `gost.yaml` are turned into, checked and with every reference
/// resolved. (Protocol config §11.)
package struct ServerConfiguration: Equatable, Sendable {
    /// Stable name of the node: the pod's name, or the host's.
    package var nodeName = ""
    package var services: [TunnelService] = []
    package var ingresses: [IngressTable] = []
    /// Those that were set, each within its range; `readTimeout`, `entrypoint.readTimeout` and the `mux.keepalive…`
    /// keys of the services are among them.
    package var limits: [Limit: UInt64] = [:]
    package var logLevel = LogLevel.info
    /// Where `/metrics`, `/livez`, `/readyz` and `/dump` are served; nil: not at all.
    package var metricsAddress: ListenAddress?
    /// GOST's `api.addr` or `-api`: the same read-only pages at a second address; nil: not at all.
    package var apiAddress: ListenAddress?
    /// Workers of a data plane, 1 to `WorkerIndex.countMax`; nil: one for each core.
    package var workers: Int?
    package var shell = ShellChoice.automatic

    package init() {}
}

/// What drives a data plane's workers: `culvert: {io: ring}`.
package enum ShellChoice: String, Sendable, CaseIterable { case automatic = "auto", ring, poll }

package enum LogLevel: String, Sendable, CaseIterable { case trace, debug, info, warning, error }

/// Carriers of the tunnel port (protocol transports §1).
package enum Carrier: String, Sendable, CaseIterable { case tcp, ws }

/// Where to listen. An empty host means dual stack on every address.
package struct ListenAddress: Hashable, Sendable {
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// A service whose handler is `tunnel`: one tunnel port and its entrypoints (protocol tunnel-server §2).
package struct TunnelService: Equatable, Sendable {
    package var name: String
    package var address: ListenAddress
    package var carrier: Carrier
    /// Path of the WebSocket upgrade.
    package var path = "/ws"
    package var entrypoints: [Entrypoint] = []
    /// Index into `ServerConfiguration.ingresses`.
    package var ingress: Int
    package var tunnelIsDirect = false
    package var muxVersion = 2

    package init(name: String, address: ListenAddress, carrier: Carrier, ingress: Int) {
        self.name = name
        self.address = address
        self.carrier = carrier
        self.ingress = ingress
    }
}

/// A port visitors come to.
package struct Entrypoint: Equatable, Sendable {
    package var address: ListenAddress
    package var ingress: Int

    package init(address: ListenAddress, ingress: Int) {
        self.address = address
        self.ingress = ingress
    }
}

/// Host rules: fixed ones, and a dynamic part in which bound tunnels get their hosts.
package struct IngressTable: Equatable, Sendable {
    package var name: String
    /// Host pattern (lower case; `.example.com` also matches `example.com` and every depth) and its route, in order.
    package var rules: [IngressRule] = []
    /// nil: bound tunnels get no host here.
    package var dynamic: DynamicIngress?

    package init(name: String) { self.name = name }
}

package struct IngressRule: Hashable, Sendable {
    package var host: String
    package var route: Route

    package init(host: String, route: Route) {
        self.host = host
        self.route = route
    }
}

/// `plugin: {type: memory, domain, domainMin}`.
package struct DynamicIngress: Equatable, Sendable {
    /// `<label>.<domain>` reaches the tunnel whose label it is, for each of these.
    package var domains = ["localhost"]
    /// Shortest label a client may ask for.
    package var labelBytesMin = 1

    package init() {}
}
