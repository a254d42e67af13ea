import Model
import PlaneLink
import Primitives
import Wire

/// What worker 0 keeps of every connector of the data plane, for inventories: small, because there are many.
struct HeldConnector {
    private let tunnel: TunnelID
    private let source: SocketAddress
    /// nil: the tunnel's generated label, as for most.
    private let grantedHost: String?
    private let service: ServiceIndex
    private let isUDP: Bool
    private let weight: UInt8
    private let worker: UInt8

    init(_ ask: BindAsk, _ grantedHost: InlineText, worker: UInt8) {
        tunnel = ask.tunnel
        source = ask.source
        self.grantedHost = grantedHost == Endpoint.label(of: ask.tunnel) ? nil : grantedHost.string
        service = ask.service
        isUDP = ask.isUDP
        weight = ask.weight
        self.worker = worker
    }

    /// As the control plane is told of it.
    func bound(_ connector: ConnectorID) -> BoundConnector {
        let host = grantedHost.flatMap { InlineText($0) } ?? Endpoint.label(of: tunnel)
        return BoundConnector(
            connector: connector, tunnel: tunnel, service: service, grantedHost: host, isUDP: isUDP, weight: weight,
            worker: WorkerIndex(worker), source: source)
    }
}
