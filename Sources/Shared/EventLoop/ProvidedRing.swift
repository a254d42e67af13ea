internal import CLiburing
internal import CLinux

/// The ring of provided buffers (group 0) that the kernel receives into.
struct ProvidedRing: ~Copyable {
    static var group: UInt16 { @_noLocks get { 0 } }

    private let cells: ZeroedSlab<io_uring_buf>
    private let mask: Int32
    private let geometry: BufferGeometry
    /// Written to the ring, not yet visible to the kernel.
    private var unpublished: Int32 = 0
    /// Buffers the kernel has.
    private(set) var count: UInt32 = 0

    init(_ ring: UnsafeMutablePointer<io_uring>, geometry: BufferGeometry) throws(ShellFault) {
        var entries: UInt32 = 1
        while entries < geometry.count { entries *= 2 }
        guard let cells = ZeroedSlab<io_uring_buf>(count: Int(entries)) else {
            throw ShellFault(call: .memory, error: ENOMEM)
        }
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: cells.cells))
        registration.ring_entries = entries
        registration.bgid = ProvidedRing.group
        let registered = io_uring_register_buf_ring(ring, &registration, 0)
        guard registered == 0 else { throw ShellFault(call: .registerBuffers, error: -registered) }
        self.cells = cells
        self.geometry = geometry
        mask = Int32(entries) - 1
    }

    private var shared: UnsafeMutablePointer<io_uring_buf_ring> {
        @_noLocks get { UnsafeMutableRawPointer(cells.cells).assumingMemoryBound(to: io_uring_buf_ring.self) }
    }

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
