internal import CLinux

/// The memory of a worker's buffers: whole pages, zero at first, none of them resident before it is touched.
package struct BufferMemory: ~Copyable {
    package let base: UInt
    package let byteCount: UInt64

    /// Rounds `byteCount` up to whole pages. Throws when the process may not have so much address space.
    package init(byteCount: UInt64) throws(ShellFault) {
        precondition(byteCount > 0)
        let page = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        let whole = (byteCount + page - 1) / page * page
        guard let memory = culvert_reserve(Int(whole)) else { throw ShellFault(call: .memory, error: ENOMEM) }
        base = UInt(bitPattern: memory)
        self.byteCount = whole
    }

    deinit { _ = culvert_unmap(base, byteCount) }
}
