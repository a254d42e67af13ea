import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Bytes that wait long share buffers: few of them in each would use the worker's memory up.
extension BufferStore {
    /// Copies what the queue holds into a piece of a shared buffer, if it is one small slice. Left as it is when no buffer
    /// is free.
    @_noLocks
    package mutating func pack(_ queue: inout SliceQueue) {
        guard queue.count == 1, queue.byteCount <= Self.pieceBytesMax, let slice = first(queue),
            let piece = cutArena(Int(slice.count))
        else { return }
        pointer(piece).copyMemory(from: pointer(slice), byteCount: Int(slice.count))
        clear(&queue)
        append(&queue, piece)
    }

    /// Appends a copy of a small slice, or shares the buffer of a large one: what comes in many small pieces fills few
    /// buffers. False, with the queue as it was or partly filled, when the buffers are used up.
    @_noLocks
    package mutating func appendPacked(_ queue: inout SliceQueue, _ slice: Slice) -> Bool {
        if queue.isEmpty, Int(slice.count) <= Self.pieceBytesMax {
            guard let piece = cutArena(Int(slice.count)) else { return false }
            pointer(piece).copyMemory(from: pointer(slice), byteCount: Int(slice.count))
            append(&queue, piece)
        } else if queue.isEmpty || Int(slice.count) >= Self.stride / 2 {
            appendShared(&queue, slice)
        } else {
            return appendCopy(&queue, UnsafeRawBufferPointer(bytes(slice)))
        }
        return true
    }
}
