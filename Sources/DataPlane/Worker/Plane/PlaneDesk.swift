import Model
import Observe
import Operations
package import PlaneLink
package import Primitives
import Wire

/// Worker 0's conversation with the control plane: state only, on the cold path. It takes what came over the plane link
/// and what the workers report, and leaves effects that the worker performs; it owns no socket and no clock.
///
/// The data plane never waits for it: a bind that the control plane does not answer in time is decided here, routes and
/// listeners stay as they are while the link is away, and after every reconnect both sides send all they have.
package final class PlaneDesk {
    /// What the worker shall do for the desk.
    enum Effect {
        case connect
        case disconnect
        case mapTable(RouteTableKind, descriptor: Int32, generation: UInt64)
        case changeRoutes([RouteChange], generation: UInt64)
        case replaceNodeTable(NodeTable)
        case openListener(PlaneListener, descriptor: Int32)
        case closeListener(PlaneListener, descriptor: Int32)
        case answerBind(worker: Int, BindVerdict)
        /// The control plane was not heard in time about this one.
        case bindOverdue(BindAsk)
        case closeConnector(ConnectorID)
        /// The other data planes.
        case replacePeers(PeerTable)
        /// Where else a tunnel is.
        case setRemote(RemoteEntry)
        /// A control plane that knows the cluster answers, or none does (0).
        case meetCluster(connection: UInt32)
        case answerLookup(LookupQuestion, PlaneLookupOutcome)
        /// Others take our place: let what is under way end.
        case drain
        /// Nobody does, or nobody can say: end at once.
        case end
        /// Words of our control plane for another node's.
        case tellPeer(PeerTelling)
        case closeDescriptor(Int32)
        case dump(id: UInt64)
        case log(Severity, String, [(String, String)])
    }

    /// A bind whose decision is still out.
    struct PendingBind {
        var question: BindQuestion
        var deadline: Tick
    }

    /// A decision that waits until every worker has the routes it rests on.
    struct WaitingVerdict {
        var generation: UInt64
        var worker: Int
        var verdict: BindVerdict
    }

    private enum State { case disconnected(retryAt: Tick), connecting, connected }

    package let hello: DataHello
    package let path: String
    let workerCount: Int
    private let countersDescriptor: Int32

    private var state = State.disconnected(retryAt: .zero)
    private var retryMilliseconds: UInt64 = 50
    private var reader = PlaneFrameReader()
    /// Descriptors that came and whose frames were not read yet, in order.
    private var descriptors: [Int32] = []
    private(set) var outgoing = Fifo<(bytes: [UInt8], descriptor: Int32?)>()
    private(set) var outgoingBytes = 0
    var effects: [Effect] = []

    var nextAsk: UInt64 = 1
    var pendingBinds: [UInt64: PendingBind] = [:]
    /// The binds that were asked, in order, those that are answered by now included.
    var askedBinds = Fifo<UInt64>()
    /// In the order of their generations.
    var waitingVerdicts = Fifo<WaitingVerdict>()
    /// Everything bound on this data plane, for inventories.
    var connectors: [ConnectorID: HeldConnector] = [:]
    private var listeners: [ListenerID: (listener: PlaneListener, descriptor: Int32)] = [:]
    private var confirmedListeners: Set<ListenerID> = []

    var settings = PlaneSettings(generation: 0, limits: [:], logLevel: .info)
    var services: [PlaneService] = []
    var ingresses: [PlaneIngress] = []
    var trust = PlaneTrust()
    /// Who may use the services; nil: the control plane cannot say, and asks for nothing.
    var access: NodeAccess?
    /// What came since and holds from the next `services` on.
    private var nextAccess: NodeAccess?
    private var nextTables: [UInt16: Set<CredentialDigest>] = [:]
    private(set) var controlCapabilities: PlaneCapabilities = []
    var nodeName = ""
    /// Whether this data plane is to end, and what was said to it.
    var leave = LeaveState.no
    /// What is known of other data planes.
    var cluster = ClusterDesk()
    /// Stands in tests only: see `LinkCipher`.
    var cipher = LinkCipher.Kind.none

    /// Our own number for every change of routes, so that pushes and own decisions share one order.
    var routeGeneration: UInt64 = 0
    /// The control plane's generation behind each of ours that has one.
    private var pushedGenerations = Fifo<(ours: UInt64, pushed: UInt64)>()
    private var seenGenerations: [UInt64]

    /// Bytes that may wait for the control plane; beyond it the link is given up and set up anew.
    package static let outgoingBytesMax = 8 << 20
    /// Credentials of all tables together.
    package static let credentialsMax = 1 << 20

    /// `hello` says who we are; `countersDescriptor` is the memory file of the counters.
    package init(hello: DataHello, path: String, workerCount: Int, countersDescriptor: Int32) {
        self.hello = hello
        self.path = path
        self.workerCount = workerCount
        self.countersDescriptor = countersDescriptor
        seenGenerations = Array(repeating: 0, count: workerCount)
    }

    var isConnected: Bool { if case .connected = state { true } else { false } }

    /// When `advance` wants to be called.
    package var nextDeadline: Tick {
        var deadline = firstPending?.deadline ?? .never
        if case .disconnected(let retryAt) = state { deadline = min(deadline, retryAt) }
        if !cluster.unconfirmed.isEmpty { deadline = min(deadline, cluster.unconfirmedDue) }
        if case .asked(let until) = leave { deadline = min(deadline, until) }
        return min(deadline, cluster.nextDeadline)
    }

    /// Time passed: connect again, decide binds whose answer is overdue.
    package func advance(_ now: Tick) {
        if case .disconnected(let retryAt) = state, retryAt <= now {
            state = .connecting
            effects.append(.connect)
        }
        while let pending = firstPending, pending.deadline <= now {
            effects.append(.bindOverdue(pending.question.ask))
            decideAlone(pending.question.ask.ask, pending.question)
        }
        advanceCluster(now)
        advanceLeave(now)
    }

    /// The bind that is overdue first. All wait equally long, so that it is the one that was asked first, and however many
    /// wait, few are looked at.
    private var firstPending: PendingBind? {
        while let ask = askedBinds.first {
            if let pending = pendingBinds[ask] { return pending }
            askedBinds.popFirst()
        }
        return nil
    }

    // MARK: The link

    func connected() {
        state = .connected
        retryMilliseconds = 50
        reader = PlaneFrameReader()
        confirmedListeners = []
        nextAccess = nil
        nextTables = [:]
        controlCapabilities = []
        send(.hello(hello), descriptor: countersDescriptor)
        // Ahead of the inventory: the sockets are others' already.
        if leave == .draining { send(.leaving) }
        for (listener, descriptor) in listeners.values { send(.listenerHeld(listener), descriptor: descriptor) }
        for connector in inventory { send(.connectorBound(connector)) }
        send(.inventoryEnd)
    }

    /// The link broke or could not be made. What was under way on it is decided alone.
    func disconnected(_ now: Tick) {
        for descriptor in descriptors { effects.append(.closeDescriptor(descriptor)) }
        descriptors = []
        outgoing.removeAll()
        outgoingBytes = 0
        pushedGenerations.removeAll()
        state = .disconnected(retryAt: now.advanced(milliseconds: retryMilliseconds))
        retryMilliseconds = min(retryMilliseconds * 2, 500)
        while let ask = askedBinds.popFirst() {
            if let pending = pendingBinds[ask] { decideAlone(ask, pending.question) }
        }
        clusterLost()
        leaveUnanswered()
    }

    func send(_ message: DataToControl, descriptor: Int32? = nil) {
        guard isConnected else { return }
        var bytes: [UInt8] = []
        message.encode(to: &bytes)
        outgoingBytes += bytes.count
        guard outgoingBytes <= PlaneDesk.outgoingBytesMax else {
            effects.append(.disconnect)
            return
        }
        outgoing.append((bytes, descriptor))
    }

    /// The next bytes to send: everything up to the next message that carries a descriptor.
    func takeOutgoing() -> (bytes: [UInt8], descriptor: Int32?)? {
        guard var batch = outgoing.popFirst() else { return nil }
        while let next = outgoing.first, next.descriptor == nil, batch.bytes.count < 65_536 {
            batch.bytes += next.bytes
            outgoing.popFirst()
        }
        outgoingBytes -= batch.bytes.count
        return batch
    }

    func received(_ bytes: UnsafeRawBufferPointer, descriptors received: [Int32]) {
        descriptors += received
        reader.receive(bytes)
        while isConnected {
            switch reader.next() {
            case .needMore: return settleCluster()
            case .frame(let frame):
                do throws(PlaneFault) {
                    guard let message = try ControlToData.decode(frame) else {
                        if frame.carriesDescriptor, !descriptors.isEmpty {
                            effects.append(.closeDescriptor(descriptors.removeFirst()))
                        }
                        continue
                    }
                    handle(message, frame.carriesDescriptor ? takeDescriptor() : nil)
                } catch {
                    giveUp("the control plane sent a message that cannot be read: \(error)")
                }
            case .broken(let fault):
                giveUp("the control plane's bytes cannot be read: \(fault)")
            }
        }
    }

    private func takeDescriptor() -> Int32? { descriptors.isEmpty ? nil : descriptors.removeFirst() }

    private func giveUp(_ text: String) {
        effects.append(.log(.error, text, []))
        effects.append(.disconnect)
        state = .connecting
    }

    // MARK: What the control plane says

    private func handle(_ message: ControlToData, _ descriptor: Int32?) {
        switch message {
        case .hello(let hello):
            guard hello.version.isUnderstood else { return giveUp(hello.version.refusal) }
            nodeName = hello.nodeName
            controlCapabilities = hello.capabilities
            clusterMet(hello)
        case .refused(let text):
            giveUp("the control plane refused this data plane: \(text)")
        case .settings(let settings):
            self.settings = settings
            rebuildNodeTable()
        case .services(_, let services):
            // One that can restrict and did not say whom: its ports must not stand open by an oversight.
            guard nextAccess != nil || !controlCapabilities.contains(.access) else {
                return giveUp("the control plane sent services without saying who may use them")
            }
            self.services = services
            access = nextAccess
            rebuildNodeTable()
        case .credentials(let table, let digests):
            nextTables[table, default: []].formUnion(digests)
            if nextTables.values.reduce(0, { $0 + $1.count }) > PlaneDesk.credentialsMax {
                giveUp("the control plane sent more than \(PlaneDesk.credentialsMax) credentials")
            }
        case .access(let key, let services):
            nextAccess = NodeAccess(key: key, services: services, tables: nextTables)
            nextTables = [:]
        case .ingresses(_, let ingresses):
            self.ingresses = ingresses
            rebuildNodeTable()
        case .trust(let trust):
            self.trust = trust
            rebuildNodeTable()
        case .listener(let listener):
            addListener(listener, descriptor)
        case .listenerRemoved(let id):
            removeListener(id)
        case .listenersEnd:
            for id in Array(listeners.keys) where !confirmedListeners.contains(id) { removeListener(id) }
        case .routesSnapshot(let generation, _):
            mapTable(controlCapabilities.contains(.rules) ? .claims : .whole, descriptor, generation)
        case .rulesSnapshot(let generation, _):
            mapTable(.rules, descriptor, generation)
        case .routeDelta(let generation, let changes):
            routeGeneration += 1
            pushedGenerations.append((routeGeneration, generation))
            effects.append(.changeRoutes(changes, generation: routeGeneration))
        case .bindAnswer(let ask, let outcome):
            answered(ask, outcome)
        case .dumpAsk(let id):
            effects.append(.dump(id: id))
        case .closeConnector(let connector):
            effects.append(.closeConnector(connector))
        case .drain:
            for id in Array(listeners.keys) { removeListener(id) }
            drain()
        case .dismissed:
            leaveUnanswered()
        case .tableEnd(let generation):
            pushedGenerations.append((routeGeneration, generation))
            noteApplied()
        case .ping:
            send(.pong)
        case .peering, .node, .remoteTunnel, .lookupAnswer, .tellPeer:
            heardOfCluster(message)
        }
    }

    private func mapTable(_ kind: RouteTableKind, _ descriptor: Int32?, _ generation: UInt64) {
        guard let descriptor else { return giveUp("a routing table came without its file") }
        routeGeneration += 1
        pushedGenerations.append((routeGeneration, generation))
        effects.append(.mapTable(kind, descriptor: descriptor, generation: routeGeneration))
    }

    private func addListener(_ listener: PlaneListener, _ descriptor: Int32?) {
        guard let descriptor else { return giveUp("a listener came without its descriptor") }
        confirmedListeners.insert(listener.id)
        // Whatever this control plane believes, we accept nothing any more.
        guard leave != .draining else { return effects.append(.closeDescriptor(descriptor)) }
        if var held = listeners[listener.id] {
            // We hold it already; the control plane learned it from us or kept its own copy. Its role may be new.
            effects.append(.closeDescriptor(descriptor))
            guard held.listener.role != listener.role else { return }
            held.listener.role = listener.role
            listeners[listener.id] = held
            return effects.append(.openListener(held.listener, descriptor: held.descriptor))
        }
        guard Int(listener.worker.rawValue) < workerCount else {
            effects.append(.closeDescriptor(descriptor))
            return
        }
        listeners[listener.id] = (listener, descriptor)
        effects.append(.openListener(listener, descriptor: descriptor))
    }

    private func removeListener(_ id: ListenerID) {
        guard let (listener, descriptor) = listeners.removeValue(forKey: id) else { return }
        effects.append(.closeListener(listener, descriptor: descriptor))
    }

    // MARK: Generations

    /// A worker has everything up to our `generation`.
    func workerSaw(_ generation: UInt64, worker: Int) {
        guard generation > seenGenerations[worker] else { return }
        seenGenerations[worker] = generation
        noteApplied()
        releaseVerdicts()
    }

    /// Whether every worker has what our `generation` stands for.
    func isSeenByAll(_ generation: UInt64) -> Bool { seenByAll >= generation }

    private var seenByAll: UInt64 { seenGenerations.min() ?? 0 }

    private func noteApplied() {
        let seen = seenByAll
        var applied: UInt64?
        while let first = pushedGenerations.first, first.ours <= seen {
            applied = first.pushed
            pushedGenerations.popFirst()
        }
        if let applied { send(.applied(generation: applied)) }
    }

    func releaseVerdicts() {
        let seen = seenByAll
        while let waiting = waitingVerdicts.first, waiting.generation <= seen {
            waitingVerdicts.popFirst()
            effects.append(.answerBind(worker: waiting.worker, waiting.verdict))
        }
    }

    var inventory: some Sequence<BoundConnector> { connectors.lazy.map { $1.bound($0) } }
}
