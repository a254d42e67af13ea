import Testing
import Worker

/// References, queues and the arena: every buffer and node comes back.
@Suite struct BufferStoreTests {
    private func withStore(_ capacity: Int = 8, _ body: (inout BufferStore) throws -> Void) rethrows {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity * BufferStore.stride, alignment: 4_096)
        defer { memory.deallocate() }
        var store = BufferStore(base: memory, capacity: capacity)
        try body(&store)
        #expect(store.nodesHeld == 0)
    }

    private func append(_ store: inout BufferStore, _ queue: inout SliceQueue, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { store.appendCopy(&queue, $0) }
    }

    private func content(_ store: borrowing BufferStore, _ queue: SliceQueue) -> [UInt8] {
        var cursor = queue.head
        var bytes: [UInt8] = []
        while let slice = store.next(&cursor) { bytes += Array(store.bytes(slice)) }
        return bytes
    }

    @Test func lastGivenIsFirstTaken() throws {
        withStore { store in
            let first = store.take()!
            let second = store.take()!
            #expect(store.buffersInUse == 2)
            store.release(first)
            #expect(store.take() == first)
            store.release(first)
            store.release(second)
            #expect(store.buffersInUse == 0)
            #expect(store.take() == second)
            store.release(second)
        }
    }

    @Test func capacityIsTheEnd() {
        withStore(3) { store in
            let taken = (0..<3).compactMap { _ in store.take() }
            #expect(Set(taken).count == 3)
            #expect(store.take() == nil)
            #expect(store.buffersFree == 0)
            for buffer in taken { store.release(buffer) }
            #expect(store.buffersFree == 3)
        }
    }

    @Test func aBufferIsFreeWithItsLastReference() {
        withStore { store in
            let buffer = store.take()!
            var queue = SliceQueue()
            store.appendShared(&queue, Slice(buffer: buffer, offset: 100, count: 10))
            store.appendShared(&queue, Slice(buffer: buffer, offset: 200, count: 10))
            store.release(buffer)
            #expect(queue.count == 2)
            #expect(store.buffersInUse == 1)
            store.dropFirst(&queue, 15)
            #expect(store.first(queue) == Slice(buffer: buffer, offset: 205, count: 5))
            #expect(store.buffersInUse == 1)
            store.dropFirst(&queue, 5)
            #expect(queue.isEmpty)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test func neighboursAreJoined() {
        withStore { store in
            let buffer = store.take()!
            var queue = SliceQueue()
            store.appendShared(&queue, Slice(buffer: buffer, offset: 32, count: 10))
            store.appendShared(&queue, Slice(buffer: buffer, offset: 42, count: 5))
            #expect(queue.count == 1)
            #expect(queue.byteCount == 15)
            store.release(buffer)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test func copiesFillWhatTheQueueAloneHolds() {
        withStore { store in
            var queue = SliceQueue()
            #expect((append(&store, &queue, [1, 2, 3])) == true)
            #expect((append(&store, &queue, [4, 5])) == true)
            #expect(queue.count == 1)
            #expect(content(store, queue) == [1, 2, 3, 4, 5])
            // Somebody else reads the buffer: it is left alone.
            let shared = store.first(queue)!.buffer
            store.retain(shared)
            #expect((append(&store, &queue, [6])) == true)
            #expect(queue.count == 2)
            store.release(shared)
            #expect(content(store, queue) == [1, 2, 3, 4, 5, 6])
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test func copiesLargerThanABufferAndTheLackOfOne() {
        withStore(2) { store in
            var queue = SliceQueue()
            let bytes = (0..<BufferStore.payload + 100).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            #expect((append(&store, &queue, bytes)) == true)
            #expect(content(store, queue) == bytes)
            #expect((append(&store, &queue, [UInt8](repeating: 1, count: BufferStore.stride))) == false)
            // Partly filled, as it says; all of it comes back.
            #expect(queue.byteCount > bytes.count)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test(arguments: [1, 3, 7, 12])
    func joiningMakesOneSlice(_ count: Int) {
        withStore { store in
            var queue = SliceQueue()
            let buffer = store.take()!
            for index in 0..<12 {
                let slice = Slice(buffer: buffer, offset: UInt32(32 + index * 3), count: 1)
                store.bytes(slice)[0] = UInt8(index)
                store.appendShared(&queue, slice)
            }
            store.release(buffer)
            #expect((store.join(&queue, first: count)) == true)
            #expect(Int(store.first(queue)!.count) == count)
            #expect(content(store, queue) == (0..<12).map { UInt8($0) })
            #expect(queue.byteCount == 12)
            store.clear(&queue)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test func movingLeavesTheSourceEmpty() {
        withStore { store in
            var (left, right) = (SliceQueue(), SliceQueue())
            #expect((append(&store, &left, [1])) == true)
            #expect((append(&store, &right, [2, 3])) == true)
            store.move(&right, behind: &left)
            #expect(right.isEmpty)
            #expect(content(store, left) == [1, 2, 3])
            store.move(&left, behind: &right)
            #expect(content(store, right) == [1, 2, 3])
            store.clear(&right)
            #expect(store.buffersInUse == 0)
        }
    }

    @Test func theArenaIsOneBufferUntilItIsFull() {
        withStore { store in
            let pieces = (0..<100).map { _ in store.cutArena(1_000)! }
            let buffers = Set(pieces.map(\.buffer))
            #expect(buffers.count > 1 && buffers.count <= 8)
            for (left, right) in zip(pieces, pieces.dropFirst()) where left.buffer == right.buffer {
                #expect(left.offset + left.count <= right.offset)
            }
            for piece in pieces { store.release(piece.buffer) }
            #expect(store.buffersInUse == 1)
            #expect((store.hasArena) == true)
            store.releaseArena()
            #expect(store.buffersInUse == 0)
        }
    }

    /// A slice that begins at `headroom` gets frame headers written in front of it. No piece may look like that, nor what
    /// is left of one when some of it was sent: in front of it lie other pieces, headers of frames that wait.
    @Test func noPieceBeginsWhereReceivedBytesDo() {
        withStore { store in
            for first in stride(from: 0, through: 64, by: 16) {
                let sizes = (first == 0 ? [] : [first]) + [12, 16, 40, 700, 2_048]
                for size in sizes {
                    let piece = store.cutArena(size)!
                    #expect(piece.offset > UInt32(BufferStore.headroom))
                    store.release(piece.buffer)
                }
                store.releaseArena()
            }
            // Across the end of a buffer as well.
            for _ in 0..<100 {
                let piece = store.cutArena(1_040)!
                #expect(piece.offset > UInt32(BufferStore.headroom))
                store.release(piece.buffer)
            }
            store.releaseArena()
            #expect(store.buffersInUse == 0)
        }
    }

    /// A few bytes of many queues share a buffer.
    @Test func whatWaitsIsPacked() {
        withStore { store in
            var queues = (0..<6).map { _ in SliceQueue() }
            for index in queues.indices {
                #expect((append(&store, &queues[index], [UInt8](repeating: UInt8(index), count: 100))) == true)
            }
            #expect(store.buffersInUse == 6)
            for index in queues.indices { store.pack(&queues[index]) }
            #expect(store.buffersInUse == 1)
            for index in queues.indices {
                #expect(content(store, queues[index]) == [UInt8](repeating: UInt8(index), count: 100))
            }
            // It goes on as any queue: what comes next gets a buffer, and both are joined and packed again.
            #expect((append(&store, &queues[0], [7])) == true)
            #expect((store.join(&queues[0], first: 101)) == true)
            store.pack(&queues[0])
            #expect(content(store, queues[0]) == [UInt8](repeating: 0, count: 100) + [7])
            for index in queues.indices { store.clear(&queues[index]) }
            store.releaseArena()
            #expect(store.buffersInUse == 0)
        }
    }

    /// Much, or nothing, or what is not in one piece, stays as it is.
    @Test func whatIsNotPacked() {
        withStore { store in
            var queue = SliceQueue()
            store.pack(&queue)
            #expect((append(&store, &queue, [UInt8](repeating: 1, count: BufferStore.pieceBytesMax + 1))) == true)
            store.pack(&queue)
            #expect((store.hasArena) == false)
            store.clear(&queue)
        }
    }

    /// What is kept of bytes that somebody else holds: small pieces fill buffers, large ones are shared.
    @Test func smallPiecesFillBuffers() {
        withStore(16) { store in
            let received = store.take()!
            var queue = SliceQueue()
            var expected: [UInt8] = []
            for number in 0..<2_000 {
                let at = store.pointer(buffer: received, offset: BufferStore.headroom + number)
                at.storeBytes(of: UInt8(truncatingIfNeeded: number), as: UInt8.self)
                expected.append(UInt8(truncatingIfNeeded: number))
                let slice = Slice(buffer: received, offset: UInt32(BufferStore.headroom + number), count: 1)
                #expect((store.appendPacked(&queue, slice)) == true)
            }
            #expect(content(store, queue) == expected)
            // The received one, the arena, and one that was filled.
            #expect(store.buffersInUse == 3 && store.nodesHeld == 2)
            let large = Slice(
                buffer: received, offset: UInt32(BufferStore.headroom), count: UInt32(BufferStore.payload))
            #expect((store.appendPacked(&queue, large)) == true)
            #expect(store.buffersInUse == 3)
            store.clear(&queue)
            store.release(received)
            store.releaseArena()
            #expect(store.buffersInUse == 0)
        }
    }
}
