import Primitives
import Wire

// Datagrams in queues of bytes: each behind its length in two bytes (protocol tunnel-client §7), split over slices in any
// way.

extension BufferStore {
    /// The length of the datagram at the front of a queue; nil while its two bytes are not there.
    package func datagramLength(_ queue: SliceQueue) -> Int? {
        guard queue.byteCount >= DatagramHeader.byteCount else { return nil }
        var cursor = queue.head
        var length = 0
        var count = 0
        while count < DatagramHeader.byteCount, let slice = next(&cursor) {
            for offset in 0..<min(Int(slice.count), DatagramHeader.byteCount - count) {
                length = length << 8 | Int(pointer(slice).load(fromByteOffset: offset, as: UInt8.self))
                count += 1
            }
        }
        return length
    }

    /// Whether a whole datagram is at the front of a queue.
    package func hasDatagram(_ queue: SliceQueue) -> Bool {
        guard let length = datagramLength(queue) else { return false }
        return queue.byteCount >= DatagramHeader.byteCount + length
    }

    /// Takes the first `count` bytes out of a queue, without copying them. The queue holds as many.
    package mutating func takeFirst(_ count: Int, of queue: inout SliceQueue) -> SliceQueue {
        precondition(count <= queue.byteCount)
        var taken = SliceQueue()
        while taken.byteCount < count, let slice = popFirst(&queue) {
            let rest = UInt32(count - taken.byteCount)
            if slice.count <= rest {
                append(&taken, slice)
            } else {
                appendShared(&taken, Slice(buffer: slice.buffer, offset: slice.offset, count: rest))
                prepend(
                    &queue,
                    Slice(buffer: slice.buffer, offset: slice.offset + rest, count: slice.count - rest))
            }
        }
        return taken
    }

    /// Appends a datagram of at most 65,535 bytes behind its length. False, and nothing appended, when buffers are short:
    /// the last `reserve` are not for datagrams, which may be lost.
    package mutating func appendDatagram(
        _ queue: inout SliceQueue, _ bytes: UnsafeRawBufferPointer, reserve: Int
    ) -> Bool {
        guard hasNodes, buffersFree > reserve + bytes.count / Self.payload + 2 else { return false }
        var header = InlineArray<2, UInt8>(repeating: 0)
        withUnsafeMutableBytes(of: &header) {
            DatagramHeader.write(to: $0.baseAddress.unsafelyUnwrapped, payload: bytes.count)
        }
        let isHeaderIn = withUnsafeBytes(of: header) { appendCopy(&queue, $0) }
        let isIn = appendCopy(&queue, bytes)
        precondition(isHeaderIn && isIn, "buffers that were there are gone")
        return true
    }
}
