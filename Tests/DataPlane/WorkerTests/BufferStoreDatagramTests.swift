import Primitives
import Testing
import Worker

/// Datagrams in queues of bytes, split over slices in any way.
@Suite struct BufferStoreDatagramTests {
    private func withStore(_ body: (inout BufferStore) -> Void) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 32 * BufferStore.stride, alignment: 4_096)
        defer { memory.deallocate() }
        var store = BufferStore(base: memory, capacity: 32)
        body(&store)
    }

    private func append(_ bytes: [UInt8], to queue: inout SliceQueue, _ store: inout BufferStore) {
        // A buffer for each piece: nothing is joined.
        guard let buffer = store.take() else { return }
        bytes.withUnsafeBytes {
            store.pointer(buffer: buffer, offset: 100).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        store.append(&queue, Slice(buffer: buffer, offset: 100, count: UInt32(bytes.count)))
    }

    private func bytes(_ queue: SliceQueue, _ store: borrowing BufferStore) -> [UInt8] {
        var all: [UInt8] = []
        var cursor = queue.head
        while let slice = store.next(&cursor) { all += Array(store.bytes(slice)) }
        return all
    }

    private func length(_ queue: SliceQueue, _ store: borrowing BufferStore) -> Int? { store.datagramLength(queue) }

    @Test func theLengthMayBeSplit() {
        withStore { store in
            var queue = SliceQueue()
            let none = length(queue, store)
            #expect(none == nil)
            append([1], to: &queue, &store)
            let half = length(queue, store)
            #expect(half == nil)
            append([2], to: &queue, &store)
            let whole = length(queue, store)
            #expect(whole == 258)
            let isHalfThere = store.hasDatagram(queue)
            #expect(!isHalfThere)
            store.clear(&queue)
            append([0, 0], to: &queue, &store)
            let empty = length(queue, store)
            #expect(empty == 0)
            let isThere = store.hasDatagram(queue)
            #expect(isThere)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test(arguments: [0, 1, 3, 4, 5, 9, 10])
    func whatIsTakenAndWhatStays(_ count: Int) {
        withStore { store in
            var queue = SliceQueue()
            append([0, 1, 2, 3], to: &queue, &store)
            append([4], to: &queue, &store)
            append([5, 6, 7, 8, 9], to: &queue, &store)
            var taken = store.takeFirst(count, of: &queue)
            let (front, rest) = (bytes(taken, store), bytes(queue, store))
            #expect(front == (0..<10).prefix(count).map { UInt8($0) })
            #expect(rest == (0..<10).dropFirst(count).map { UInt8($0) })
            store.clear(&taken)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
            #expect(store.nodesHeld == 0)
        }
    }

    /// The last buffers are not for datagrams: one that does not fit leaves the queue as it was.
    @Test func theReserveIsKept() {
        withStore { store in
            var queue = SliceQueue()
            let long = [UInt8](repeating: 7, count: 65_507)
            let isIn = long.withUnsafeBytes { store.appendDatagram(&queue, $0, reserve: 20) }
            #expect(isIn)
            #expect(queue.byteCount == 65_509)
            let longest = length(queue, store)
            #expect(longest == 65_507)
            let isInToo = long.withUnsafeBytes { store.appendDatagram(&queue, $0, reserve: 25) }
            #expect(!isInToo)
            #expect(queue.byteCount == 65_509)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }
}
