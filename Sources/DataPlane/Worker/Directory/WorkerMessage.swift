package import Model
import Observe
import Operations
package import PlaneLink
package import Primitives
import Wire

/// Bytes that one worker lends to another: a parcel of its pool, or a whole buffer of its store. The receiver copies
/// what it needs and says `parcelTaken`; only then does the sender reuse the memory.
package struct Parcel: BitwiseCopyable {
    package var address: UInt
    package var count: UInt32
    /// The buffer's number, or a parcel's with `ParcelPool.mark`.
    package var buffer: UInt32
}

/// What workers of one data plane tell each other, by value, through mailboxes.
package enum WorkerMessage: BitwiseCopyable {
    /// More unread bytes of the visitor whose adoption follows.
    case moreBytes(Parcel)
    /// A visitor that needs a connector of yours: descriptor and state in front of its unread bytes.
    case adoptVisitor(Parcel)
    /// Likewise a relay visitor, with the state of its link.
    case adoptRelayVisitor(Parcel)
    /// The buffer is yours again.
    case parcelTaken(buffer: UInt32)

    /// A connector was bound; every worker answers `connectorSeen` to the worker that owns it.
    case connectorAdded(
        ConnectorID, TunnelID, link: UInt32, generation: UInt32, service: ServiceIndex, weight: UInt8, isUDP: Bool)
    case connectorSeen(link: UInt32, generation: UInt32)
    case connectorRemoved(ConnectorID)

    /// To worker 0, which holds the plane link: ask the control plane about a BIND (`BindQuestion` in the parcel).
    case bindAsked(Parcel)
    /// From worker 0: the control plane's answer (`BindVerdict` in the parcel).
    case bindAnswered(Parcel)
    /// To worker 0: a connector is gone.
    case connectorLost(ConnectorID, TunnelID, Reason)

    /// A route changed (`RouteChange` in the parcel).
    case routeChanged(Parcel)
    /// A new table is mapped; answered by `routesSeen` when the old one is not used any more.
    case routes(RouteTableKind, address: UInt, byteCount: UInt64, generation: UInt64)
    /// Changes up to here were sent; answered by `routesSeen`.
    case routesMark(generation: UInt64)
    case routesSeen(generation: UInt64)
    /// What the node serves changed: a retained `NodeTable`.
    case tableChanged(UInt)
    /// Accept on this descriptor.
    case listenerOpened(id: UInt32, descriptor: Int32, isEntrypoint: Bool, service: ServiceIndex, ingress: IngressIndex)
    /// Accept other data planes on this descriptor.
    case peersListenerOpened(id: UInt32, descriptor: Int32)
    case listenerClosed(id: UInt32)
    /// The other data planes changed: a retained `PeerTable`.
    case peersChanged(UInt)
    /// Where else a tunnel is (`RemoteEntry` in the parcel).
    case remoteChanged(Parcel)
    /// The number of the connection to a control plane that knows the cluster; 0: there is none.
    case clusterMet(connection: UInt32)
    /// To worker 0: ask the control plane for a way to a tunnel (`LookupQuestion` in the parcel).
    case lookupAsked(Parcel)
    /// From worker 0: what it answered.
    case lookupAnswered(slot: UInt32, generation: UInt32, PlaneLookupOutcome)
    /// The data plane leaves.
    case drainBegun
    /// Worker 0 asks whether everything has ended, and hears it at the end of the same turn.
    case quietAsked(round: UInt32)
    case quietAnswered(round: UInt32, isQuiet: Bool)
    /// End a connector by the control plane's wish.
    case closeConnector(ConnectorID)

    /// The same message with another parcel; only for messages that have one.
    func carrying(_ parcel: Parcel) -> WorkerMessage {
        switch self {
        case .moreBytes: .moreBytes(parcel)
        case .adoptVisitor: .adoptVisitor(parcel)
        case .adoptRelayVisitor: .adoptRelayVisitor(parcel)
        case .bindAsked: .bindAsked(parcel)
        case .bindAnswered: .bindAnswered(parcel)
        case .routeChanged: .routeChanged(parcel)
        case .remoteChanged: .remoteChanged(parcel)
        case .lookupAsked: .lookupAsked(parcel)
        default: preconditionFailure("a message without a parcel")
        }
    }

    /// The message as a mailbox cell.
    package var cell: Mailbox.Cell {
        @_noLocks get {
            precondition(MemoryLayout<WorkerMessage>.size <= MemoryLayout<Mailbox.Cell>.size)
            var cell = Mailbox.Cell()
            write(to: &cell)
            return cell
        }
    }

    @_noLocks
    private func write(to cell: UnsafeMutableRawPointer) { cell.storeBytes(of: self, as: WorkerMessage.self) }

    /// The message that a mailbox's cell holds.
    @_noLocks
    package init(_ cell: Mailbox.Cell) {
        var cell = cell
        self = WorkerMessage.read(&cell)
    }

    @_noLocks
    private static func read(_ cell: UnsafeRawPointer) -> WorkerMessage { cell.load(as: WorkerMessage.self) }
}
