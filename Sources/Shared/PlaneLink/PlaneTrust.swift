package import Model

/// Whose word about a visitor's or client's address a data plane believes, beside the kernel's.
package struct PlaneTrust: Hashable, Sendable {
    /// What is believed on the ports of one service.
    package struct Service: Hashable, Sendable {
        package var service: ServiceIndex
        /// Connections to the tunnel port may begin with a PROXY header (protocol transports §7).
        package var takesProxyHeader: Bool
        /// Likewise those to its entrypoints (protocol tunnel-server §2).
        package var entrypointsTakeProxyHeader: Bool
        /// The source in a stream's header is the client that a trusted proxy names in the request.
        package var namesClientByField: Bool

        package init(
            service: ServiceIndex, takesProxyHeader: Bool, entrypointsTakeProxyHeader: Bool, namesClientByField: Bool
        ) {
            self.service = service
            self.takesProxyHeader = takesProxyHeader
            self.entrypointsTakeProxyHeader = entrypointsTakeProxyHeader
            self.namesClientByField = namesClientByField
        }
    }

    /// Services that are not listed believe nobody.
    package var services: [Service]
    /// Where the proxies stand whose forwarding fields are believed; at most `TrustedProxies.countMax`.
    package var proxies: [AddressPrefix]

    package init(services: [Service] = [], proxies: [AddressPrefix] = []) {
        self.services = services
        self.proxies = proxies
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(count: services.count)
        for service in services {
            writer.put(service.service.rawValue)
            writer.put(service.takesProxyHeader)
            writer.put(service.entrypointsTakeProxyHeader)
            writer.put(service.namesClientByField)
        }
        writer.put(count: proxies.count)
        for proxy in proxies {
            writer.put(proxy.high)
            writer.put(proxy.low)
            writer.put(proxy.bits)
        }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        services = []
        proxies = []
        for _ in 0..<(try reader.count()) {
            services.append(
                Service(
                    service: ServiceIndex(try reader.number()), takesProxyHeader: try reader.bool(),
                    entrypointsTakeProxyHeader: try reader.bool(), namesClientByField: try reader.bool()))
        }
        for _ in 0..<(try reader.count()) {
            let address = SocketAddress(high: try reader.number(), low: try reader.number(), port: 0)
            guard let prefix = AddressPrefix(address, bits: try reader.number()) else { throw reader.badValue }
            guard proxies.count < TrustedProxies.countMax else { throw reader.badValue }
            proxies.append(prefix)
        }
    }
}
