internal import CLiburing
internal import CLinux

/// The rings of provided buffers of one shell.
struct ProvidedRings: ~Copyable {
    var streams: ProvidedRing
    /// Where no datagrams are received, there is none.
    var datagrams: ProvidedRing?

    init(
        _ ring: UnsafeMutablePointer<io_uring>, _ configuration: ShellConfiguration
    ) throws(ShellFault) {
        let streams = try ProvidedRing(ring, geometry: configuration.buffers, group: ProvidedRing.group)
        if let geometry = configuration.datagramBuffers {
            let made = try ProvidedRing(ring, geometry: geometry, group: ProvidedRing.datagramGroup)
            datagrams = consume made
        } else {
            datagrams = nil
        }
        self.streams = streams
    }

    /// Before the kernel is entered.
    @_noLocks
    mutating func publish() {
        streams.publish()
        datagrams?.publish()
    }
}

/// A ring of provided buffers that the kernel receives into: one for streams, one for datagrams.
struct ProvidedRing: ~Copyable {
    /// The kernel's numbers of the two.
    static var group: UInt16 { @_noLocks get { 0 } }
    static var datagramGroup: UInt16 { @_noLocks get { 1 } }

    private let cells: ZeroedSlab<io_uring_buf>
    private let mask: Int32
    private let geometry: BufferGeometry
    /// By buffer, its place in the ring: where the kernel fills several at once it names the first only.
    private let places: ZeroedSlab<UInt16>
    private var tail: UInt16 = 0
    /// Written to the ring, not yet visible to the kernel.
    private var unpublished: Int32 = 0
    /// Buffers the kernel has.
    private(set) var count: UInt32 = 0

    init(_ ring: UnsafeMutablePointer<io_uring>, geometry: BufferGeometry, group: UInt16) throws(ShellFault) {
        var entries: UInt32 = 1
        while entries < geometry.count { entries *= 2 }
        guard let cells = ZeroedSlab<io_uring_buf>(count: Int(entries)),
            let places = ZeroedSlab<UInt16>(count: Int(geometry.count))
        else { throw ShellFault(call: .memory, error: ENOMEM) }
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: cells.cells))
        registration.ring_entries = entries
        registration.bgid = group
        let registered = io_uring_register_buf_ring(ring, &registration, 0)
        guard registered == 0 else { throw ShellFault(call: .registerBuffers, error: -registered) }
        self.cells = cells
        self.places = places
        self.geometry = geometry
        mask = Int32(entries) - 1
    }

    private var shared: UnsafeMutablePointer<io_uring_buf_ring> {
        @_noLocks get { UnsafeMutableRawPointer(cells.cells).assumingMemoryBound(to: io_uring_buf_ring.self) }
    }

    /// Where the kernel writes into buffer `id`.
    @_noLocks
    func address(of id: UInt32) -> UInt { geometry.payloadAddress(of: id) }

    @_noLocks
    mutating func provide(_ id: UInt32) {
        precondition(count < geometry.count, "a buffer was provided twice")
        let start = UnsafeMutableRawPointer(bitPattern: geometry.payloadAddress(of: id))
        culvert_buffer_add(shared, start, geometry.payloadBytes, UInt16(id), mask, unpublished)
        places.cells[Int(id)] = tail
        tail &+= 1
        unpublished += 1
        count += 1
    }

    /// Room in each buffer.
    var payloadBytes: UInt32 { @_noLocks get { geometry.payloadBytes } }

    /// The buffer that the kernel fills after buffer `id`.
    @_noLocks
    func following(_ id: UInt32) -> UInt32 {
        precondition(id < geometry.count)
        let place = Int32(places.cells[Int(id)] &+ 1) & mask
        return UInt32(cells.cells[Int(place)].bid)
    }

    /// Before the kernel is entered.
    @_noLocks
    mutating func publish() {
        guard unpublished > 0 else { return }
        culvert_buffer_publish(shared, unpublished)
        unpublished = 0
    }

    /// The kernel gave one back, filled.
    @_noLocks
    mutating func took() {
        precondition(count > 0)
        count -= 1
    }
}
