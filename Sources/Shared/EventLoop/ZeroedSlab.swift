internal import CLinux

/// A fixed number of trivial elements, zero at first, in memory that costs nothing until it is touched.
struct ZeroedSlab<Element: BitwiseCopyable>: ~Copyable {
    let cells: UnsafeMutablePointer<Element>
    let count: Int
    private let byteCount: Int

    /// Nil when the process may not have so much address space.
    init?(count: Int) {
        precondition(count > 0)
        let bytes = count * MemoryLayout<Element>.stride
        guard let memory = culvert_reserve(bytes) else { return nil }
        cells = memory.bindMemory(to: Element.self, capacity: count)
        self.count = count
        byteCount = bytes
    }

    deinit { _ = culvert_unmap(UInt(bitPattern: cells), UInt64(byteCount)) }
}
