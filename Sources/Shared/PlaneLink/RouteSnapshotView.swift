package import Model

/// Why a file is not a routing table that can be used.
package enum RouteSnapshotFault: Error, Equatable, Sendable {
    case tooShort
    case notARoutingTable
    case unknownVersion(UInt32)
    case checksum
    /// A section lies outside of the file or on top of another.
    case sections
}

/// Looks routes up in a mapped `RouteSnapshot`, in place. Trivial: every worker has its own copy; the mapping belongs
/// to the shell and outlives them all.
///
/// The header is believed after `init` checked it. What the index says is checked at every step, so that a damaged
/// file gives wrong answers but never a fault.
package struct RouteSnapshotView: @unchecked Sendable, BitwiseCopyable {
    private let index: UnsafeRawPointer
    private let entries: UnsafeRawPointer
    private let slotMask: UInt64
    private let entriesBytes: UInt64
    private let probeMax: UInt32
    package let seed: UInt64
    /// Of the header: over what its maker chose at random, counts and sizes.
    package let checksum: UInt64
    package let generation: UInt64
    /// Routes in the table.
    package let count: UInt64
    package let depths: WildcardDepths

    /// Bytes that the entries take.
    package var entryBytes: Int { Int(entriesBytes) }

    /// Judges a file before anything is looked up in it; it must stay mapped while the view lives.
    package init(_ file: UnsafeRawBufferPointer) throws(RouteSnapshotFault) {
        guard let base = file.baseAddress, file.count >= RouteSnapshot.headerBytes else { throw .tooShort }
        precondition(UInt(bitPattern: base) % 8 == 0, "a routing table has to be mapped at a multiple of 8")
        func word(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard word(RouteSnapshot.Offset.magic) == RouteSnapshot.magic else { throw .notARoutingTable }
        let version = UInt32(truncatingIfNeeded: word(RouteSnapshot.Offset.version))
        guard version == RouteSnapshot.version else { throw .unknownVersion(version) }
        guard RouteSnapshot.checksum(base) == word(RouteSnapshot.Offset.checksum) else { throw .checksum }

        let indexOffset = word(RouteSnapshot.Offset.indexOffset), slots = word(RouteSnapshot.Offset.indexSlots)
        let entriesOffset = word(RouteSnapshot.Offset.entriesOffset)
        let entriesBytes = word(RouteSnapshot.Offset.entriesBytes)
        let fileBytes = word(RouteSnapshot.Offset.fileBytes)
        let probeMax = UInt32(truncatingIfNeeded: word(RouteSnapshot.Offset.version) >> 32)
        guard fileBytes <= UInt64(file.count), slots > 0, slots & (slots - 1) == 0, slots <= 1 << 32,
            indexOffset == UInt64(RouteSnapshot.headerBytes), entriesOffset == indexOffset + slots * 8,
            entriesBytes <= RouteSnapshot.entriesBytesMax, entriesBytes % 8 == 0,
            entriesOffset <= fileBytes, fileBytes - entriesOffset == entriesBytes,
            UInt64(probeMax) <= slots, word(RouteSnapshot.Offset.count) <= slots
        else { throw .sections }
        index = base + Int(indexOffset)
        entries = base + Int(entriesOffset)
        slotMask = slots - 1
        self.entriesBytes = entriesBytes
        self.probeMax = probeMax
        seed = word(RouteSnapshot.Offset.seed)
        checksum = word(RouteSnapshot.Offset.checksum)
        generation = word(RouteSnapshot.Offset.generation)
        count = word(RouteSnapshot.Offset.count)
        var depths = WildcardDepths()
        depths.low = word(RouteSnapshot.Offset.depthsLow)
        depths.high = word(RouteSnapshot.Offset.depthsHigh)
        self.depths = depths
    }

    /// The route of exactly this key.
    @_noLocks
    package func lookup(_ key: RouteKey) -> Route? { lookup(key, hash: key.hash(seed: seed)) }

    /// The same for a key whose hash by this table's seed is known.
    @_noLocks
    package func lookup(_ key: RouteKey, hash: UInt64) -> Route? {
        var slot = hash & slotMask
        var probes: UInt32 = 0
        while probes < probeMax {
            let value = UInt64(
                littleEndian: index.load(fromByteOffset: Int(truncatingIfNeeded: slot &* 8), as: UInt64.self))
            if value == 0 { return nil }
            if value &>> 32 == hash &>> 32 {
                if let route = entry(at: (value & 0xFFFF_FFFF) &* 8, key) { return route }
            }
            slot = (slot &+ 1) & slotMask
            probes &+= 1
        }
        return nil
    }

    /// The route of the entry that ends its offset at `end`, if it is the key's. Offsets are one unit too large, so
    /// that zero means empty.
    @_noLocks
    private func entry(at end: UInt64, _ key: RouteKey) -> Route? {
        guard end >= 8 else { return nil }
        let offset = end &- 8
        let bytes = UInt64(RouteSnapshot.entryBytes(hostBytes: key.count))
        guard offset <= entriesBytes, entriesBytes &- offset >= bytes else { return nil }
        let entry = entries + Int(truncatingIfNeeded: offset)
        return RouteSnapshot.isEntry(entry, of: key) ? RouteSnapshot.route(entry) : nil
    }

    /// Calls `body` with every entry's ingress, whether it is a wildcard, its name and its route, in the order of the
    /// file; for dumps. Stops at the first damaged entry and says whether it came to the end.
    package func forEach(_ body: (IngressIndex, Bool, UnsafeRawBufferPointer, Route) -> Void) -> Bool {
        var offset: UInt64 = 0
        while offset < entriesBytes {
            guard entriesBytes - offset >= UInt64(RouteSnapshot.entryHeadBytes) else { return false }
            let entry = entries + Int(offset)
            let head = UInt32(littleEndian: entry.load(as: UInt32.self))
            let nameBytes = Int(head >> 24), bytes = UInt64(RouteSnapshot.entryBytes(hostBytes: nameBytes))
            guard nameBytes > 0, entriesBytes - offset >= bytes else { return false }
            let name = UnsafeRawBufferPointer(start: entry + RouteSnapshot.entryHeadBytes, count: nameBytes)
            let isWildcard = UInt8(truncatingIfNeeded: head >> 16) & RouteSnapshot.wildcardFlag != 0
            body(IngressIndex(UInt16(truncatingIfNeeded: head)), isWildcard, name, RouteSnapshot.route(entry))
            offset += bytes
        }
        return true
    }
}
