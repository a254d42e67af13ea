package import Model
private import Primitives

/// The changes since the last table of claims: a fixed open-addressed table of hosts that shadows it. An entry says "this
/// route" or, as a tombstone, "nobody claims it, whatever the table says"; the fixed rules are not shadowed by that.
///
/// One writer; trivial memory, taken once. A full overlay refuses changes: the control plane sends a new table well
/// before (`RouteOverlay.foldAt`).
package struct RouteOverlay: ~Copyable {
    /// What an overlay knows about a key.
    package enum Answer: Equatable, Sendable {
        case route(Route)
        /// The host lost the route that it had; only a fixed rule may still give it one.
        case none
        /// Look into the tables.
        case unknown
    }

    // Not private: 6.3 emits broken code for a private type that a generic member of a noncopyable struct holds.
    struct Entry: BitwiseCopyable {
        var hash: UInt64 = 0
        var tunnel = TunnelID.zero
        var ingress: UInt16 = 0
        /// 0: the slot is empty.
        var count: UInt8 = 0
        var isWildcard = false
        var isRoute = false
        var isPrivate = false
        var host = InlineArray<255, UInt8>(repeating: 0)
    }

    /// Hosts that may differ from the table.
    package static let capacityStandard = 8_192
    /// Number of changes since the last table at which the control plane sends a new one.
    package static let foldAt = 4_096

    /// Slots of an overlay for `capacity` keys.
    package static func slots(capacity: Int) -> Int {
        var slots = 16
        while slots < capacity * 2 { slots *= 2 }
        return slots
    }

    /// Bytes of one slot.
    package static var bytesPerSlot: Int { MemoryLayout<Entry>.stride }

    private let table: ZeroedTable<Entry>
    private var entries: UnsafeMutablePointer<Entry> { @_noLocks get { table.elements } }
    private let slotMask: Int
    package let capacity: Int
    package let seed: UInt64
    /// Keys that shadow the table.
    package private(set) var count = 0
    /// Depths of the wildcard keys that were ever set since `removeAll`.
    package private(set) var depths = WildcardDepths()

    /// `capacity` keys, in two to four times as many slots of 288 bytes. `seed`: kernel randomness.
    package init(capacity: Int = RouteOverlay.capacityStandard, seed: UInt64) {
        precondition(capacity > 0 && capacity <= 1 << 20)
        precondition(MemoryLayout<Entry>.offset(of: \.host) == RouteOverlay.hostOffset)
        let slots = RouteOverlay.slots(capacity: capacity)
        self.capacity = capacity
        self.seed = seed
        slotMask = slots - 1
        // A slot of zero bytes is empty.
        table = ZeroedTable(count: slots)
    }

    /// Forgets everything: a new table has it.
    package mutating func removeAll() {
        guard count > 0 else { return }
        for slot in 0...slotMask where entries[slot].count != 0 { entries[slot].count = 0 }
        count = 0
        depths = WildcardDepths()
    }

    /// Sets the key's route, or a tombstone for nil. False when the overlay is full or the key impossible (empty,
    /// longer than 255 bytes, more dots than a wildcard may have): nothing was changed.
    package mutating func set(ingress: IngressIndex, host: UnsafeRawBufferPointer, route: Route?) -> Bool {
        guard let key = RouteKey(ingress: ingress, host: host) else { return false }
        let hash = key.hash(seed: seed)
        let slot = find(key, hash)
        if entries[slot].count == 0 {
            guard count < capacity else { return false }
            count += 1
            entries[slot].hash = hash
            entries[slot].ingress = ingress.rawValue
            entries[slot].count = UInt8(key.count)
            entries[slot].isWildcard = key.isWildcard
            for index in 0..<key.count {
                entries[slot].host[index] = key.bytes.load(fromByteOffset: index, as: UInt8.self)
            }
        }
        entries[slot].tunnel = route?.tunnel ?? .zero
        entries[slot].isRoute = route != nil
        entries[slot].isPrivate = route?.isPrivate ?? false
        if key.isWildcard { depths.insert(RouteKey.dots(key.bytes, key.count)) }
        return true
    }

    /// Nobody claims the key any more, whatever the table says. False as for `set`.
    package mutating func remove(ingress: IngressIndex, host: UnsafeRawBufferPointer) -> Bool {
        set(ingress: ingress, host: host, route: nil)
    }

    /// What is known about exactly this key.
    @_noLocks
    package borrowing func lookup(_ key: RouteKey) -> Answer {
        guard count > 0 else { return .unknown }
        let slot = find(key, key.hash(seed: seed))
        guard entries[slot].count != 0 else { return .unknown }
        guard entries[slot].isRoute else { return .none }
        return .route(Route(tunnel: entries[slot].tunnel, isPrivate: entries[slot].isPrivate))
    }

    /// Calls `body` with every key's ingress, whether it is a wildcard, its name and its route or tombstone; for
    /// dumps.
    package borrowing func forEach(_ body: (IngressIndex, Bool, UnsafeRawBufferPointer, Route?) -> Void) {
        for slot in 0...slotMask where entries[slot].count != 0 {
            let route = Route(tunnel: entries[slot].tunnel, isPrivate: entries[slot].isPrivate)
            let name = UnsafeRawBufferPointer(start: hostBytes(slot), count: Int(entries[slot].count))
            body(
                IngressIndex(entries[slot].ingress), entries[slot].isWildcard, name,
                entries[slot].isRoute ? route : nil)
        }
    }

    /// The slot of the key, or the empty one where it belongs. There always is one: at most half are taken.
    @_noLocks
    private borrowing func find(_ key: RouteKey, _ hash: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: hash) & slotMask
        while entries[slot].count != 0 {
            if entries[slot].hash == hash, entries[slot].ingress == key.ingress.rawValue,
                entries[slot].isWildcard == key.isWildcard, Int(entries[slot].count) == key.count,
                key.hasName(hostBytes(slot))
            {
                return slot
            }
            slot = (slot &+ 1) & slotMask
        }
        return slot
    }

    /// The name of a slot, in place.
    @_noLocks
    private borrowing func hostBytes(_ slot: Int) -> UnsafeRawPointer {
        UnsafeRawPointer(entries + slot) + RouteOverlay.hostOffset
    }

    /// Where the name stands in an entry; `init` checks it against the layout.
    private static var hostOffset: Int { @_noLocks get { 30 } }
}
