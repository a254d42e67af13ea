package import Model

/// What a data plane needs to know about one tunnel service to serve its port.
package struct PlaneService: Hashable, Sendable {
    /// How the tunnel port is spoken (protocol transports §1).
    package enum Carrier: UInt8, Sendable, CaseIterable { case tcp, ws }

    package var index: ServiceIndex
    package var name: String
    package var carrier: Carrier
    /// Path of the WebSocket upgrade; without meaning for `tcp`.
    package var path: String
    /// Where the hosts of tunnels bound here live.
    package var ingress: IngressIndex
    /// smux version of the inner sessions: 1 or 2.
    package var muxVersion: UInt8
    /// A relay visitor's tunnel id is believed without a host match (protocol tunnel-server §7).
    package var isDirect: Bool
    /// `http://*.localhost:8080`: where visitors reach a tunnel bound here; `*` is the place of its label.
    package var urlTemplates: [String]

    package init(
        index: ServiceIndex, name: String, carrier: Carrier, path: String, ingress: IngressIndex, muxVersion: UInt8,
        isDirect: Bool, urlTemplates: [String]
    ) {
        self.index = index
        self.name = name
        self.carrier = carrier
        self.path = path
        self.ingress = ingress
        self.muxVersion = muxVersion
        self.isDirect = isDirect
        self.urlTemplates = urlTemplates
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(index.rawValue)
        writer.put(name)
        writer.put(carrier.rawValue)
        writer.put(path)
        writer.put(ingress.rawValue)
        writer.put(muxVersion)
        writer.put(isDirect)
        writer.put(count: urlTemplates.count)
        for template in urlTemplates { writer.put(template) }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        index = ServiceIndex(try reader.number())
        name = try reader.string()
        guard let carrier = Carrier(rawValue: try reader.number()) else { throw reader.badValue }
        self.carrier = carrier
        path = try reader.string()
        ingress = IngressIndex(try reader.number())
        muxVersion = try reader.number()
        isDirect = try reader.bool()
        urlTemplates = []
        for _ in 0..<(try reader.count()) { urlTemplates.append(try reader.string()) }
    }
}

/// What a data plane needs to know about an ingress beyond its routes: where a bound tunnel gets its hosts when the
/// control plane is not there to say so.
package struct PlaneIngress: Hashable, Sendable {
    package var index: IngressIndex
    /// `<label>.<domain>` reaches the tunnel whose label it is; empty when the ingress is not dynamic.
    package var dynamicDomains: [String]

    package init(index: IngressIndex, dynamicDomains: [String]) {
        self.index = index
        self.dynamicDomains = dynamicDomains
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(index.rawValue)
        writer.put(count: dynamicDomains.count)
        for domain in dynamicDomains { writer.put(domain) }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        index = IngressIndex(try reader.number())
        dynamicDomains = []
        for _ in 0..<(try reader.count()) { dynamicDomains.append(try reader.string()) }
    }
}
