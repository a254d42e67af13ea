import Model
import PlaneLink
import Primitives
import Settings
import StoreVocabulary
import Wire

@testable import ControlCore

/// Three nodes, each a control core with its data planes, and stock nodes, before one Redis, in one thread with virtual
/// time. The stores' shell is played here: one ordered connection per node, deadlines, tracking that is told late or, while
/// it is cut, not at all.
struct ClusterWorld {
    enum Event {
        case execute(node: Int, connection: Int, StoreID, StoreBatch)
        case answer(node: Int, connection: Int, StoreID, UInt64, StoreOutcome)
        case changes(node: Int, tracking: Int, [String])
        case connect(node: Int)
        case track(node: Int)
        case redisReturns
        case quicken
        case restart(node: Int)
        case reconnect(node: Int, plane: Int)
        case pump(node: Int)
        case mesh
        case words(from: Place, to: Place, PeerTelling)
        case told(Place, number: UInt64, isTaken: Bool)
        case heal(Int, Int)
    }

    /// A connection of a data plane to its control plane.
    struct Place {
        var node: Int
        var plane: Int
        var link: LinkID
    }

    /// A node's connection to Redis.
    struct Shell {
        var connection = 0
        var isUp = false
        var tracking = 0
        var isTracking = false
        var versions: UInt64 = 0
        var underWay: [UInt64: StoreID] = [:]
        var lastArrival = Tick.zero
        var lastReply = Tick.zero
    }

    static let names = 1, entries = 2
    static let nameStore = StoreID(0), entryStore = StoreID(1)
    static let nameSeconds: UInt64 = 30, entrySeconds: UInt64 = 15

    var now = Tick(nanoseconds: 1_000_000_000)
    var random: Random
    var redis = FakeRedis()
    var isRedisUp = true
    var slowMilliseconds: UInt64 = 0
    var nodes: [SimulatedNode] = []
    /// When each core is due, as it said when it was last told something.
    var deadlines: [Tick] = []
    var isAlive: [Bool] = []
    var shells: [Shell] = []
    var stocks: [StockNode] = []
    /// Data planes carry words between the control planes, over links that are made as they are in the field.
    let carriesWords: Bool
    /// Pairs of nodes that do not reach each other, the lower number first.
    var parted: Set<[Int]> = []
    /// Every so many chunks that were taken are said not to be known.
    var doubtsWords: UInt32?
    /// Plant: every so many chunks that were taken never come.
    var swallowsWords: UInt32?
    var events = EventHeap<Event>()
    var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    /// Plant: every so many deliveries of changes are lost.
    var losesChanges: UInt32?
    var laws = ClusterLaws()
    /// Off where so many wait that looking at each again and again takes too long.
    var judgesQuestions = true
    var nextQuestion: UInt64 = 1
    var nextConnector: UInt64 = 1

    init(
        seed: UInt64, nodes count: Int = 3, nameSeconds: UInt64 = ClusterWorld.nameSeconds, carriesWords: Bool = false
    ) throws {
        random = Random(seed: seed)
        self.carriesWords = carriesWords
        for number in 0..<count {
            nodes.append(
                try SimulatedNode(
                    Self.configuration(), name: "node-\(number)",
                    cluster: Self.settings(number, nameSeconds: nameSeconds)))
            isAlive.append(true)
            deadlines.append(.never)
            shells.append(Shell())
        }
        for number in 0..<2 { stocks.append(StockNode(number: UInt64(number + 1), now: now)) }
        for number in 0..<count {
            begin(number)
            events.put(.connect(node: number), at: now.advanced(milliseconds: 1))
            for plane in 0..<(number == 0 ? 2 : 1) { startPlane(number, "data-\(plane)") }
        }
        if carriesWords { events.put(.mesh, at: now) }
    }

    static func configuration() -> ServerConfiguration {
        SimulatedNode.configuration { $0.ingresses[0].dynamic?.domains = ["gost.local", "x.example"] }
    }

    static func settings(_ number: Int, nameSeconds: UInt64 = ClusterWorld.nameSeconds) -> ClusterSettings {
        var settings = ClusterSettings()
        settings.node = NodeID(name: "node-\(number)")
        settings.expirationSeconds = [nameStore: nameSeconds, entryStore: entrySeconds]
        settings.ingresses = [IngressIndex(0): nameStore]
        settings.discoveries = [ServiceIndex(0): entryStore]
        settings.advertisedHost = "10.0.0.\(number + 1)"
        settings.peering = ClusterSettings.Peering(
            secret: PeerSecret(text: "a secret of the simulated cluster"),
            address: ListenAddress(host: "", port: 8_430), controlPath: "/run/node-\(number)/control.sock")
        return settings
    }

    /// Seconds since 1970.
    var wall: UInt64 { 1_700_000_000 + now.nanoseconds / 1_000_000_000 }

    // MARK: Time

    /// Runs until an instant.
    mutating func run(until end: Tick) {
        var idleTurns = 0
        while true {
            var next = min(events.first, stocks.map(\.renewAt).min() ?? .never)
            var due: Int?
            for number in nodes.indices where isAlive[number] {
                let deadline = deadlines[number]
                if deadline < next {
                    next = deadline
                    due = number
                }
            }
            guard next <= end else { break }
            idleTurns = next > now ? 0 : idleTurns + 1
            if idleTurns >= 10_000 {
                preconditionFailure("a core wants to be called again and again: \(restless(due))")
            }
            now = max(now, next)
            if let due {
                tell(due, .tick)
            } else if events.first <= now, let (_, event) = events.take() {
                happen(event)
            } else {
                for index in stocks.indices where stocks[index].renewAt <= now {
                    let isUp = isRedisUp
                    var absent = FakeRedis()
                    if isUp {
                        stocks[index].renew(redis: &redis, wall: wall, now: now, entries: Self.entries)
                    } else {
                        stocks[index].renew(redis: &absent, wall: wall, now: now, entries: Self.entries)
                    }
                }
                propagate()
            }
        }
        now = end
        redis.expire(now: now)
        propagate()
    }

    mutating func run(milliseconds: UInt64) { run(until: now.advanced(milliseconds: milliseconds)) }

    mutating func latency() -> UInt64 { 200_000 + UInt64(random.below(2_000_000)) }

    func later(_ nanoseconds: UInt64) -> Tick { Tick(nanoseconds: now.nanoseconds + nanoseconds) }

    /// What a core waits for.
    private func restless(_ node: Int?) -> String {
        guard let node else { return "no core" }
        let core = nodes[node].core
        let lanes = core.cluster.lanes.values.map { lane in
            let queues = [
                lane.lateNames.count, lane.lateTunnels.count, lane.news.count, lane.departures.count,
                lane.askedNames.count, lane.askedTunnels.count, lane.changedTunnels.count, lane.touchedNames.count,
                lane.touchedTunnels.count, lane.auditedTunnels.count, lane.sweptNames.count, lane.sweptTunnels.count,
                lane.doubtfulNames.count, lane.doubtfulTunnels.count, lane.lookedLeases.count,
            ]
            return "\(lane.id) \(lane.nextDeadline) \(queues) \(lane.names.nextDeadline) \(lane.tunnels.nextDeadline)"
        }
        return "at \(now): core \(core.nextDeadline), cluster \(core.cluster.nextDeadline), \(lanes)"
    }

    // MARK: Nodes

    /// Tells a core, and takes what it wants of its stores.
    mutating func tell(_ node: Int, _ event: ControlEvent) {
        nodes[node].now = now
        nodes[node].tell(event)
        send(node)
        judgeQuestions(of: node)
    }

    mutating func begin(_ node: Int) {
        tell(node, .wallTime(wall))
    }

    mutating func startPlane(_ node: Int, _ name: String) {
        nodes[node].now = now
        nodes[node].capabilities = [.access, .trust, .cluster]
        if carriesWords { nodes[node].capabilities.insert(.words) }
        nodes[node].start(name)
        send(node)
    }

    /// Puts what a core wants of its stores on their way.
    mutating func send(_ node: Int) {
        carryWords(of: node)
        deadlines[node] = nodes[node].core.nextDeadline
        let batches = nodes[node].batches
        nodes[node].batches = []
        for (store, batch) in batches {
            note(UInt64(node) << 32 | UInt64(batch.commands.count))
            for command in batch.commands {
                for (index, word) in command.words.enumerated() where index != 1 || command.words[0].count != 4 {
                    note(word)
                }
            }
            guard shells[node].isUp else {
                let outcome = StoreOutcome.failed(.notConnected)
                events.put(
                    .answer(node: node, connection: shells[node].connection, store, batch.id, outcome), at: later(1))
                shells[node].underWay[batch.id] = store
                continue
            }
            shells[node].underWay[batch.id] = store
            let arrival = max(shells[node].lastArrival, later(latency() + slowMilliseconds * 1_000_000))
            shells[node].lastArrival = arrival
            let connection = shells[node].connection
            events.put(.execute(node: node, connection: connection, store, batch), at: arrival)
            let deadline = later(UInt64(batch.deadlineMilliseconds) * 1_000_000)
            events.put(
                .answer(node: node, connection: connection, store, batch.id, .failed(.deadline)), at: deadline)
        }
    }

    private mutating func happen(_ event: Event) {
        switch event {
        case .execute(let node, let connection, let store, let batch):
            guard isRedisUp, isAlive[node], shells[node].connection == connection else { return }
            let database = store == Self.nameStore ? Self.names : Self.entries
            let replies = batch.commands.map { redis.execute($0, database: database, now: now) }
            let reply = max(shells[node].lastReply, later(latency()))
            shells[node].lastReply = reply
            events.put(.answer(node: node, connection: connection, store, batch.id, .replies(replies)), at: reply)
            propagate()
        case .answer(let node, let connection, let store, let id, let outcome):
            guard shells[node].connection == connection, shells[node].underWay.removeValue(forKey: id) != nil else {
                return
            }
            tell(node, .store(.answered(store, batch: id, outcome)))
        case .changes(let node, let tracking, let keys):
            guard isAlive[node], shells[node].isTracking, shells[node].tracking == tracking else { return }
            let bytes = keys.map { Array($0.utf8) }
            for store in [Self.nameStore, Self.entryStore] { tell(node, .store(.changed(store, keys: bytes))) }
        case .connect(let node): connect(node)
        case .track(let node):
            guard isAlive[node], isRedisUp, shells[node].isUp, !shells[node].isTracking else { return }
            shells[node].tracking += 1
            shells[node].isTracking = true
            laws.settle(node, at: now.advanced(milliseconds: 2_000))
            laws.settleStores(at: now.advanced(milliseconds: 5_000))
            for store in [Self.nameStore, Self.entryStore] { tell(node, .store(.trackingUp(store))) }
        case .redisReturns:
            isRedisUp = true
            for node in nodes.indices where isAlive[node] {
                events.put(.connect(node: node), at: later(UInt64(random.below(800_000_000))))
            }
        case .quicken:
            slowMilliseconds = 0
            laws.settleAll(at: now.advanced(milliseconds: 5_000))
        case .restart(let node): restart(node)
        case .reconnect(let node, let plane):
            guard isAlive[node], nodes[node].planes[plane].link == nil, !nodes[node].planes[plane].isDead else {
                return
            }
            nodes[node].now = now
            nodes[node].planes[plane].forgetOthers()
            nodes[node].connect(plane)
            send(node)
            laws.settle(node, at: now.advanced(milliseconds: 4_000))
        case .pump(let node): send(node)
        case .mesh: mesh()
        case .words(let from, let to, let telling): bringWords(from, to, telling)
        case .told(let place, let number, let isTaken):
            guard isThere(place) else { return }
            tell(place.node, .received(place.link, .peerTold(number: number, isTaken: isTaken)))
        case .heal(let one, let other): parted.remove([one, other])
        }
    }

    private mutating func connect(_ node: Int) {
        guard isAlive[node], isRedisUp, !shells[node].isUp else { return }
        shells[node].connection += 1
        shells[node].versions += 1
        shells[node].isUp = true
        shells[node].underWay = [:]
        shells[node].lastArrival = now
        shells[node].lastReply = now
        laws.settleAll(at: now.advanced(milliseconds: 5_000))
        for store in [Self.nameStore, Self.entryStore] {
            tell(node, .store(.up(store, version: shells[node].versions)))
        }
        events.put(.track(node: node), at: later(1_000_000 + UInt64(random.below(200_000_000))))
    }

    /// The connection ends, with what was under way.
    mutating func disconnect(_ node: Int, _ failure: StoreFailure = .lost) {
        guard shells[node].isUp else { return }
        let lost = shells[node].underWay.sorted { $0.key < $1.key }
        shells[node].connection += 1
        shells[node].isUp = false
        shells[node].isTracking = false
        shells[node].underWay = [:]
        for store in [Self.nameStore, Self.entryStore] {
            tell(node, .store(.trackingLost(store)))
            tell(node, .store(.down(store, failure)))
        }
        for (id, store) in lost { tell(node, .store(.answered(store, batch: id, .failed(.lost)))) }
    }

    /// What others have to be told of.
    mutating func propagate() {
        let changes = redis.takeChanges()
        guard !changes.isEmpty else { return }
        for node in nodes.indices where isAlive[node] && shells[node].isTracking {
            if let losesChanges, random.below(losesChanges) == 0 { continue }
            events.put(
                .changes(node: node, tracking: shells[node].tracking, changes), at: later(latency()))
        }
    }

    // MARK: The trace

    mutating func note(_ value: UInt64) { trace = (trace ^ value ^ now.nanoseconds) &* 0x100_0000_01B3 }

    mutating func note(_ word: [UInt8]) {
        note(UInt64(word.count))
        for byte in word.prefix(16) { trace = (trace ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
}
