internal import Model
internal import PlaneLink
internal import Primitives

/// What this node's control plane tells those of other nodes, and what they have told it: which connectors and names a
/// node has, over the peer links of the data planes. So a tunnel that was bound while the stores are away is known
/// everywhere, and one that was bound while they are there, a moment sooner. State only; the decisions stand in
/// `ControlCore+Telling` and `ControlCore+Hearing`.
struct Words: Sendable {
    /// How another node is told: by this data plane of ours, to that one of its.
    struct Way: Hashable, Sendable {
        var link: LinkID
        var plane: String
    }

    /// The ways to each node, as our data planes say them, in an order of their own.
    private(set) var ways: [NodeID: [Way]] = [:]
    var telling: [NodeID: WordsTelling] = [:]
    var heard: [NodeID: WordsHeard] = [:]
    /// Which node is told under a number of the plane link.
    var underWay: [UInt64: NodeID] = [:]
    var nextNumber: UInt64 = 1
    /// Lists are numbered for all nodes together: a later one has a higher number, whatever was forgotten meanwhile.
    var nextList: UInt32 = 1
    /// Where others were last told that our data planes are reached.
    var saidPeers: [PlaneNode.Peer] = []
    /// When a data plane first said that there is a way.
    var firstWayAt: Tick?
    /// Something has come to be said.
    var isTouched = false
    /// When something is due that waits for nothing but time.
    var nextDeadline = Tick.never

    init() {}

    /// Whether one of our data planes is linked with one of the node's.
    func isLinked(_ node: NodeID) -> Bool { ways[node] != nil }

    /// The nodes that were heard, in an order of their own.
    var heardNodes: [NodeID] { inOrder(heard.keys) }
    var toldNodes: [NodeID] { inOrder(telling.keys) }

    private func inOrder(_ nodes: some Sequence<NodeID>) -> [NodeID] {
        nodes.sorted()
    }

    mutating func add(_ way: Way, to node: NodeID) {
        var known = ways[node] ?? []
        guard !known.contains(way) else { return }
        known.append(way)
        known.sort { ($0.link.rawValue, $0.plane) < ($1.link.rawValue, $1.plane) }
        ways[node] = known
    }

    mutating func remove(_ way: Way, to node: NodeID) {
        ways[node]?.removeAll { $0 == way }
        if ways[node]?.isEmpty == true { ways[node] = nil }
    }

    /// The nodes that a data plane of ours has a way to.
    func nodes(over link: LinkID) -> [NodeID] { inOrder(ways.filter { $0.value.contains { $0.link == link } }.keys) }

    /// Something of this node has changed: everybody is to hear of it.
    mutating func touch(_ subject: WordsTelling.Subject) {
        guard !telling.isEmpty else { return }
        // Not over the keys themselves, which would hold what is changed, and have it copied.
        for node in Array(telling.keys) { telling[node]?.append(subject) }
        isTouched = true
    }

    // MARK: What others have said

    var tunnelCount: Int { heard.values.reduce(0) { $0 + $1.tunnels.count } }
    var connectorCount: Int { heard.values.reduce(0) { $0 + $1.connectorCount } }
    var nameCount: Int { heard.values.reduce(0) { $0 + $1.names.count } }

    /// Whether some node said that it has the tunnel.
    func isSaid(_ tunnel: TunnelID) -> Bool { heard.values.contains { $0.tunnels[tunnel] != nil } }

    /// Whose a name is, as another node has said; `onlyLinked`: one that we are linked with.
    func route(of name: NameID, onlyLinked: Bool) -> Route? {
        guard !heard.isEmpty else { return nil }
        for wantsLink in onlyLinked ? [true] : [true, false] {
            for node in heardNodes where isLinked(node) == wantsLink {
                if let said = heard[node]?.names[name] { return said.route }
            }
        }
        return nil
    }
}

/// What one node is told: its list, from the beginning where that is wanted, and what has changed since.
///
/// A chunk is told until it is known to have been taken; then comes the next. So they come in their order, none is missing,
/// and one that comes twice is recognised by its number.
struct WordsTelling: Sendable {
    /// What is said something about; what is said is how it is at that moment.
    enum Subject: Hashable, Sendable {
        case tunnel(TunnelID)
        case name(NameID)
        case node
    }

    /// A chunk on its way.
    struct Sent: Sendable {
        var number: UInt64
        var way: Words.Way
        var deadline: Tick
    }

    var list: UInt32 = 0
    /// Of the next chunk.
    var number: UInt32 = 0
    /// The list has to begin, because it never has or was asked for again.
    var owesList = true
    /// Since when the present list is told.
    var beganAt = Tick.zero
    /// The rest of the list, the next one last.
    var rest: [Subject] = []
    /// Not yet said that the list is over.
    var owesEnd = false
    /// To be said that we do not have the other's list, and when that was said last.
    var asksAgain = false
    var askedAt: Tick?
    private(set) var changed = UniqueQueue<Subject>()
    /// What found no room in the last chunk.
    var leftOver: Subject?
    /// The chunk that has to be taken before the next is made.
    var chunk: [UInt8]?
    var sent: Sent?
    /// Failures since the last chunk that was taken.
    var failures = 0
    var retryAt = Tick.zero
    /// Since when there is no way.
    var unlinkedSince: Tick?

    init() {}

    /// Notes that a subject has changed. What nobody could be told for so long that too much waits is a list of its own.
    mutating func append(_ subject: Subject) {
        guard !owesList else { return }
        changed.append(subject)
        if changed.count > ControlLimit.wordsWaitingMax { beginAnew() }
    }

    /// Everything is said once more.
    mutating func beginAnew() {
        owesList = true
        rest = []
        changed = UniqueQueue()
        leftOver = nil
    }

    /// What is said next: changes before the rest of the list.
    mutating func next() -> Subject? {
        if let subject = leftOver {
            leftOver = nil
            return subject
        }
        return changed.take(1).first ?? rest.popLast()
    }

    var hasMore: Bool { leftOver != nil || !changed.isEmpty || !rest.isEmpty }
}

/// What one node has said of itself.
struct WordsHeard: Sendable {
    struct Tunnel: Equatable, Sendable {
        var connectors: [PeerWords.Connector]
        /// The list that it was said in.
        var said: UInt64
    }

    struct Name: Equatable, Sendable {
        var route: Route
        var said: UInt64
    }

    var epoch: UInt64 = 0
    var list: UInt32 = 0
    /// Of the chunk that comes next.
    var next: UInt32 = 0
    /// Nothing of the list is missing so far.
    var isInOrder = false
    /// Counts the lists that began, of whatever epoch.
    var lists: UInt64 = 0
    private(set) var tunnels: [TunnelID: Tunnel] = [:]
    /// Of all its tunnels.
    private(set) var connectorCount = 0
    var names: [NameID: Name] = [:]
    /// The data plane that brought the last chunk.
    var over: LinkID?
    /// Since when there is no link with the node.
    var unlinkedSince: Tick?

    init() {}

    /// Notes what a tunnel's connectors are; none: it has no more. Gives those before.
    mutating func say(_ connectors: [PeerWords.Connector], of tunnel: TunnelID) -> [PeerWords.Connector] {
        let before = tunnels.removeValue(forKey: tunnel)?.connectors ?? []
        if !connectors.isEmpty { tunnels[tunnel] = Tunnel(connectors: connectors, said: lists) }
        connectorCount += connectors.count - before.count
        return before
    }

    /// What a chunk is to what was heard before.
    enum Place { case inOrder, known, missed }

    /// Takes a chunk's numbers.
    mutating func place(_ words: PeerWords) -> Place {
        if words.epoch < epoch || (words.epoch == epoch && words.list < list) { return .known }
        if words.epoch == epoch, words.list == list, lists > 0 {
            guard isInOrder, words.number <= next else {
                isInOrder = false
                return .missed
            }
            if words.number < next { return .known }
        } else {
            guard words.number == 0 else {
                isInOrder = false
                return .missed
            }
            epoch = words.epoch
            list = words.list
            lists += 1
            isInOrder = true
        }
        next = words.number + 1
        return .inOrder
    }
}
