package import Model

/// Builds a `RouteSnapshot` in memory that the caller provides (a mapped memory file), so that a million routes exist
/// once. The caller knows the number of routes and of entry bytes before it begins; adding more is a broken belief.
package struct RouteSnapshotWriter: ~Copyable {
    private let memory: UnsafeMutableRawBufferPointer
    private let routes: Int
    private let slots: Int
    private let entriesStart: Int
    private let seed: UInt64
    private var nextEntry: Int
    private var count = 0
    private var probeMax: UInt32 = 0
    private var depths = WildcardDepths()

    /// `memory`: zeroed, at least `RouteSnapshot.fileBytes(routes:entriesBytes:)` bytes, aligned to 8. `seed`: kernel
    /// randomness.
    package init(into memory: UnsafeMutableRawBufferPointer, routes: Int, seed: UInt64) {
        precondition(routes >= 0 && routes <= RouteSnapshot.routesMax)
        slots = RouteSnapshot.indexSlots(routes: routes)
        entriesStart = RouteSnapshot.headerBytes + slots * 8
        precondition(memory.count >= entriesStart, "a routing table needs more memory")
        precondition(UInt(bitPattern: memory.baseAddress) % 8 == 0)
        self.memory = memory
        self.routes = routes
        self.seed = seed
        nextEntry = entriesStart
    }

    /// Adds a route; false when the host has one already (the first stays), is empty, longer than 255 bytes, or a
    /// wildcard with more dots than `WildcardDepths.depthMax`.
    package mutating func add(ingress: IngressIndex, host: UnsafeRawBufferPointer, route: Route) -> Bool {
        guard let key = RouteKey(ingress: ingress, host: host) else { return false }
        let hash = key.hash(seed: seed)
        guard case .free(let slot) = place(of: key, hash) else { return false }
        insert(key, hash, at: slot, route)
        return true
    }

    /// The same, but a host that has a route already gets this one instead of it.
    package mutating func set(ingress: IngressIndex, host: UnsafeRawBufferPointer, route: Route) -> Bool {
        guard let key = RouteKey(ingress: ingress, host: host) else { return false }
        let hash = key.hash(seed: seed)
        switch place(of: key, hash) {
        case .free(let slot): insert(key, hash, at: slot, route)
        case .taken(let entry): store(route, of: key, at: entry)
        }
        return true
    }

    /// The same as `add` for an entry of another table, as its view gives it: a wildcard's name without the dot.
    package mutating func add(
        ingress: IngressIndex, isWildcard: Bool, name: UnsafeRawBufferPointer, route: Route
    ) -> Bool {
        guard let start = name.baseAddress, (1...RouteKey.bytesMax).contains(name.count) else { return false }
        let key = RouteKey(ingress: ingress, isWildcard: isWildcard, bytes: start, count: name.count)
        let hash = key.hash(seed: seed)
        guard case .free(let slot) = place(of: key, hash) else { return false }
        insert(key, hash, at: slot, route)
        return true
    }

    /// Whether one more route, whose host has so many bytes, is among those announced.
    package func hasRoom(hostBytes: Int) -> Bool {
        count < routes && nextEntry + RouteSnapshot.entryBytes(hostBytes: hostBytes) <= memory.count
    }

    private mutating func insert(_ key: RouteKey, _ hash: UInt64, at slot: Int, _ route: Route) {
        precondition(count < routes, "more routes than announced")
        let entry = nextEntry
        nextEntry += RouteSnapshot.entryBytes(hostBytes: key.count)
        precondition(nextEntry <= memory.count, "more bytes of hosts than announced")
        memory.storeBytes(of: key.ingress.rawValue.littleEndian, toByteOffset: entry, as: UInt16.self)
        memory[entry + 3] = UInt8(key.count)
        store(route, of: key, at: entry)
        (memory.baseAddress! + entry + RouteSnapshot.entryHeadBytes).copyMemory(from: key.bytes, byteCount: key.count)

        let unit = UInt64((entry - entriesStart) / 8 + 1)
        let value = unit | hash & 0xFFFF_FFFF_0000_0000
        memory.storeBytes(
            of: value.littleEndian, toByteOffset: RouteSnapshot.headerBytes + slot * 8, as: UInt64.self)
        if key.isWildcard { depths.insert(RouteKey.dots(key.bytes, key.count)) }
        count += 1
    }

    private func store(_ route: Route, of key: RouteKey, at entry: Int) {
        memory[entry + 2] =
            (route.isPrivate ? RouteSnapshot.privateFlag : 0) | (key.isWildcard ? RouteSnapshot.wildcardFlag : 0)
        memory.storeBytes(of: route.tunnel.high.littleEndian, toByteOffset: entry + 8, as: UInt64.self)
        memory.storeBytes(of: route.tunnel.low.littleEndian, toByteOffset: entry + 16, as: UInt64.self)
    }

    /// Writes the header and gives the number of bytes of the file. Nothing may be added afterwards.
    package consuming func finish(generation: UInt64) -> Int {
        func store(_ value: UInt64, _ offset: Int) {
            memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
        }
        precondition(UInt64(nextEntry - entriesStart) <= RouteSnapshot.entriesBytesMax)
        store(RouteSnapshot.magic, RouteSnapshot.Offset.magic)
        store(UInt64(RouteSnapshot.version) | UInt64(probeMax) << 32, RouteSnapshot.Offset.version)
        store(generation, RouteSnapshot.Offset.generation)
        store(UInt64(count), RouteSnapshot.Offset.count)
        store(UInt64(RouteSnapshot.headerBytes), RouteSnapshot.Offset.indexOffset)
        store(UInt64(slots), RouteSnapshot.Offset.indexSlots)
        store(UInt64(entriesStart), RouteSnapshot.Offset.entriesOffset)
        store(UInt64(nextEntry - entriesStart), RouteSnapshot.Offset.entriesBytes)
        store(seed, RouteSnapshot.Offset.seed)
        store(UInt64(nextEntry), RouteSnapshot.Offset.fileBytes)
        store(depths.low, RouteSnapshot.Offset.depthsLow)
        store(depths.high, RouteSnapshot.Offset.depthsHigh)
        store(RouteSnapshot.checksum(memory.baseAddress!), RouteSnapshot.Offset.checksum)
        return nextEntry
    }

    /// Where a key belongs.
    private enum Place {
        /// In this empty slot.
        case free(slot: Int)
        /// It has an entry, at this offset.
        case taken(entry: Int)
    }

    private mutating func place(of key: RouteKey, _ hash: UInt64) -> Place {
        var slot = Int(truncatingIfNeeded: hash) & (slots - 1)
        var probes: UInt32 = 1
        while true {
            let value = UInt64(
                littleEndian: memory.load(
                    fromByteOffset: RouteSnapshot.headerBytes + slot * 8, as: UInt64.self))
            if value == 0 {
                probeMax = max(probeMax, probes)
                return .free(slot: slot)
            }
            let entry = entriesStart + (Int(value & 0xFFFF_FFFF) - 1) * 8
            let entryBytes = UnsafeRawPointer(memory.baseAddress! + entry)
            if value >> 32 == hash >> 32, RouteSnapshot.isEntry(entryBytes, of: key) {
                return .taken(entry: entry)
            }
            slot = (slot + 1) & (slots - 1)
            probes += 1
        }
    }
}
