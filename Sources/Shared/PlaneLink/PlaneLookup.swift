package import Model
package import Primitives

/// A data plane's question for a way to a visitor's tunnel that its own tables do not show: its host has no route, or
/// the tunnel of its route has no connector there and nothing is known of others.
///
/// Nothing waits for the store when the answer is known: a data plane asks only on a miss, once for all visitors that
/// miss the same, and lets them wait at most `ControlLimit.lookupMilliseconds` of the control plane (1 s). What makes the
/// answer usable, `routeDelta`, `node` and `remoteTunnel`, is sent ahead of it. (Capability `cluster`.)
package struct PlaneLookup: Hashable, Sendable, BitwiseCopyable {
    /// The data plane's number for this question; comes back in the answer.
    package var question: UInt64
    /// The service whose visitor asks: its service discovery is looked into.
    package var service: ServiceIndex
    /// Where the host is looked up.
    package var ingress: IngressIndex
    /// Folded as hosts are compared; empty when the tunnel is known.
    package var host: InlineText
    /// The tunnel, where it is known already (a route, or the id that a relay visitor presents); zero: by host.
    package var tunnel: TunnelID

    package init(
        question: UInt64, service: ServiceIndex, ingress: IngressIndex, host: InlineText, tunnel: TunnelID
    ) {
        self.question = question
        self.service = service
        self.ingress = ingress
        self.host = host
        self.tunnel = tunnel
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(question)
        writer.put(service.rawValue)
        writer.put(ingress.rawValue)
        writer.put(host)
        writer.put(tunnel)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        question = try reader.number()
        service = ServiceIndex(try reader.number())
        ingress = IngressIndex(try reader.number())
        host = try reader.inlineText()
        tunnel = try reader.identity()
    }
}

/// What came of a `PlaneLookup`.
package enum PlaneLookupOutcome: Hashable, Sendable, BitwiseCopyable {
    /// The host belongs to this tunnel, or the tunnel was asked for: what is known of its candidates was sent before.
    /// A tunnel without candidates is offline.
    case found(Route)
    /// There is no such host. The data plane remembers it for so many milliseconds, in a bounded table, and answers its
    /// visitors without asking; a `routeDelta` with the host ends that at once.
    case absent(milliseconds: UInt32)
    /// Nobody can say now: the store is away or did not answer in time, and nothing was known before. Not to be
    /// remembered.
    case unknown

    func encode(to writer: inout PlaneByteWriter) {
        switch self {
        case .found(let route):
            writer.put(UInt8(route.isPrivate ? 2 : 1))
            writer.put(route.tunnel)
        case .absent(let milliseconds):
            writer.put(UInt8(3))
            writer.put(milliseconds)
        case .unknown: writer.put(UInt8(0))
        }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        switch try reader.number(UInt8.self) {
        case 1: self = .found(Route(tunnel: try reader.identity(), isPrivate: false))
        case 2: self = .found(Route(tunnel: try reader.identity(), isPrivate: true))
        case 3: self = .absent(milliseconds: try reader.number())
        // An outcome that only a newer control plane has says nothing that this side could use.
        default: self = .unknown
        }
    }
}
