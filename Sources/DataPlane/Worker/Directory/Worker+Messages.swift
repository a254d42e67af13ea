import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Messages between the workers of one data plane, by value, through mailboxes; the shell only wakes.

extension Worker {
    /// Messages that may wait for room in a mailbox: connectors and visitors are bounded, and so is what is said of
    /// them; more means that a worker of this process does not run any more.
    static var overflowMax: Int { 1 << 20 }
    /// Waiting messages at which nothing more is read from the control plane until some have gone.
    static var overflowPausesAt: Int { 4_096 }

    /// Puts a message into a worker's mailbox, or behind those that wait for room in it.
    @_noLocks
    mutating func post(_ worker: Int, _ message: WorkerMessage) {
        guard let outbox = outboxes[worker] else { preconditionFailure("a message to oneself") }
        let bit: UInt64 = 1 << UInt64(worker)
        if overflowing & bit != 0 || !outbox.put(message.cell) {
            postLater(worker, message)
        }
        toWake |= bit
    }

    /// The mailbox is full, or all parcels are on their way: the message waits its turn, and with `content` for a parcel
    /// that comes home.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func postLater(
        _ worker: Int, _ message: WorkerMessage, holding content: UnsafeRawPointer? = nil, count: Int = 0
    ) {
        precondition(overflow[worker].count < Worker.overflowMax, "worker \(worker) does not read its mailbox")
        let bytes = content.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) }
        overflow[worker].append(WaitingMessage(message: message, content: bytes))
        overflowing |= 1 << UInt64(worker)
    }

    /// Whether so much waits for other workers that what causes more should wait too.
    var isOverflowLong: Bool { overflow.contains { $0.count >= Worker.overflowPausesAt } }

    /// Messages that waited for room go now, as far as there is some.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func postOverflow() {
        for worker in 0..<workerCount where !overflow[worker].isEmpty {
            guard let outbox = outboxes[worker] else { continue }
            var count = 0
            while count < overflow[worker].count {
                if let content = overflow[worker][count].content {
                    guard let parcel = parcels.pack(content, count: content.count) else { break }
                    let message = overflow[worker][count].message.carrying(parcel)
                    overflow[worker][count] = WaitingMessage(message: message, content: nil)
                }
                guard outbox.put(overflow[worker][count].message.cell) else { break }
                count += 1
            }
            overflow[worker].removeFirst(count)
            toWake |= 1 << UInt64(worker)
            // Not all fitted: look again soon.
            if overflow[worker].isEmpty {
                overflowing &= ~(1 << UInt64(worker))
            } else {
                toWake |= 1 << UInt64(index)
            }
        }
    }

    /// Puts a message that points to `content`, which travels in a parcel of ours. It is never lost: without a parcel
    /// it waits for one that comes home.
    mutating func post<Content: BitwiseCopyable>(
        _ worker: Int, with content: Content, _ message: (Parcel) -> WorkerMessage
    ) {
        var copy = content
        let packed = parcels.pack(&copy, count: MemoryLayout<Content>.size)
        if let packed { return post(worker, message(packed)) }
        let empty = Parcel(address: 0, count: 0, buffer: ParcelPool.mark)
        let later = message(empty)
        postLater(worker, later, holding: &copy, count: MemoryLayout<Content>.size)
        toWake |= 1 << UInt64(worker)
    }

    private func open<Content: BitwiseCopyable>(_ parcel: Parcel, as type: Content.Type) -> Content {
        precondition(Int(parcel.count) == MemoryLayout<Content>.size)
        guard let at = UnsafeRawPointer(bitPattern: parcel.address) else { preconditionFailure("an empty parcel") }
        return at.load(as: Content.self)
    }

    @_noLocks
    mutating func readMailboxes() {
        for worker in 0..<workerCount where worker != index {
            guard let inbox = inboxes[worker] else { continue }
            var count = 0
            while count < 1_024, let cell = inbox.take() {
                handle(WorkerMessage(cell), from: worker)
                count += 1
            }
            // More than a turn's share: come back at once.
            if count == 1_024 { toWake |= 1 << UInt64(index) }
        }
    }

    /// Wakes the workers that this turn wrote to.
    @_noLocks
    mutating func wakeOthers() {
        if overflowing != 0 { postOverflow() }
        if awaitedWays != 0 { moveThoseThatWait() }
        if planeIsPaused { resumePlane() }
        var rest = toWake
        toWake = 0
        while rest != 0 {
            let worker = rest.trailingZeroBitCount
            rest &= rest - 1
            operations.append(Operation(.wake, token: Token(raw: 0), descriptor: -1, length: UInt32(worker)))
        }
    }

    @_noLocks
    private mutating func handle(_ message: WorkerMessage, from worker: Int) {
        switch message {
        case .moreBytes(let parcel):
            takeBytes(parcel, from: worker)
        case .adoptVisitor(let parcel):
            let move = open(parcel, as: VisitorMove.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            adoptVisitor(move, from: worker)
        case .adoptRelayVisitor(let parcel):
            let move = open(parcel, as: LinkMove.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            adoptLink(move, from: worker)
        case .parcelTaken(let buffer):
            if buffer & ParcelPool.mark != 0 { parcels.give(buffer) } else { buffers.release(buffer) }
        default:
            handleRare(message, from: worker)
        }
    }

    /// What other data planes have to say, or is said of them.
    private mutating func handleOfCluster(_ message: WorkerMessage, from worker: Int) {
        switch message {
        case .peersListenerOpened(let id, let descriptor):
            openListener(Listener(id: id, peersOn: descriptor))
        case .peersChanged(let address):
            takePeerTable(address)
        case .remoteChanged(let parcel):
            let remote = open(parcel, as: RemoteEntry.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            remember(remote)
        case .clusterMet(let connection):
            peers.connection = connection
        case .lookupAsked(let parcel):
            let question = open(parcel, as: LookupQuestion.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            askDesk(question)
        case .lookupAnswered(let slot, let generation, let outcome):
            lookupAnswered(slot, generation, outcome)
        default: precondition(false, "a message that is not of the cluster")
        }
    }

    /// What tunnels, tables and listeners have to say; nothing of it belongs to a visitor's request.
    @inline(never) @_semantics("no_performance_analysis")
    private mutating func handleRare(_ message: WorkerMessage, from worker: Int) {
        switch message {
        case .connectorAdded(let connector, let tunnel, let link, let generation, let service, let weight, let isUDP):
            let entry = ConnectorEntry(
                connector: connector, worker: worker, isUDP: isUDP, weight: weight, service: service, link: link,
                linkGeneration: generation)
            if directory.add(entry, to: tunnel) != .added { note(.connectorsFull) }
            post(worker, .connectorSeen(link: link, generation: generation))
        case .connectorSeen(let link, let generation):
            connectorSeen(link, generation)
        case .connectorRemoved(let connector):
            _ = directory.remove(connector)
        case .bindAsked(let parcel):
            let question = open(parcel, as: BindQuestion.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            askDesk(question)
        case .bindAnswered(let parcel):
            let verdict = open(parcel, as: BindVerdict.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            bindDecided(verdict)
        case .connectorLost(let connector, let tunnel, let reason):
            touchedDesk?.connectorLost(connector, tunnel, reason)
        case .routeChanged(let parcel):
            let change = open(parcel, as: RouteChange.self)
            post(worker, .parcelTaken(buffer: parcel.buffer))
            apply(change)
        case .routes(let kind, let address, let byteCount, let generation):
            takeTable(kind, address, byteCount)
            post(worker, .routesSeen(generation: generation))
        case .routesMark(let generation):
            post(worker, .routesSeen(generation: generation))
        case .routesSeen(let generation):
            touchedDesk?.workerSaw(generation, worker: worker)
            unmapOldTables()
        case .tableChanged(let address):
            takeNodeTable(address)
        case .listenerOpened(let id, let descriptor, let isEntrypoint, let service, let ingress):
            openListener(
                Listener(
                    id: id, descriptor: descriptor, isEntrypoint: isEntrypoint, service: service, ingress: ingress))
        case .listenerClosed(let id):
            closeListener(id)
        case .closeConnector(let connector):
            closeConnector(connector)
        case .drainBegun: beginDrain()
        case .quietAsked(let round): quietIsAsked(round)
        case .quietAnswered(let round, let isQuiet): heardOfQuiet(round, isQuiet)
        case .peersListenerOpened, .peersChanged, .remoteChanged, .clusterMet, .lookupAsked, .lookupAnswered:
            handleOfCluster(message, from: worker)
        case .moreBytes, .adoptVisitor, .adoptRelayVisitor, .parcelTaken:
            precondition(false, "a message of a visitor's request")
        }
    }
}
