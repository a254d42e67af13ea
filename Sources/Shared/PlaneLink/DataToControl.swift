package import Model

/// What a data plane tells the control plane.
///
/// The hello comes first, then the inventory: `listenerHeld…, connectorBound…, inventoryEnd`. Until the control plane
/// has answered with its table the data plane serves by what it has.
package enum DataToControl: Hashable, Sendable {
    /// The memory file of the counters comes with it (its layout is `CounterPage` of Observe).
    case hello(DataHello)
    /// A listening socket that the data plane accepts on, back to a control plane that may have been restarted; its
    /// descriptor comes with the message.
    case listenerHeld(PlaneListener)
    case bindAsk(BindAsk)
    case connectorBound(BoundConnector)
    case connectorLost(ConnectorID, TunnelID, Reason)
    /// Everything that lives here was sent.
    case inventoryEnd
    /// Every worker has what was pushed up to this generation.
    case applied(generation: UInt64)
    /// A part of the answer to `dumpAsk`, in order.
    case dump(id: UInt64, text: String, isLast: Bool)
    case pong
    /// Asks for a way to a tunnel; answered by `lookupAnswer`, always. Said to control planes of the capability `cluster`.
    case lookup(PlaneLookup)
    /// This data plane is to end. Said to control planes of the capability `leaving`; answered by `drain` where others take
    /// its place, and by `dismissed` where there are none.
    case leaving
    /// There is a link now over which the data plane of another node can be told words, or there is none any more. Said,
    /// as what follows, to control planes of the capability `words`.
    case peerLinked(LinkedPeer, isLinked: Bool)
    /// What became of a `tellPeer`: the other side has taken it, or that is not known.
    case peerTold(number: UInt64, isTaken: Bool)
    /// Words of another node's control plane (`PeerWords`), of at most `PeerWords.bytesMax` bytes.
    case peerSaid(node: NodeID, words: [UInt8])
}

/// The data plane's first message.
package struct DataHello: Hashable, Sendable {
    package var version: PlaneVersion
    package var capabilities: PlaneCapabilities
    /// Stable name: a process of the same name is the successor of one that died and gets its listeners.
    package var dataPlaneName: String
    /// New at every start of the data plane.
    package var processEpoch: UInt64
    /// 1 … `WorkerIndex.countMax`, fixed for the life of the process.
    package var workers: UInt8
    package var processID: UInt32
    /// Layout version of the counters in the memory file.
    package var countersLayout: UInt16

    package init(
        version: PlaneVersion, capabilities: PlaneCapabilities, dataPlaneName: String, processEpoch: UInt64,
        workers: UInt8, processID: UInt32, countersLayout: UInt16
    ) {
        self.version = version
        self.capabilities = capabilities
        self.dataPlaneName = dataPlaneName
        self.processEpoch = processEpoch
        self.workers = workers
        self.processID = processID
        self.countersLayout = countersLayout
    }
}
