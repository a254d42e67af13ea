package import Model

/// What one node serves: the value that `-L` URLs and `gost.yaml` are turned into, checked and with every reference
/// resolved. (Protocol config §11.)
package struct ServerConfiguration: Equatable, Sendable {
    /// Stable name of the node: the pod's name, or the host's.
    package var nodeName = ""
    /// At least one.
    package var services: [TunnelService] = []
    /// Those of the file in its order, then the ones made for services that name none.
    package var ingresses: [IngressTable] = []
    /// Those of the file in its order, then the ones made of handlers' logins.
    package var authers: [Auther] = []
    /// Redis databases that ingresses and service discovery keep their entries in; none twice.
    package var stores: [StoreSettings] = []
    /// Those of `sds:` in its order, then the ones made of URLs.
    package var discoveries: [ServiceDiscovery] = []
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
    /// Whose forwarding fields are believed; at most `TrustedProxies.countMax`.
    package var trustedProxies: [AddressPrefix] = []
    /// How other data planes are linked with; nil: those of other nodes are not.
    package var peers: PeerSettings?

    package init() {}
}

/// What drives a data plane's workers: `culvert: {io: ring}`.
package enum ShellChoice: String, Sendable, CaseIterable { case automatic = "auto", ring, poll }

/// From which level on events are logged.
package enum LogLevel: String, Sendable, CaseIterable { case trace, debug, info, warning, error }

/// Carriers of the tunnel port (protocol transports §1).
package enum Carrier: String, Sendable, CaseIterable { case tcp, ws }

/// Where to listen. An empty host means dual stack on every address.
package struct ListenAddress: Hashable, Sendable {
    /// A name or address as written, without brackets.
    package var host: String
    /// 0: one that the kernel chooses.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// A service whose handler is `tunnel`: one tunnel port and its entrypoints (protocol tunnel-server §2).
package struct TunnelService: Equatable, Sendable {
    /// Unique within the node.
    package var name: String
    /// The tunnel port.
    package var address: ListenAddress
    package var carrier: Carrier
    /// Path of the WebSocket upgrade.
    package var path = "/ws"
    /// None: only relay visitors come.
    package var entrypoints: [Entrypoint] = []
    /// Index into `ServerConfiguration.ingresses`.
    package var ingress: Int
    /// Index into `ServerConfiguration.discoveries`: where its connectors are registered for other nodes; nil: they are
    /// this node's own.
    package var discovery: Int?
    /// `tunnel.direct`: a relay visitor reaches the tunnel whose id it presents, whatever host it asks for.
    package var tunnelIsDirect = false
    /// Indices into `ServerConfiguration.authers`: whoever one of them knows may bind and visit here. nil: everybody.
    package var authers: [Int]?
    /// `entrypoint.id`: relay visitors that present it are public ones, led by their host; zero: there is none.
    package var entrypointID = TunnelID.zero
    /// `entrypoint.relay`, our own key: relay visitors are served at the entrypoints too.
    package var relaysAtEntrypoints = false
    /// smux version of bind sessions, 1 or 2.
    package var muxVersion = 2
    /// `proxyProtocol` of the service: connections to the tunnel port may begin with a PROXY header.
    package var takesProxyHeader = false
    /// `entrypoint.ProxyProtocol`: those to the entrypoints may.
    package var entrypointsTakeProxyHeader = false
    /// `entrypoint.clientIP: header`: a stream's source is the client that a trusted proxy names in the request.
    package var namesClientByField = false

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
    /// Index into `ServerConfiguration.ingresses`: where its visitors' hosts are looked up.
    package var ingress: Int

    package init(address: ListenAddress, ingress: Int) {
        self.address = address
        self.ingress = ingress
    }
}

/// Host rules: fixed ones, and a dynamic part in which bound tunnels get their hosts.
package struct IngressTable: Equatable, Sendable {
    /// Unique within the node.
    package var name: String
    /// Host pattern (lower case; `.example.com` also matches `example.com` and every depth) and its route, in order.
    package var rules: [IngressRule] = []
    /// A file with more of them, `RuleTextReader`'s; they win over what stands in the configuration.
    package var path: String?
    /// How often the file is looked at for changes.
    package var reloadMilliseconds = Auther.reloadMillisecondsStandard
    /// nil: bound tunnels get no host here.
    package var dynamic: DynamicIngress?

    package init(name: String) { self.name = name }
}

/// A fixed host and where it leads.
package struct IngressRule: Hashable, Sendable {
    /// As `HostPattern` has it: lower case, a leading dot for a host and every name below it.
    package var host: String
    package var route: Route

    package init(host: String, route: Route) {
        self.host = host
        self.route = route
    }
}

/// `plugin: {type: memory, domain, domainMin}`, or `type: redis` with the keys of a store.
package struct DynamicIngress: Equatable, Sendable {
    /// Index into `ServerConfiguration.stores`: where hosts are claimed for all nodes; nil: in this node's memory.
    package var store: Int?
    /// `<label>.<domain>` reaches the tunnel whose label it is, for each of these.
    package var domains = ["localhost"]
    /// Shortest label a client may ask for, 1 to 63 bytes.
    package var labelBytesMin = 1

    /// What `gost-plugins` answers for without a domain of its own (protocol ingress-sd-plugins §5.1).
    package static let storeDomains = ["gost.run"]

    package init() {}
}
