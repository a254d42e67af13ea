import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A range of bytes inside one buffer. Holding a slice in a queue means holding one reference to its buffer.
package struct Slice: BitwiseCopyable, Equatable {
    package var buffer: UInt32
    /// From the start of the buffer, headroom included.
    package var offset: UInt32
    package var count: UInt32

    @_noLocks
    @inlinable package init(buffer: UInt32, offset: UInt32, count: UInt32) {
        self.buffer = buffer
        self.offset = offset
        self.count = count
    }
}

/// First in, first out: slices that wait to be sent or parsed. Trivial; its nodes live in the `BufferStore` it was
/// filled from, and only that store may change it.
package struct SliceQueue: BitwiseCopyable {
    package internal(set) var head: UInt32 = .max
    package internal(set) var tail: UInt32 = .max
    /// Number of slices.
    package internal(set) var count: UInt32 = 0
    package internal(set) var byteCount: Int = 0

    @_noLocks
    package init() {}

    package var isEmpty: Bool { count == 0 }
}
