package import Model
package import Observe
package import Operations
package import PlaneLink
package import Primitives
import Wire

/// One worker: a pure machine that takes completions and emits operations. It owns its sockets, slabs and tables
/// outright, and no clock, no lock, no system call; the shell around it (ring, poll, simulator) performs what it asks.
///
/// A turn: `begin(now)`, `complete(…)` for every completion, `end()`, then the shell takes `operations`.
///
/// The way of a visitor's bytes: Sockets/Worker+Receiving → Visitors/Worker+Requests → Streams/Worker+Streams →
/// Links/Worker+Frames → Sockets/Worker+Sending; and back: Sockets/Worker+Receiving → Links/Worker+Mux →
/// Visitors/Worker+Answers → Sockets/Worker+Sending.
package struct Worker: ~Copyable {
    package let index: Int
    package let workerCount: Int
    package var operations: OperationQueue
    package let counters: CounterPage

    var now: Tick
    var random: Random
    var limits: Limits
    var table: NodeTable
    /// As the table has them, where no reference is counted to look.
    var trustedProxies: TrustedProxies
    /// The node's name, likewise.
    var nodeName: InlineText

    var buffers: BufferStore
    /// Buffers lent to the shell to receive into, and how many there should be.
    var buffersWithShell = 0
    let buffersWithShellMax: Int
    var vectors: SendVectorPool
    let offsets = FieldOffsets()

    var sockets: Slab<Socket>
    var firstToFlush: UInt32 = .max
    var firstStarved: UInt32 = .max
    var timers: TimerWheel

    var links: Slab<Link>
    var addresses: Slab<RelayAddress>
    var firstDoomed: UInt32 = .max
    var streams: Slab<Stream>
    var streamIndex: IndexTable
    var visitors: Slab<Visitor>
    var sources: SourceTable
    var listeners: [Listener] = []
    /// Descriptors of sockets, and how many this worker may hold.
    var descriptorsHeld = 0
    var descriptorsMax: Int
    /// Looked for silent connections, found too few, and does not look again before.
    var nextSearchForSilent = Tick.zero
    /// When memory that is not needed is looked for.
    var nextMemoryLook = Tick.zero
    /// Streams that are parked.
    var parkedStreams = 0

    var directory: Directory
    var failedLogins: FailedLogins
    /// Relay visitors whose bytes are kept for another try.
    var replaysHeld = 0
    /// Requests that may still be repeated.
    var repetitions: RepetitionBudget
    package var routeTables = RouteTables()
    package var routeOverlay: RouteOverlay

    /// Kernel randomness for ids and nonces, used from the front and refilled as a whole.
    let entropy: UnsafeMutablePointer<UInt64>
    var entropyUsed = 0

    /// Mailboxes to and from every other worker, by index; nil at our own.
    let outboxes: UnsafeMutablePointer<Mailbox?>
    let inboxes: UnsafeMutablePointer<Mailbox?>
    /// Bytes of a visitor that is being adopted, by the worker that sends it.
    let incoming: UnsafeMutablePointer<SliceQueue>
    /// Who waits for a way to another worker, by that worker, and a bit for each where somebody does.
    let waysAwaited: UnsafeMutablePointer<MoveQueue>
    var awaitedWays: UInt64 = 0
    /// Workers whose visitor lost bytes on the way because no buffer was left here, a bit each: it is not adopted.
    var incomingBroken: UInt64 = 0
    /// Messages that found a mailbox full or no parcel, by worker, in order; they go as soon as there is room.
    var overflow: [[WaitingMessage]]
    /// Workers with messages in `overflow`, a bit each.
    var overflowing: UInt64 = 0
    var parcels: ParcelPool
    /// Nothing is read of the control plane, because too much of what was read waits for other workers.
    var planeIsPaused = false
    /// Workers to be woken at the end of this turn, a bit each.
    var toWake: UInt64 = 0

    /// Tunnel clients' connections that wait to be let in (descriptor and listener), and lost ones that are still in the
    /// tables (generation and slot); what this turn has done already.
    var acceptedLinks: WordQueue
    var lostLinks: WordQueue
    var linksLetIn = 0
    var linksLost = 0
    var completionsInTurn = 0
    /// Accepting failed somewhere and is tried again soon.
    var retryAccepting = false
    var lastResume = Tick.zero
    var refusals = RefusalLog()
    /// Bytes of stalled readers whose connections are being closed.
    var bytesBeingDropped = 0
    /// While too much waits for readers: when it is looked at again.
    var shedDeadline = Tick.never
    /// Lines for the log, taken and cleared by whoever runs the worker.
    package var notices: [(Severity, String, [(String, String)])] = []

    /// What only worker 0 has: the conversation with the control plane.
    let desk: PlaneDesk?
    /// The desk changed in this turn, or must be looked at by `deskDeadline`: between the two it costs nothing.
    var deskIsTouched = true
    var deskDeadline = Tick.never
    /// What only a client's worker has.
    package let client: ClientDesk?
    /// Whether there is one, where no reference is counted to look.
    let isClient: Bool
    /// The other data planes: peer links, and who has which tunnel.
    var peers: Peers
    /// This data plane leaves.
    var drain = Drain()
    /// Conversations of the client's visitor services, and those of datagrams by service and sender.
    var visits: Slab<Visit>
    var visitIndex: IndexTable
    var datagramServices: [DatagramService] = []
    /// Where datagrams are received, each in a buffer of `DatagramBuffer.strideBytes`; nil where none are.
    let datagramBase: UnsafeMutableRawPointer?
    var datagrams: DatagramPool
    /// A datagram found no room in the pool: what waits is tried again when there is some.
    var datagramsWait = false
    let planeMemory = PlaneMemory()

    static var entropyWords: Int { 512 }
    /// Buffers that are never lent to the shell, as long as it has `buffersLentMin`.
    static var buffersReserved: Int { 64 }
    static var buffersLentMin: Int { 8 }

    /// What this worker speaks of the private extension (design §6), on either side of a link.
    static var capabilities: RelayCapabilities { [.halfClose, .reset, .opened, .goAway, .notice] }

    /// A worker at rest, with all its tables, sized by the limits of its setup.
    package init(_ setup: consuming WorkerSetup) {
        index = setup.index
        workerCount = setup.workerCount
        counters = setup.counters
        now = setup.now
        random = Random(seed: setup.seed)
        limits = setup.table.limits
        table = setup.table
        buffers = BufferStore(base: setup.bufferBase, capacity: setup.bufferCount)
        buffersWithShellMax = setup.buffersWithShellMax
        vectors = SendVectorPool(capacity: setup.vectorsMax)
        descriptorsMax = setup.descriptorsMax
        let capacity = WorkerCapacity(limits, workerCount: setup.workerCount, isClient: setup.isClient)
        operations = OperationQueue(capacity: setup.operationsUsual, capacityMax: capacity.operations)
        sockets = Slab(capacity: capacity.sockets)
        timers = TimerWheel(capacity: capacity.sockets, now: setup.now)
        links = Slab(capacity: capacity.links)
        addresses = Slab(capacity: capacity.links)
        streams = Slab(capacity: capacity.streams)
        streamIndex = IndexTable(capacity: capacity.streams)
        visitors = Slab(capacity: capacity.visitors)
        sources = SourceTable(capacity: capacity.visitors)
        trustedProxies = setup.table.trustedProxies
        nodeName = InlineText(setup.table.nodeName) ?? InlineText()
        directory = Directory(
            tunnelsMax: capacity.tunnels, connectorsMax: capacity.connectors,
            connectorsPerTunnelMax: Int(limits[.connectorsPerTunnelMax]))
        failedLogins = FailedLogins(salt: setup.seed)
        repetitions = RepetitionBudget(saved: limits[.repetitionsSavedMax])
        routeOverlay = RouteOverlay(capacity: setup.overlayMax, seed: setup.seed)
        entropy = .allocate(capacity: Worker.entropyWords)
        entropy.initialize(repeating: setup.seed, count: Worker.entropyWords)
        outboxes = .allocate(capacity: setup.workerCount)
        inboxes = .allocate(capacity: setup.workerCount)
        for worker in 0..<setup.workerCount {
            (outboxes + worker).initialize(to: setup.outboxes[worker])
            (inboxes + worker).initialize(to: setup.inboxes[worker])
        }
        overflow = Array(repeating: [], count: setup.workerCount)
        acceptedLinks = WordQueue(capacity: Worker.linksWaitingMax)
        lostLinks = WordQueue(capacity: capacity.links)
        parcels = ParcelPool(capacity: setup.workerCount > 1 ? ParcelPool.countMax : 1)
        incoming = .allocate(capacity: setup.workerCount)
        incoming.initialize(repeating: SliceQueue(), count: setup.workerCount)
        waysAwaited = .allocate(capacity: setup.workerCount)
        waysAwaited.initialize(repeating: MoveQueue(), count: setup.workerCount)
        desk = setup.desk
        client = setup.client
        isClient = setup.isClient
        peers = Peers(capacity, seed: setup.seed)
        visits = Slab(capacity: capacity.visits)
        visitIndex = IndexTable(capacity: capacity.visits)
        datagramBase = setup.datagramBase
        datagrams = DatagramPool()
        askForEntropy()
        for buffer in 0..<setup.datagramBufferCount { lendDatagramBuffer(UInt32(buffer)) }
    }

    deinit {
        entropy.deallocate()
        incoming.deallocate()
        waysAwaited.deallocate()
        outboxes.deallocate()
        inboxes.deallocate()
    }

    // MARK: A turn

    /// Starts a turn at an instant not before the last one's.
    @_noLocks
    package mutating func begin(_ now: Tick) {
        self.now = now
        counters.add(.loopTurns)
        beginShare()
    }

    /// One completion of the shell.
    @_noLocks
    package mutating func complete(_ completion: Completion) {
        counters.add(.completions)
        completionsInTurn += 1
        switch completion.token.kind {
        case .receive: completeReceive(completion)
        case .send: completeSend(completion)
        case .cancel: completeControl(completion, .cancel)
        case .shutdown: completeControl(completion, .shutdown)
        case .close: completeClose(completion)
        case .accept: completeAccept(completion)
        case .openSocket: dialSocketOpened(completion)
        case .connect: dialConnected(completion)
        case .receiveMessage: planeReceived(completion)
        case .sendMessage: planeSent(completion)
        case .mapFile: tableMapped(completion)
        case .receiveDatagram: completeReceiveDatagram(completion)
        case .sendDatagram: completeSendDatagram(completion)
        case .woken: break
        case .receiveOnce, .sendVector, .wake, .provideBuffer, .provideDatagramBuffer, .peerAddress, .randomBytes,
            .unmapFile, .releaseMemory, .limitUnacknowledged, .forget, nil:
            // Not `preconditionFailure`: before what never returns the compiler would end the worker, which frees.
            precondition(false, "a completion of a kind that has none")
        }
    }

    /// Ends a turn: messages of other workers, deadlines, what the turn produced.
    @_noLocks
    package mutating func end() {
        readMailboxes()
        fireTimers()
        if deskIsTouched || deskDeadline <= now { turnDesk() }
        if isClient { performClient() }
        if peers.due <= now { performPeers() }
        if drain.due <= now { performDrain() }
        endDoomedLinks()
        flushSockets()
        endDoomedLinks()
        shedStalledStreams()
        endLongestUnread()
        refillShell()
        releaseIdleMemory()
        wakeOthers()
        counters.set(.buffersHeld, to: UInt64(buffersHeld))
    }

    /// Buffers with somebody's bytes: neither lent to the shell nor kept to cut headers from.
    private var buffersHeld: Int {
        @_noLocks get { buffers.buffersInUse - buffersWithShell - (buffers.hasArena ? 1 : 0) }
    }

    /// The shell's system calls of the last turn.
    @_noLocks
    package mutating func entered(_ count: UInt64) { counters.add(.loopEnters, count) }

    /// When the worker wants a turn though nothing completed.
    package var nextDeadline: Tick {
        @_noLocks get {
            let memory = min(min(memoryDeadline, shedDeadline), min(peers.due, drain.due))
            let deadline =
                deskIsTouched || hasWorkLeft ? now : min(timers.nextCheck(), min(deskDeadline, memory))
            return isClient ? min(deadline, clientDeadline()) : deadline
        }
    }

    /// Whether another completion may be handled before the turn has to end and the shell take the operations, of which
    /// each emits a few.
    package var hasRoom: Bool {
        @_noLocks get { operations.room > 512 && completionsInTurn < Worker.completionsPerTurnMax }
    }

    // MARK: Small things

    /// A fresh key for a masked frame; RFC 6455 §5.3 wants keys nobody can foretell.
    @_noLocks
    mutating func maskKey() -> UInt32 { UInt32(truncatingIfNeeded: unguessable()) }

    /// 64 bits of kernel randomness.
    @_noLocks
    mutating func unguessable() -> UInt64 {
        // Refilled by the shell between two turns; a storm of binds within one stirs what it had.
        if entropyUsed == Worker.entropyWords {
            entropyUsed = 0
            for word in 0..<Worker.entropyWords { entropy[word] ^= random.next() }
        }
        defer { entropyUsed += 1 }
        if entropyUsed == Worker.entropyWords / 2 { askForEntropy() }
        return entropy[entropyUsed]
    }

    @_noLocks
    private mutating func askForEntropy() {
        operations.append(
            Operation(
                .randomBytes, token: Token(raw: 0), descriptor: -1, address: UInt(bitPattern: entropy),
                length: UInt32(Worker.entropyWords * 8)))
    }
}
