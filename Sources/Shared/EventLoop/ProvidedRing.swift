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
    /// Written to the ring, not yet visible to the kernel.
    private var unpublished: Int32 = 0
    /// Buffers the kernel has.
    private(set) var count: UInt32 = 0

    init(_ ring: UnsafeMutablePointer<io_uring>, geometry: BufferGeometry, group: UInt16) throws(ShellFault) {
        var entries: UInt32 = 1
        while entries < geometry.count { entries *= 2 }
        guard let cells = ZeroedSlab<io_uring_buf>(count: Int(entries)) else {
            throw ShellFault(call: .memory, error: ENOMEM)
        }
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: cells.cells))
        registration.ring_entries = entries
        registration.bgid = group
        let registered = io_uring_register_buf_ring(ring, &registration, 0)
        guard registered == 0 else { throw ShellFault(call: .registerBuffers, error: -registered) }
        self.cells = cells
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
        unpublished += 1
        count += 1
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
