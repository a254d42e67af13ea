import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Worker 0 performs what its desk decides: connects the plane link, spreads listeners and what the node serves over the
// workers. Routes: Worker+Routes.

extension Worker {
    /// The desk, about to be told something: it is looked at before the turn ends.
    var touchedDesk: PlaneDesk? {
        mutating get {
            deskIsTouched = true
            return desk
        }
    }

    /// Lets the desk notice the time and does what it decided.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func turnDesk() {
        deskIsTouched = false
        guard let desk else { return }
        if peers.isMeshChanged { desk.linked(with: linkedPeers()) }
        peers.isMeshChanged = false
        desk.advance(now)
        performDesk(desk)
        deskDeadline = desk.nextDeadline
    }

    private mutating func performDesk(_ desk: PlaneDesk) {
        while !desk.effects.isEmpty {
            let effects = desk.effects
            desk.effects = []
            for effect in effects { perform(effect, desk) }
        }
        sendToControl(desk)
    }

    private mutating func perform(_ effect: PlaneDesk.Effect, _ desk: PlaneDesk) {
        switch effect {
        case .connect: connectPlane(desk)
        case .disconnect: closePlane()
        case .mapTable(let kind, let descriptor, let generation): update(.table(kind, descriptor, generation))
        case .changeRoutes(let changes, let generation): update(.changes(changes, generation))
        case .replaceNodeTable(let table): spread(table)
        case .openListener(let listener, let descriptor): spread(listener, descriptor)
        case .closeListener(let listener, _):
            onWorker(Int(listener.worker.rawValue), .listenerClosed(id: listener.id.rawValue)) {
                $0.closeListener(listener.id.rawValue)
            }
        case .answerBind(let worker, let verdict):
            if worker == index { bindDecided(verdict) } else { post(worker, with: verdict) { .bindAnswered($0) } }
        case .bindOverdue(let ask): note(.bindTimeout, source: ask.source, tunnel: ask.tunnel)
        case .closeConnector(let connector):
            closeConnector(connector)
            for worker in 0..<workerCount where worker != index { post(worker, .closeConnector(connector)) }
        case .drain, .end: performLeaving(effect)
        case .replacePeers, .setRemote, .meetCluster, .answerLookup, .tellPeer: performOfCluster(effect)
        case .closeDescriptor(let descriptor): closeDescriptor(descriptor)
        case .dump(let id): sendDump(id, desk)
        case .log(let severity, let text, let fields): notices.append((severity, text, fields))
        }
    }

    // MARK: The link

    private mutating func connectPlane(_ desk: PlaneDesk) {
        planeMemory.generation &+= 1
        planeMemory.isClosing = false
        planeIsPaused = false
        planeMemory.inFlight += 1
        operations.append(
            Operation(
                .openSocket, token: Token(.openSocket, slot: .max, generation: planeMemory.generation),
                descriptor: -1, length: DialFamily.unix.rawValue))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func planeSocketOpened(_ completion: Completion) {
        planeMemory.inFlight -= 1
        guard completion.result >= 0, let desk = touchedDesk else { return planeLost() }
        planeMemory.descriptor = completion.result
        var address = DialAddress()
        address.family = DialFamily.unix.rawValue
        var count = 0
        for byte in desk.path.utf8.prefix(107) {
            address.path[count] = byte
            count += 1
        }
        address.pathCount = UInt8(count)
        planeMemory.dial.pointee = address
        planeMemory.inFlight += 1
        operations.append(
            Operation(
                .connect, token: Token(.connect, slot: .max, generation: planeMemory.generation),
                descriptor: planeMemory.descriptor, address: UInt(bitPattern: planeMemory.dial)))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func planeConnected(_ completion: Completion) {
        planeMemory.inFlight -= 1
        guard completion.result >= 0, let desk = touchedDesk else { return planeLost() }
        desk.connected()
        receiveFromControl()
    }

    private mutating func receiveFromControl() {
        planeMemory.receiveMessage.pointee.range = SendRange(
            address: UInt(bitPattern: planeMemory.receiveBuffer), count: UInt(PlaneMemory.receiveBytes))
        planeMemory.receiveMessage.pointee.descriptorCount = 0
        planeMemory.inFlight += 1
        operations.append(
            Operation(
                .receiveMessage, token: Token(.receiveMessage, slot: .max, generation: planeMemory.generation),
                descriptor: planeMemory.descriptor, address: UInt(bitPattern: planeMemory.receiveMessage)))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func planeReceived(_ completion: Completion) {
        planeMemory.inFlight -= 1
        var descriptors: [Int32] = []
        if completion.result > 0 {
            let message = planeMemory.receiveMessage.pointee
            for position in 0..<Int(message.descriptorCount) { descriptors.append(message.descriptors[position]) }
        }
        guard !planeMemory.isClosing, completion.result > 0, let desk = touchedDesk else {
            for descriptor in descriptors { closeDescriptor(descriptor) }
            if completion.result == -SystemError.interrupted, !planeMemory.isClosing { return receiveFromControl() }
            return planeLost()
        }
        desk.received(
            UnsafeRawBufferPointer(start: planeMemory.receiveBuffer, count: Int(completion.result)),
            descriptors: descriptors)
        performDesk(desk)
        guard !planeMemory.isClosing else { return }
        planeIsPaused = isOverflowLong
        if !planeIsPaused { receiveFromControl() }
    }

    /// Reads on when what waited for other workers has gone.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func resumePlane() {
        guard !isOverflowLong else { return }
        planeIsPaused = false
        if !planeMemory.isClosing { receiveFromControl() }
    }

    private mutating func sendToControl(_ desk: PlaneDesk) {
        guard !planeMemory.isSending, !planeMemory.isClosing, desk.isConnected, let batch = desk.takeOutgoing() else {
            return
        }
        planeMemory.sendBuffer?.deallocate()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: batch.bytes.count, alignment: 16)
        batch.bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count) }
        planeMemory.sendBuffer = memory
        planeMemory.sendCount = batch.bytes.count
        planeMemory.sent = 0
        planeMemory.sendDescriptor = batch.descriptor
        submitToControl()
    }

    private mutating func submitToControl() {
        guard let memory = planeMemory.sendBuffer else { return }
        planeMemory.isSending = true
        planeMemory.sendMessage.pointee.range = SendRange(
            address: UInt(bitPattern: memory + planeMemory.sent),
            count: UInt(planeMemory.sendCount - planeMemory.sent))
        planeMemory.sendMessage.pointee.descriptorCount = 0
        if let descriptor = planeMemory.sendDescriptor, planeMemory.sent == 0 {
            planeMemory.sendMessage.pointee.descriptors[0] = descriptor
            planeMemory.sendMessage.pointee.descriptorCount = 1
        }
        planeMemory.inFlight += 1
        operations.append(
            Operation(
                .sendMessage, token: Token(.sendMessage, slot: .max, generation: planeMemory.generation),
                descriptor: planeMemory.descriptor, address: UInt(bitPattern: planeMemory.sendMessage)))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func planeSent(_ completion: Completion) {
        deskIsTouched = true
        planeMemory.inFlight -= 1
        planeMemory.isSending = false
        guard !planeMemory.isClosing, completion.result > 0 else { return planeLost() }
        planeMemory.sent += Int(completion.result)
        if planeMemory.sent < planeMemory.sendCount { submitToControl() }
    }

    /// Gives up the plane link; nothing else changes.
    private mutating func closePlane() {
        guard planeMemory.descriptor >= 0, !planeMemory.isClosing else { return }
        planeMemory.isClosing = true
        operations.append(
            Operation(
                .shutdown, token: Token(.shutdown, slot: .max, generation: 0), descriptor: planeMemory.descriptor,
                length: 2))
        planeLost()
    }

    /// When the last operation of a lost link is done, its descriptor is closed and the desk told.
    private mutating func planeLost() {
        if !planeMemory.isClosing {
            planeMemory.isClosing = true
            if planeMemory.descriptor >= 0 {
                operations.append(
                    Operation(
                        .shutdown, token: Token(.shutdown, slot: .max, generation: 0),
                        descriptor: planeMemory.descriptor, length: 2))
            }
        }
        guard planeMemory.inFlight == 0 else { return }
        if planeMemory.descriptor >= 0 { closeDescriptor(planeMemory.descriptor) }
        planeMemory.descriptor = -1
        planeMemory.isSending = false
        touchedDesk?.disconnected(now)
    }

    // MARK: What the node serves

    private mutating func spread(_ table: NodeTable) {
        for worker in 0..<workerCount where worker != index {
            post(worker, .tableChanged(UInt(bitPattern: Unmanaged.passRetained(table).toOpaque())))
        }
        use(table)
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func takeNodeTable(_ address: UInt) {
        guard let pointer = UnsafeRawPointer(bitPattern: address) else { preconditionFailure("no table") }
        use(Unmanaged<NodeTable>.fromOpaque(pointer).takeRetainedValue())
    }

    private mutating func use(_ table: NodeTable) {
        self.table = table
        limits = table.limits
        trustedProxies = table.trustedProxies
        nodeName = InlineText(table.nodeName) ?? InlineText()
        adjustListeners()
        directory.limit(
            tunnelsMax: Int(limits[.tunnelsMax]), connectorsPerTunnelMax: Int(limits[.connectorsPerTunnelMax]))
    }

    private mutating func spread(_ listener: PlaneListener, _ descriptor: Int32) {
        var opened = Listener(
            id: listener.id.rawValue, descriptor: descriptor, isEntrypoint: false, service: ServiceIndex(0),
            ingress: IngressIndex(0))
        switch listener.role {
        case .tunnel(let service): opened.service = service
        case .entrypoint(let service, let ingress):
            opened.isEntrypoint = true
            opened.service = service
            opened.ingress = ingress
        case .peers:
            opened.isOfPeers = true
            return onWorker(
                Int(listener.worker.rawValue), .peersListenerOpened(id: opened.id, descriptor: descriptor)
            ) { $0.openListener(opened) }
        }
        let message = WorkerMessage.listenerOpened(
            id: opened.id, descriptor: descriptor, isEntrypoint: opened.isEntrypoint, service: opened.service,
            ingress: opened.ingress)
        onWorker(Int(listener.worker.rawValue), message) { $0.openListener(opened) }
    }

    /// Does something here, or tells the worker it belongs to.
    private mutating func onWorker(_ worker: Int, _ message: WorkerMessage, _ here: (inout Worker) -> Void) {
        if worker == index { here(&self) } else { post(worker, message) }
    }

    mutating func closeConnector(_ connector: ConnectorID) {
        var slot: UInt32 = 0
        while slot < links.end {
            if links.isLive(slot), links[slot].pointee.connector == connector, links[slot].pointee.phase == .mux {
                return endLink(slot, .shutdown)
            }
            slot += 1
        }
    }

    private func sendDump(_ id: UInt64, _ desk: PlaneDesk) {
        var text = DumpText()
        for connector in desk.inventory { text.add(connector) }
        addRoutes(to: &text)
        let pieces = DumpText.pieces(text.finish())
        for (position, piece) in pieces.enumerated() {
            desk.send(.dump(id: id, text: piece, isLast: position == pieces.count - 1))
        }
    }
}
