import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// One data plane that has connectors of a tunnel, as workers choose among them.
struct RemoteCandidate: BitwiseCopyable, Equatable {
    var peer: UInt16
    /// Sum of the weights of its connectors there.
    var weight: UInt16
    var isUDP: Bool
    var standing: Candidate.Standing
}

/// Where else a tunnel has connectors: what travels from worker 0 to the others.
struct RemoteEntry: BitwiseCopyable {
    /// Candidates of a tunnel that workers keep, the best; beyond, nobody would ever come to them.
    static var candidatesMax: Int { 8 }

    var tunnel: TunnelID
    /// Which connection to the control plane said so; of an earlier one it holds until it is asked for again.
    var connection: UInt32
    var count: UInt8 = 0
    var candidates = InlineArray<8, RemoteCandidate>(
        repeating: RemoteCandidate(peer: 0, weight: 1, isUDP: false, standing: .lastResort))

    init(tunnel: TunnelID, connection: UInt32) {
        self.tunnel = tunnel
        self.connection = connection
    }

    /// Whether a peer is among the candidates.
    func names(_ peer: UInt16) -> Bool {
        for place in 0..<Int(count) where candidates[place].peer == peer { return true }
        return false
    }

    /// Adds one behind the others, as long as there is room.
    mutating func add(_ candidate: RemoteCandidate) {
        guard Int(count) < RemoteEntry.candidatesMax else { return }
        candidates[Int(count)] = candidate
        count += 1
    }
}

/// Tunnel → the other data planes that have it: each worker keeps a copy of what the control plane told, bounded; where
/// it is full, the entry that was looked at longest ago among a few makes room.
struct RemoteDirectory: ~Copyable {
    struct Entry: BitwiseCopyable {
        var remote: RemoteEntry
        var lastUsed: Tick
    }

    private var entries: Slab<Entry>
    private var index: IndexTable
    private var nextVictim: UInt32 = 0

    /// Entries among which one is chosen to make room.
    private static var victimsLooked: UInt32 { 8 }

    static var bytesPerTunnel: Int { Slab<Entry>.bytesPerSlot }

    init(capacity: Int) {
        entries = Slab(capacity: capacity)
        index = IndexTable(capacity: capacity)
    }

    var count: Int { Int(entries.count) }

    /// What is known of a tunnel; nil: nothing.
    mutating func find(_ tunnel: TunnelID, now: Tick) -> RemoteEntry? {
        guard let slot = slot(of: tunnel) else { return nil }
        entries[slot].pointee.lastUsed = now
        return entries[slot].pointee.remote
    }

    /// Replaces what was known of a tunnel.
    mutating func set(_ remote: RemoteEntry, now: Tick, max: Int) {
        if let slot = slot(of: remote.tunnel) {
            entries[slot].pointee.remote = remote
            return
        }
        if entries.count >= max { makeRoom() }
        guard let slot = entries.take(Entry(remote: remote, lastUsed: now)) else { return }
        let isIndexed = index.insert(key(remote.tunnel), slot)
        precondition(isIndexed)
    }

    private mutating func makeRoom() {
        var victim: UInt32?
        for _ in 0..<RemoteDirectory.victimsLooked {
            nextVictim = (nextVictim + 1) % entries.end
            guard entries.isLive(nextVictim) else { continue }
            if let known = victim, entries[known].pointee.lastUsed <= entries[nextVictim].pointee.lastUsed { continue }
            victim = nextVictim
        }
        guard let victim else { return }
        let isRemoved = index.remove(key(entries[victim].pointee.remote.tunnel), victim)
        precondition(isRemoved)
        entries.give(victim)
    }

    private func key(_ id: TunnelID) -> UInt64 { id.high ^ (id.low &* 0x9E37_79B9_7F4A_7C15) }

    private func slot(of tunnel: TunnelID) -> UInt32? {
        let key = key(tunnel)
        var cell = index.cursor(key)
        while let slot = index.next(key, &cell) {
            if entries[slot].pointee.remote.tunnel == tunnel { return slot }
        }
        return nil
    }
}
