internal import CScan

/// A fixed number of trivial elements whose bytes are all zero at first. Large tables cost address space only: a page is
/// resident from the first element in it that is written.
package struct ZeroedTable<Element: BitwiseCopyable>: ~Copyable {
    package let elements: UnsafeMutablePointer<Element>
    package let count: Int

    /// Zero bytes must be a valid `Element`. Traps when the process may not have the memory.
    package init(count: Int) {
        precondition(count > 0)
        guard let memory = culvert_zeroed(count * MemoryLayout<Element>.stride) else {
            preconditionFailure("no memory for a table of \(count) elements")
        }
        elements = memory.bindMemory(to: Element.self, capacity: count)
        self.count = count
    }

    deinit { culvert_give_zeroed(elements) }
}
