/// The provided buffers of the readiness shell: the one that was provided last is used first, it is still in the cache.
struct ProvidedStack: ~Copyable {
    let geometry: BufferGeometry
    private let ids: ZeroedSlab<UInt16>
    private(set) var count = 0

    init?(geometry: BufferGeometry) {
        guard let ids = ZeroedSlab<UInt16>(count: Int(geometry.count)) else { return nil }
        self.ids = ids
        self.geometry = geometry
    }

    var isEmpty: Bool { @_noLocks get { count == 0 } }

    @_noLocks
    mutating func provide(_ id: UInt32) {
        precondition(id < geometry.count)
        precondition(count < ids.count, "a buffer was provided twice")
        ids.cells[count] = UInt16(id)
        count += 1
    }

    /// The buffer that `take` will give.
    @_noLocks
    func top() -> UInt32 {
        precondition(count > 0)
        return UInt32(ids.cells[count - 1])
    }

    @_noLocks
    mutating func take() {
        precondition(count > 0)
        count -= 1
    }
}
