package import Model
import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// One live connector as every worker of the data plane knows it: where it is, and how it is chosen.
package struct ConnectorEntry: BitwiseCopyable {
    package var connector: ConnectorID
    package var tunnel: UInt32 = .max
    package var worker: UInt8
    package var isUDP: Bool
    /// 0 counts as 1; 255 takes over from all others.
    package var weight: UInt8
    package var service: ServiceIndex
    /// Slot and generation of the link on its worker.
    package var link: UInt32
    package var linkGeneration: UInt32
    package var next: UInt32 = .max

    /// A connector where it lives: worker, link, and the link's generation.
    package init(
        connector: ConnectorID, worker: Int, isUDP: Bool, weight: UInt8, service: ServiceIndex, link: UInt32,
        linkGeneration: UInt32
    ) {
        self.connector = connector
        self.worker = UInt8(worker)
        self.isUDP = isUDP
        self.weight = weight
        self.service = service
        self.link = link
        self.linkGeneration = linkGeneration
    }
}

/// Tunnel → its connectors on this data plane: each worker keeps a whole copy, changed by messages, so that choosing
/// needs no lock.
package struct Directory: ~Copyable {
    // Not private: 6.3 emits broken code for a private type that a generic member of a noncopyable struct holds.
    struct Tunnel: BitwiseCopyable {
        var id: TunnelID
        var first: UInt32
        var last: UInt32
        var count: UInt32
    }

    /// Bytes that a tunnel and a connector take, beside their places in the indexes.
    static var bytesPerTunnel: Int { Slab<Tunnel>.bytesPerSlot }
    static var bytesPerConnector: Int { Slab<ConnectorEntry>.bytesPerSlot }

    private var tunnels: Slab<Tunnel>
    private var entries: Slab<ConnectorEntry>
    private var tunnelIndex: IndexTable
    private var connectorIndex: IndexTable
    /// Limits of the moment, at most the room there is.
    private var tunnelsMax: UInt32
    private var connectorsPerTunnelMax: UInt32

    /// An empty directory with room for so many; it never grows.
    package init(tunnelsMax: Int, connectorsMax: Int, connectorsPerTunnelMax: Int) {
        tunnels = Slab(capacity: tunnelsMax)
        entries = Slab(capacity: connectorsMax)
        tunnelIndex = IndexTable(capacity: tunnelsMax)
        connectorIndex = IndexTable(capacity: connectorsMax)
        self.tunnelsMax = UInt32(tunnelsMax)
        self.connectorsPerTunnelMax = UInt32(connectorsPerTunnelMax)
    }

    /// Limits from now on; what is there already stays.
    package mutating func limit(tunnelsMax: Int, connectorsPerTunnelMax: Int) {
        self.tunnelsMax = UInt32(tunnelsMax)
        self.connectorsPerTunnelMax = UInt32(connectorsPerTunnelMax)
    }

    package var connectorCount: Int { Int(entries.count) }
    package var tunnelCount: Int { Int(tunnels.count) }

    /// What became of a connector that was to be added.
    package enum Addition: Equatable { case added, tunnelsFull, connectorsFull }

    /// Adds a connector; a connector that stands in it already is left as it is.
    package mutating func add(_ entry: ConnectorEntry, to tunnel: TunnelID) -> Addition {
        if find(entry.connector) != nil { return .added }
        let slot: UInt32
        if let known = find(tunnel) {
            slot = known
        } else {
            guard tunnels.count < tunnelsMax,
                let fresh = tunnels.take(Tunnel(id: tunnel, first: .max, last: .max, count: 0))
            else { return .tunnelsFull }
            slot = fresh
            let isIndexed = tunnelIndex.insert(key(tunnel), slot)
            precondition(isIndexed)
        }
        var entry = entry
        entry.tunnel = slot
        guard tunnels[slot].pointee.count < connectorsPerTunnelMax, let taken = entries.take(entry) else {
            dropIfEmpty(slot)
            return .connectorsFull
        }
        let isIndexed = connectorIndex.insert(key(entry.connector), taken)
        precondition(isIndexed)
        if tunnels[slot].pointee.last == .max {
            tunnels[slot].pointee.first = taken
        } else {
            entries[tunnels[slot].pointee.last].pointee.next = taken
        }
        tunnels[slot].pointee.last = taken
        tunnels[slot].pointee.count += 1
        return .added
    }

    /// Removes a connector; false when it is not known.
    package mutating func remove(_ connector: ConnectorID) -> Bool {
        guard let slot = find(connector) else { return false }
        let entry = entries[slot].pointee
        var previous: UInt32 = .max
        var cursor = tunnels[entry.tunnel].pointee.first
        while cursor != slot {
            previous = cursor
            cursor = entries[cursor].pointee.next
        }
        if previous == .max {
            tunnels[entry.tunnel].pointee.first = entry.next
        } else {
            entries[previous].pointee.next = entry.next
        }
        if tunnels[entry.tunnel].pointee.last == slot { tunnels[entry.tunnel].pointee.last = previous }
        tunnels[entry.tunnel].pointee.count -= 1
        let isRemoved = connectorIndex.remove(key(connector), slot)
        precondition(isRemoved)
        entries.give(slot)
        dropIfEmpty(entry.tunnel)
        return true
    }

    /// What to keep to when choosing.
    package struct Wish: BitwiseCopyable {
        package var isUDP = false
        /// A connector that just failed this request.
        package var avoiding = ConnectorID.zero
        /// Only connectors of this worker.
        package var onlyWorker: Int?
        /// Connectors of this worker before all others, as far as their weights allow.
        package var preferredWorker: Int?

        @_noLocks
        package init() {}
    }

    /// A connector of `tunnel`, at random by weight; only those of weight 255 when there is one. nil: none fits.
    /// (Protocol tunnel-server §5; unlike there, a UDP connector never serves a TCP visitor.)
    @_noLocks
    package func choose(_ tunnel: TunnelID, _ wish: Wish, _ random: inout Random) -> ConnectorEntry? {
        guard let slot = find(tunnel) else { return nil }
        var sum: UInt32 = 0
        var preferredSum: UInt32 = 0
        var hasExclusive = false
        var cursor = tunnels[slot].pointee.first
        while cursor != .max {
            let entry = entries[cursor].pointee
            if fits(entry, wish) {
                if entry.weight == 255, !hasExclusive {
                    hasExclusive = true
                    sum = 0
                    preferredSum = 0
                }
                if !hasExclusive || entry.weight == 255 {
                    sum += UInt32(max(entry.weight, 1))
                    if isPreferred(entry, wish) { preferredSum += UInt32(max(entry.weight, 1)) }
                }
            }
            cursor = entry.next
        }
        let prefers = preferredSum > 0
        if prefers { sum = preferredSum }
        guard sum > 0 else { return nil }
        var rest = random.below(sum)
        cursor = tunnels[slot].pointee.first
        while cursor != .max {
            let entry = entries[cursor].pointee
            cursor = entry.next
            guard fits(entry, wish), !hasExclusive || entry.weight == 255, !prefers || isPreferred(entry, wish) else {
                continue
            }
            let weight = UInt32(max(entry.weight, 1))
            if rest < weight { return entry }
            rest -= weight
        }
        preconditionFailure("a weight was counted and not found")
    }

    /// Whether the tunnel has a connector of this kind here, whether or not it can take a visitor now.
    @_noLocks
    package func isKnown(_ tunnel: TunnelID, isUDP: Bool) -> Bool {
        guard let slot = find(tunnel) else { return false }
        var cursor = tunnels[slot].pointee.first
        while cursor != .max {
            if entries[cursor].pointee.isUDP == isUDP { return true }
            cursor = entries[cursor].pointee.next
        }
        return false
    }

    /// Calls `body` for every connector; for inventories and dumps.
    package func forEach(_ body: (TunnelID, ConnectorEntry) -> Void) {
        var slot: UInt32 = 0
        while slot < entries.end {
            if entries.isLive(slot) {
                let entry = entries[slot].pointee
                body(tunnels[entry.tunnel].pointee.id, entry)
            }
            slot += 1
        }
    }

    @_noLocks
    private func isPreferred(_ entry: ConnectorEntry, _ wish: Wish) -> Bool {
        guard let worker = wish.preferredWorker else { return false }
        return Int(entry.worker) == worker
    }

    @_noLocks
    private func fits(_ entry: ConnectorEntry, _ wish: Wish) -> Bool {
        guard entry.isUDP == wish.isUDP, entry.connector != wish.avoiding else { return false }
        if let worker = wish.onlyWorker { return Int(entry.worker) == worker }
        return true
    }

    private mutating func dropIfEmpty(_ slot: UInt32) {
        guard tunnels[slot].pointee.count == 0 else { return }
        let isRemoved = tunnelIndex.remove(key(tunnels[slot].pointee.id), slot)
        precondition(isRemoved)
        tunnels.give(slot)
    }

    private func key(_ id: some Identity) -> UInt64 { (id.high ^ (id.low &* 0x9E37_79B9_7F4A_7C15)) }

    @_noLocks
    private func find(_ tunnel: TunnelID) -> UInt32? {
        let key = key(tunnel)
        var cell = tunnelIndex.cursor(key)
        while let slot = tunnelIndex.next(key, &cell) {
            if tunnels[slot].pointee.id == tunnel { return slot }
        }
        return nil
    }

    @_noLocks
    private func find(_ connector: ConnectorID) -> UInt32? {
        let key = key(connector)
        var cell = connectorIndex.cursor(key)
        while let slot = connectorIndex.next(key, &cell) {
            if entries[slot].pointee.connector == connector { return slot }
        }
        return nil
    }
}
