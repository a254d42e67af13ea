import ControlCore
import Model
import PlaneLink
import Primitives
import Settings
import StoreVocabulary
import Wire

/// A control core and its data planes in one thread, with virtual time: the shell's place is taken by this value.
struct SimulatedNode {
    var core: ControlCore
    var planes: [SimulatedDataPlane] = []
    var now = Tick(nanoseconds: 1_000_000_000)
    var notes: [ControlNote] = []
    /// The sockets the shell would keep: data plane's name and id.
    var kept: Set<String> = []
    var failing: Set<ListenPoint> = []
    static let key = CredentialKey(high: 3, low: 4)
    /// What the core sent to its stores, until somebody takes it.
    var batches: [(store: StoreID, batch: StoreBatch)] = []
    let name: String
    let cluster: ClusterSettings
    /// What data planes that are started can do.
    var capabilities: PlaneCapabilities = [.access, .trust, .rules]
    private let configuration: ServerConfiguration
    private var nextLink: UInt64 = 1
    private var epoch: UInt64 = 1
    private var nextConnector: UInt64 = 1
    private var arrived: PlaneListener?

    init(
        _ configuration: ServerConfiguration, name: String = "node", cluster: ClusterSettings = ClusterSettings()
    ) throws {
        self.configuration = configuration
        self.name = name
        self.cluster = cluster
        core = try ControlCore(
            configuration, nodeName: name, nodeEpoch: 1, credentialKey: SimulatedNode.key,
            tableSeed: 99, cluster: cluster)
    }

    /// One tunnel service with an entrypoint and one ingress, dynamic below `localhost` and `gost.local`.
    static func configuration(_ change: (inout ServerConfiguration) -> Void = { _ in }) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        var ingress = IngressTable(name: "ingress-0")
        var dynamic = DynamicIngress()
        dynamic.domains = ["localhost", "gost.local"]
        ingress.dynamic = dynamic
        configuration.ingresses = [ingress]
        var service = TunnelService(
            name: "service-0", address: ListenAddress(host: "", port: 8421), carrier: .ws, ingress: 0)
        service.entrypoints = [Entrypoint(address: ListenAddress(host: "", port: 8080), ingress: 0)]
        configuration.services = [service]
        change(&configuration)
        return configuration
    }

    // MARK: What happens

    mutating func tell(_ event: ControlEvent) { perform(core.handle(event, now: now)) }

    mutating func advance(milliseconds: UInt64) {
        let end = now.advanced(milliseconds: milliseconds)
        while core.nextDeadline <= end {
            now = max(now, core.nextDeadline)
            tell(.tick)
        }
        now = end
        tell(.tick)
    }

    @discardableResult
    mutating func start(_ name: String = "data-0", workers: UInt8 = 2) -> Int {
        epoch += 1
        var plane = SimulatedDataPlane(name: name, epoch: epoch)
        plane.workers = workers
        plane.capabilities = capabilities
        planes.append(plane)
        connect(planes.count - 1)
        return planes.count - 1
    }

    /// A connection, with what is said behind the hello and ahead of the inventory.
    mutating func connect(_ index: Int, saying words: [DataToControl] = []) {
        let link = LinkID(nextLink)
        nextLink += 1
        planes[index].link = link
        planes[index].hasTable = false
        planes[index].announced = []
        planes[index].hasRows = false
        planes[index].tellings = []
        planes[index].saidLinked = []
        tell(.connected(link))
        let inventory = planes[index].inventory
        for message in inventory.prefix(1) + words + inventory.dropFirst() { say(index, message) }
    }

    /// The data plane process dies, or only its link is lost.
    mutating func cut(_ index: Int, dies: Bool) {
        guard let link = planes[index].link else { return }
        planes[index].link = nil
        tell(.disconnected(link, .closedByPeer))
        // Binds in flight are answered by the data plane alone when the control plane is away.
        for (number, ask) in planes[index].asks {
            planes[index].asks[number] = nil
            guard !dies else { continue }
            var bound = ask.bound
            bound.grantedHost = Endpoint.label(of: ask.tunnel)
            planes[index].connectors[ask.connector] = bound
        }
        if dies {
            planes[index].connectors = [:]
            planes[index].listeners = [:]
        }
    }

    /// A new control plane process in the place of the old one: the data planes keep what they have.
    mutating func restartControl() throws {
        core = try ControlCore(
            configuration, nodeName: name, nodeEpoch: core.nodeEpoch + 1, credentialKey: SimulatedNode.key,
            tableSeed: 99, cluster: cluster)
        kept = []
        batches = []
        for index in planes.indices { planes[index].link = nil }
    }

    mutating func say(_ index: Int, _ message: DataToControl) {
        guard let link = planes[index].link else { return }
        if case .listenerHeld(let listener) = message { arrived = listener }
        tell(.received(link, message))
        arrived = nil
    }

    /// A client binds; gives the number of the question.
    @discardableResult
    mutating func bind(
        _ index: Int, _ tunnel: TunnelID, host: String = "", connector: ConnectorID? = nil, service: UInt16 = 0
    ) -> UInt64 {
        let number = planes[index].nextAsk
        planes[index].nextAsk += 1
        nextConnector += 1
        let ask = BindAsk(
            ask: number, connector: connector ?? ConnectorID(high: 7, low: nextConnector), tunnel: tunnel,
            service: ServiceIndex(service), requestedHost: InlineText(host)!, port: 0, isUDP: false, weight: 1,
            source: .unknown, capabilities: 0)
        planes[index].asks[number] = ask
        say(index, .bindAsk(ask))
        return number
    }

    mutating func lose(_ index: Int, _ connector: ConnectorID) {
        guard let bound = planes[index].connectors.removeValue(forKey: connector) else { return }
        say(index, .connectorLost(connector, bound.tunnel, .peerClosed))
    }

    // MARK: What the core wants

    private mutating func perform(_ effects: [ControlEffect]) {
        for effect in effects {
            switch effect {
            case .send(let link, let message):
                guard let index = planes.firstIndex(where: { $0.link == link }) else { continue }
                for answer in planes[index].take(message) { say(index, answer) }
            case .sendListener(let link, let plane, let listener):
                precondition(kept.contains("\(plane)/\(listener.id.rawValue)"), "a socket that nobody keeps")
                guard let index = planes.firstIndex(where: { $0.link == link }) else { continue }
                planes[index].take(listener)
            case .sendTable(let link, let generation, let whole):
                precondition(generation == core.generation)
                guard let index = planes.firstIndex(where: { $0.link == link }) else { continue }
                takeTable(index, whole: whole)
            case .sendRules(let link, let generation):
                guard let index = planes.firstIndex(where: { $0.link == link }) else { continue }
                for answer in planes[index].take(core.rules.view, generation: generation) { say(index, answer) }
            case .openListeners(let link, let orders):
                let good = orders.filter { !failing.contains($0.point) }
                for order in good { kept.insert("\(order.plane)/\(order.id.rawValue)") }
                let plan = core.plan
                tell(
                    .listenersOpened(
                        link, good.map { OpenedListener(order: $0, address: $0.point.address(of: plan)) },
                        failed: orders.filter { failing.contains($0.point) }
                            .map { ListenerFailure(order: $0, text: "in use") }))
            case .adoptListener(let plane, let id):
                precondition(arrived?.id == id)
                kept.insert("\(plane)/\(id.rawValue)")
            case .moveListener(let plane, let id, let heir, let newID):
                precondition(kept.remove("\(plane)/\(id.rawValue)") != nil, "a socket that nobody keeps")
                kept.insert("\(heir)/\(newID.rawValue)")
            case .closeListeners(let plane, let ids):
                kept = kept.filter { key in
                    guard key.hasPrefix(plane + "/") else { return true }
                    return ids.map { !$0.contains { key == "\(plane)/\($0.rawValue)" } } ?? false
                }
            case .close(let link):
                if let index = planes.firstIndex(where: { $0.link == link }) { planes[index].link = nil }
                tell(.disconnected(link, .closedHere))
            case .store(let store, let batch): batches.append((store, batch))
            case .log(let note): notes.append(note)
            }
        }
    }

    private mutating func takeTable(_ index: Int, whole: Bool) {
        precondition(whole != planes[index].capabilities.contains(.rules), "rules of an old data plane, or twice")
        let room = core.tableBytes(whole: whole)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        defer { memory.deallocate() }
        let bytes = core.writeTable(into: memory, whole: whole)
        guard let view = try? RouteSnapshotView(UnsafeRawBufferPointer(rebasing: memory.prefix(bytes))) else {
            preconditionFailure("the core wrote a table that cannot be read")
        }
        precondition(bytes == room)
        planes[index].take(view)
    }

    func notes(_ message: String) -> [ControlNote] { notes.filter { $0.message.contains(message) } }
}

extension ListenPoint {
    /// As the shell would say where it listens; the kernel's ports are all the same here.
    func address(of plan: NodePlan) -> String {
        switch self {
        case .shared(let place): plan.addresses[place].address.text
        case .peers(let address):
            ListenAddress(host: address.host, port: address.port == 0 ? 40_000 : address.port).text
        case .siblings(let path): path
        }
    }
}

extension BindAsk {
    var bound: BoundConnector {
        BoundConnector(
            connector: connector, tunnel: tunnel, service: service, grantedHost: InlineText(), isUDP: isUDP,
            weight: weight, worker: WorkerIndex(0), source: source)
    }
}

func tunnel(_ number: UInt64) -> TunnelID { TunnelID(high: 0x1111_2222_3333_4444, low: number) }

func endpoint(_ tunnel: TunnelID) -> String { Endpoint.label(of: tunnel).string }
