package import Model
package import Primitives

/// One change of the routing table: a host of an ingress gets a route, or loses it.
package struct RouteChange: Hashable, Sendable, BitwiseCopyable {
    package var ingress: IngressIndex
    /// Exact host, or a wildcard's key that begins with a dot; lower case.
    package var host: InlineText
    /// nil: the host has no route any more.
    package var route: Route?

    package init(ingress: IngressIndex, host: InlineText, route: Route?) {
        self.ingress = ingress
        self.host = host
        self.route = route
    }

    /// Changes per message at most: with hosts of 255 bytes a frame still has room for them.
    package static let perMessageMax = 2_048

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(ingress.rawValue)
        writer.put(host)
        guard let route else { return writer.put(UInt8(0)) }
        writer.put(UInt8(route.isPrivate ? 2 : 1))
        writer.put(route.tunnel)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        ingress = IngressIndex(try reader.number())
        host = try reader.inlineText()
        switch try reader.number(UInt8.self) {
        case 0: route = nil
        case 1: route = Route(tunnel: try reader.identity(), isPrivate: false)
        case 2: route = Route(tunnel: try reader.identity(), isPrivate: true)
        default: throw reader.badValue
        }
    }
}
