package import Model
package import Primitives

/// A tunnel client's BIND as the data plane hands it to the control plane. The client waits for the answer, the
/// control plane owes it within `Limit.bindAnswerTimeoutMilliseconds`; later the data plane answers alone.
package struct BindAsk: Hashable, Sendable, BitwiseCopyable {
    /// The data plane's number for this question; comes back in the answer.
    package var ask: UInt64
    package var connector: ConnectorID
    package var tunnel: TunnelID
    package var service: ServiceIndex
    /// As on the wire, not folded; empty, `0.0.0.0` or `::` ask for no host (protocol relay §5).
    package var requestedHost: InlineText
    package var port: UInt16
    package var isUDP: Bool
    package var weight: UInt8
    /// Where the client comes from.
    package var source: SocketAddress
    /// The private extension's bits that both sides agreed on (design §6); 0 for a stock client.
    package var capabilities: UInt16

    package init(
        ask: UInt64, connector: ConnectorID, tunnel: TunnelID, service: ServiceIndex, requestedHost: InlineText,
        port: UInt16, isUDP: Bool, weight: UInt8, source: SocketAddress, capabilities: UInt16
    ) {
        self.ask = ask
        self.connector = connector
        self.tunnel = tunnel
        self.service = service
        self.requestedHost = requestedHost
        self.port = port
        self.isUDP = isUDP
        self.weight = weight
        self.source = source
        self.capabilities = capabilities
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(ask)
        writer.put(connector)
        writer.put(tunnel)
        writer.put(service.rawValue)
        writer.put(requestedHost)
        writer.put(port)
        writer.put(isUDP)
        writer.put(weight)
        writer.put(source)
        writer.put(capabilities)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        ask = try reader.number()
        connector = try reader.identity()
        tunnel = try reader.identity()
        service = ServiceIndex(try reader.number())
        requestedHost = try reader.inlineText()
        port = try reader.number()
        isUDP = try reader.bool()
        weight = try reader.number()
        source = try reader.socketAddress()
        capabilities = try reader.number()
    }
}

/// What the control plane decided about a `BindAsk`.
package enum BindOutcome: Hashable, Sendable {
    /// The connector exists. The text is the HOST of the BIND response (protocol relay §6). The routes that make it
    /// reachable were sent before this answer: the data plane answers its client when every worker has them.
    case granted(host: InlineText)
    /// The relay status to answer with (protocol relay §3), and why, for counters and logs.
    case refused(status: UInt8, reason: Reason)

    func encode(to writer: inout PlaneByteWriter) {
        switch self {
        case .granted(let host):
            writer.put(UInt8(0))
            writer.put(host)
        case .refused(let status, let reason):
            writer.put(UInt8(1))
            writer.put(status)
            writer.put(PlaneName.of(reason))
        }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        switch try reader.number(UInt8.self) {
        case 0: self = .granted(host: try reader.inlineText())
        case 1:
            let status = try reader.number(UInt8.self)
            // A reason that only a newer control plane knows is still a refused bind.
            self = .refused(status: status, reason: PlaneName.reason(try reader.string()) ?? .bindRefused)
        default: throw reader.badValue
        }
    }
}

/// A connector that lives on a data plane: sent in the inventory after a reconnect, and for binds that the data plane
/// answered while the control plane was away.
package struct BoundConnector: Hashable, Sendable {
    package var connector: ConnectorID
    package var tunnel: TunnelID
    package var service: ServiceIndex
    /// The HOST its client was told.
    package var grantedHost: InlineText
    package var isUDP: Bool
    package var weight: UInt8
    package var worker: WorkerIndex
    package var source: SocketAddress

    package init(
        connector: ConnectorID, tunnel: TunnelID, service: ServiceIndex, grantedHost: InlineText, isUDP: Bool,
        weight: UInt8, worker: WorkerIndex, source: SocketAddress
    ) {
        self.connector = connector
        self.tunnel = tunnel
        self.service = service
        self.grantedHost = grantedHost
        self.isUDP = isUDP
        self.weight = weight
        self.worker = worker
        self.source = source
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(connector)
        writer.put(tunnel)
        writer.put(service.rawValue)
        writer.put(grantedHost)
        writer.put(isUDP)
        writer.put(weight)
        writer.put(worker.rawValue)
        writer.put(source)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        connector = try reader.identity()
        tunnel = try reader.identity()
        service = ServiceIndex(try reader.number())
        grantedHost = try reader.inlineText()
        isUDP = try reader.bool()
        weight = try reader.number()
        worker = WorkerIndex(try reader.number())
        guard Int(worker.rawValue) < WorkerIndex.countMax else { throw reader.badValue }
        source = try reader.socketAddress()
    }
}
