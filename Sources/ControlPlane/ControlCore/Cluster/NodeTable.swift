internal import Model
package import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// The nodes that the candidates refer to, each with an index that stays its own: row 0 is this node, the others are
/// found by their leases and entries. Stock nodes, which have a new id at every start, are told apart by their address.
package struct NodeTable: Sendable {
    /// One other node.
    struct Row: Sendable {
        var node: PlaneNode
        /// Where its lease is held, as last read.
        var leases: [StoreID: NodeLease] = [:]
        /// The last lease of each store, also after it is gone: entries older than its epoch stay void.
        var epochs: [StoreID: UInt64] = [:]
        var heardAt: Tick
        /// Of a stock node: until when its entries say that it is there; `.zero`: they do not.
        var registeredUntil = Tick.zero

        var isRegistered: Bool { registeredUntil != .zero }
    }

    package private(set) var own: PlaneNode
    private(set) var rows: [Row] = []
    private var byID: [NodeID: Int] = [:]
    private var byAddress: [String: Int] = [:]

    init(own: PlaneNode) {
        precondition(own.index == 0)
        self.own = own
    }

    var count: Int { rows.count + 1 }

    /// Every row, this node's first.
    package var all: [PlaneNode] { [own] + rows.map(\.node) }

    /// The row of an index.
    subscript(index: UInt16) -> PlaneNode { index == 0 ? own : rows[Int(index) - 1].node }

    /// The Culvert nodes that are known.
    var known: [NodeID] { rows.filter { $0.node.kind == .culvert }.map(\.node.id) }

    func row(of id: NodeID) -> Row? { byID[id].map { rows[$0] } }

    func stockRow(at address: String) -> PlaneNode? { byAddress[address].map { rows[$0].node } }

    mutating func replaceOwn(_ node: PlaneNode) { own = node }

    /// The row of a Culvert node, new where it was not known; nil when the table is full of nodes that are needed.
    mutating func enter(_ id: NodeID, now: Tick, isNeeded: (UInt16) -> Bool) -> UInt16? {
        if let place = byID[id] { return rows[place].node.index }
        let node = PlaneNode(
            index: 0, id: id, kind: .culvert, epoch: 0, isAlive: false, weight: 1, peers: [], entrypoints: [])
        guard let place = place(node, now: now, isNeeded: isNeeded) else { return nil }
        byID[id] = place
        return rows[place].node.index
    }

    /// The row of a stock node, by its address. It counts as alive from its first young entry on; see `register`.
    mutating func enter(stock address: String, now: Tick, isNeeded: (UInt16) -> Bool) -> UInt16? {
        if let place = byAddress[address] {
            rows[place].heardAt = now
            return rows[place].node.index
        }
        let node = PlaneNode(
            index: 0, id: NodeID(name: "at \(address)"), kind: .stock, epoch: 0, isAlive: false, weight: 1,
            peers: [], entrypoints: [address])
        guard let place = place(node, now: now, isNeeded: isNeeded) else { return nil }
        byAddress[address] = place
        return rows[place].node.index
    }

    /// A stock node's entry says that it is there until an instant; gives whether that is news.
    mutating func register(_ index: UInt16, until end: Tick) -> Bool {
        let place = Int(index) - 1
        precondition(rows[place].node.kind == .stock)
        let isNews = !rows[place].isRegistered
        rows[place].node.isAlive = true
        rows[place].registeredUntil = max(rows[place].registeredUntil, end)
        return isNews
    }

    /// The stock nodes that are there, by their last word.
    var registered: [PlaneNode] { rows.filter(\.isRegistered).map(\.node) }

    /// When the next of them is not believed any more.
    var nextDeparture: Tick { rows.lazy.filter(\.isRegistered).map(\.registeredUntil).min() ?? .never }

    /// Stock nodes that nothing was heard of for too long; they are registered no more.
    mutating func takeDeparted(now: Tick) -> [PlaneNode] {
        var departed: [PlaneNode] = []
        for place in rows.indices where rows[place].isRegistered && rows[place].registeredUntil <= now {
            rows[place].registeredUntil = .zero
            rows[place].node.isAlive = false
            departed.append(rows[place].node)
        }
        return departed
    }

    private mutating func place(_ node: PlaneNode, now: Tick, isNeeded: (UInt16) -> Bool) -> Int? {
        var node = node
        if count < ControlLimit.nodesMax {
            node.index = UInt16(count)
            rows.append(Row(node: node, heardAt: now))
            return rows.count - 1
        }
        let free = rows.indices.filter {
            rows[$0].leases.isEmpty && !rows[$0].isRegistered && !isNeeded(rows[$0].node.index)
        }
        guard let place = free.min(by: { rows[$0].heardAt < rows[$1].heardAt }) else { return nil }
        let before = rows[place].node
        byID[before.id] = nil
        if before.kind == .stock { byAddress[before.entrypoints[0]] = nil }
        node.index = before.index
        rows[place] = Row(node: node, heardAt: now)
        return place
    }

    /// What a store says about a node's lease; gives whether its row is another now.
    mutating func take(_ lease: NodeLease?, of id: NodeID, from store: StoreID, now: Tick) -> Bool {
        guard let place = byID[id] else { return false }
        rows[place].leases[store] = lease
        if let lease {
            rows[place].heardAt = now
            rows[place].epochs[store] = lease.epoch
        }
        let before = rows[place].node
        // The stores of one node say the same, but for the moment in which it changes: the youngest word counts.
        if let youngest = rows[place].leases.values.max(by: { $0.epoch < $1.epoch }) {
            rows[place].node.epoch = youngest.epoch
            rows[place].node.weight = youngest.weight
            rows[place].node.peers = youngest.peers
            rows[place].node.entrypoints = youngest.entrypoints
        }
        rows[place].node.isAlive = !rows[place].leases.isEmpty
        return rows[place].node != before
    }

    /// What a node says of itself, which counts until a store has said something of it; gives whether its row is another
    /// now.
    mutating func take(
        said peers: [PlaneNode.Peer], weight: UInt8, epoch: UInt64, isAlive: Bool, of id: NodeID
    ) -> Bool {
        guard let place = byID[id], rows[place].epochs.isEmpty else { return false }
        let before = rows[place].node
        rows[place].node.epoch = epoch
        rows[place].node.weight = weight
        rows[place].node.peers = peers
        rows[place].node.isAlive = isAlive
        return rows[place].node != before
    }

    /// The oldest epoch of a node whose entries hold, as a store last said.
    func epoch(of id: NodeID, in store: StoreID) -> UInt64 { row(of: id)?.epochs[store] ?? 0 }
}
