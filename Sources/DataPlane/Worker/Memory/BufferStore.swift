import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// All the bytes of a worker: buffers of one size with reference counts, and the nodes of every queue of slices.
///
/// The same buffers are handed to the kernel to receive into, carry rewritten heads and frame headers, and hold what
/// waits for a slow reader. They are taken last-in-first-out, so that a quiet worker touches few of them.
package struct BufferStore: ~Copyable {
    /// Bytes per buffer.
    package static var stride: Int { 16_384 }
    /// Bytes at the start of every buffer that received payload leaves free, for frame headers written in place: in front
    /// of a slice that begins here there is nothing else.
    package static var headroom: Int { 32 }
    /// Payload bytes of a buffer.
    package static var payload: Int { stride - headroom }

    /// Most bytes that `cutArena` gives at a time.
    package static var pieceBytesMax: Int { 2_048 }

    /// Where the first piece of the arena begins: none, and no rest of one, begins at `headroom`, where it would be taken
    /// for payload with nothing in front.
    private static var arenaStart: Int { headroom + 16 }

    private struct Node: BitwiseCopyable {
        var buffer: UInt32
        var offset: UInt16
        var count: UInt16
        var next: UInt32
    }

    /// Bytes that one buffer takes, what is known of it and its share of the queues' nodes included.
    package static var bytesPerBuffer: Int {
        stride + 2 * MemoryLayout<UInt16>.stride + nodesPerBuffer * MemoryLayout<Node>.stride
    }
    private static var nodesPerBuffer: Int { 16 }

    package let base: UnsafeMutableRawPointer
    package let capacity: Int
    private let references: UnsafeMutablePointer<UInt16>
    private let freeBuffers: UnsafeMutablePointer<UInt16>
    private var freeCount = 0
    private var touched = 0
    /// Free buffers, from the bottom of their stack, whose memory the system has back; and the fewest that were free
    /// since `beginLook`: as many, from the bottom, were not needed.
    private var bare = 0
    private var freeMin = 0

    private let nodes: UnsafeMutablePointer<Node>
    private let nodeCapacity: Int
    private var freeNode: UInt32 = .max
    private var touchedNodes = 0
    private var nodesInUse = 0

    /// The buffer small headers are cut from, and how far it is used.
    private var arena: UInt32 = .max
    private var arenaUsed = 0

    /// Buffers taken and not given back, those with the kernel included.
    package private(set) var buffersInUse = 0

    /// `base` points at `capacity` × `stride` bytes that stay valid as long as the worker.
    package init(base: UnsafeMutableRawPointer, capacity: Int) {
        precondition(capacity > 0 && capacity <= 65_535)
        self.base = base
        self.capacity = capacity
        references = .allocate(capacity: capacity)
        freeBuffers = .allocate(capacity: capacity)
        nodeCapacity = capacity * Self.nodesPerBuffer
        nodes = .allocate(capacity: nodeCapacity)
    }

    deinit {
        references.deallocate()
        freeBuffers.deallocate()
        nodes.deallocate()
    }

    // MARK: Buffers

    /// A buffer with one reference, or nil when none is left.
    @_noLocks
    package mutating func take() -> UInt32? {
        let buffer: UInt32
        if freeCount > 0 {
            freeCount -= 1
            if freeCount < freeMin { noteScarcity() }
            buffer = UInt32(freeBuffers[freeCount])
        } else if touched < capacity {
            buffer = UInt32(touched)
            touched += 1
        } else {
            return nil
        }
        references[Int(buffer)] = 1
        buffersInUse += 1
        return buffer
    }

    /// One more user of a buffer in use.
    @_noLocks
    package mutating func retain(_ buffer: UInt32) {
        precondition(references[Int(buffer)] > 0 && references[Int(buffer)] < .max)
        references[Int(buffer)] += 1
    }

    /// One user less; the last one gives the buffer back.
    @_noLocks
    package mutating func release(_ buffer: UInt32) {
        precondition(references[Int(buffer)] > 0, "buffer released twice")
        references[Int(buffer)] -= 1
        guard references[Int(buffer)] == 0 else { return }
        freeBuffers[freeCount] = UInt16(buffer)
        freeCount += 1
        buffersInUse -= 1
    }

    package var buffersFree: Int { capacity - buffersInUse }

    // MARK: Memory that is not needed

    @_noLocks
    private mutating func noteScarcity() {
        freeMin = freeCount
        bare = min(bare, freeCount)
    }

    /// Free buffers that still have memory, beyond `reserve`.
    @_noLocks
    package func buffersToSpare(reserve: Int) -> Int { max(freeCount - bare - reserve, 0) }

    /// From now on it is noted which buffers are needed.
    @_noLocks
    package mutating func beginLook() { freeMin = freeCount }

    /// A buffer that was not needed since `beginLook` and whose memory is given back now; nil when there is no other,
    /// leaving `reserve` of them as they are.
    @_noLocks
    package mutating func takeIdle(reserve: Int) -> UInt32? {
        guard bare < freeMin - reserve else { return nil }
        bare += 1
        return UInt32(freeBuffers[bare - 1])
    }

    /// Where `slice` begins.
    @_noLocks
    package func pointer(_ slice: Slice) -> UnsafeMutableRawPointer {
        assert(references[Int(slice.buffer)] > 0)
        return base + (Int(slice.buffer) * Self.stride + Int(slice.offset))
    }

    /// Where a buffer's byte lies.
    @_noLocks
    package func pointer(buffer: UInt32, offset: Int) -> UnsafeMutableRawPointer {
        base + (Int(buffer) * Self.stride + offset)
    }

    /// The bytes of `slice`.
    @_noLocks
    package func bytes(_ slice: Slice) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: pointer(slice), count: Int(slice.count))
    }

    /// A small piece of memory to write a header into: a slice with its own reference, or nil when no buffer is left.
    /// What lies in front of it is somebody else's.
    @_noLocks
    package mutating func cutArena(_ count: Int) -> Slice? {
        precondition(count > 0 && count <= Self.pieceBytesMax)
        if arena == .max || arenaUsed + count > Self.stride {
            guard let fresh = take() else { return nil }
            if arena != .max { release(arena) }
            arena = fresh
            arenaUsed = Self.arenaStart
        }
        let slice = Slice(buffer: arena, offset: UInt32(arenaUsed), count: UInt32(count))
        // The next piece begins at a multiple of 16 as well: it may hold a struct.
        arenaUsed += (count + 15) & ~15
        retain(arena)
        return slice
    }

    /// Lets the arena's buffer go when nothing else refers to it: a quiet worker keeps none.
    @_noLocks
    package mutating func releaseArena() {
        guard arena != .max else { return }
        release(arena)
        arena = .max
    }

    /// Whether a buffer is held to cut headers from.
    package var hasArena: Bool { arena != .max }

    // MARK: Queues

    /// Appends a slice; the queue takes over one reference. Adjacent slices of one buffer are joined.
    @_noLocks
    package mutating func append(_ queue: inout SliceQueue, _ slice: Slice) {
        precondition(slice.count > 0)
        if queue.tail != .max {
            let last = nodes[Int(queue.tail)]
            if last.buffer == slice.buffer, UInt32(last.offset) + UInt32(last.count) == slice.offset {
                nodes[Int(queue.tail)].count += UInt16(slice.count)
                queue.byteCount += Int(slice.count)
                release(slice.buffer)
                return
            }
        }
        let node = takeNode(
            Node(buffer: slice.buffer, offset: UInt16(slice.offset), count: UInt16(slice.count), next: .max))
        if queue.tail != .max { nodes[Int(queue.tail)].next = node } else { queue.head = node }
        queue.tail = node
        queue.count += 1
        queue.byteCount += Int(slice.count)
    }

    /// Appends part of a buffer that somebody else holds: the queue gets a reference of its own.
    @_noLocks
    package mutating func appendShared(_ queue: inout SliceQueue, _ slice: Slice) {
        retain(slice.buffer)
        append(&queue, slice)
    }

    /// Puts a slice in front; the queue takes over one reference.
    @_noLocks
    package mutating func prepend(_ queue: inout SliceQueue, _ slice: Slice) {
        precondition(slice.count > 0)
        let node = takeNode(
            Node(buffer: slice.buffer, offset: UInt16(slice.offset), count: UInt16(slice.count), next: queue.head))
        queue.head = node
        if queue.tail == .max { queue.tail = node }
        queue.count += 1
        queue.byteCount += Int(slice.count)
    }

    /// The first slice, which stays in the queue.
    @_noLocks
    package func first(_ queue: SliceQueue) -> Slice? {
        queue.head == .max ? nil : slice(of: nodes[Int(queue.head)])
    }

    /// Walks a queue without changing it: begin with `queue.head`, ends with nil.
    @_noLocks
    package func next(_ cursor: inout UInt32) -> Slice? {
        guard cursor != .max else { return nil }
        let node = nodes[Int(cursor)]
        cursor = node.next
        return slice(of: node)
    }

    /// Takes the first slice out; its reference passes to the caller.
    @_noLocks
    package mutating func popFirst(_ queue: inout SliceQueue) -> Slice? {
        guard queue.head != .max else { return nil }
        let node = nodes[Int(queue.head)]
        giveNode(queue.head)
        queue.head = node.next
        if node.next == .max { queue.tail = .max }
        queue.count -= 1
        queue.byteCount -= Int(node.count)
        return slice(of: node)
    }

    /// Drops `count` bytes from the front and releases what they were in.
    @_noLocks
    package mutating func dropFirst(_ queue: inout SliceQueue, _ count: Int) {
        precondition(count <= queue.byteCount)
        var rest = count
        while rest > 0 {
            let head = Int(queue.head)
            if Int(nodes[head].count) > rest {
                nodes[head].offset += UInt16(rest)
                nodes[head].count -= UInt16(rest)
                queue.byteCount -= rest
                return
            }
            let slice = popFirst(&queue).unsafelyUnwrapped
            rest -= Int(slice.count)
            release(slice.buffer)
        }
    }

    /// Empties a queue and gives its buffers back.
    @_noLocks
    package mutating func clear(_ queue: inout SliceQueue) {
        while let slice = popFirst(&queue) { release(slice.buffer) }
    }

    /// Moves everything of `source` behind `target`.
    @_noLocks
    package mutating func move(_ source: inout SliceQueue, behind target: inout SliceQueue) {
        guard source.head != .max else { return }
        if target.tail != .max { nodes[Int(target.tail)].next = source.head } else { target.head = source.head }
        target.tail = source.tail
        target.count += source.count
        target.byteCount += source.byteCount
        source = SliceQueue()
    }

    /// Appends a copy of `count` bytes, as below.
    @_noLocks
    package mutating func appendCopy(_ queue: inout SliceQueue, _ bytes: UnsafeRawPointer, count: Int) -> Bool {
        appendCopy(&queue, UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Appends a copy of `bytes`, filling up the last buffer of the queue when only the queue holds it. False, with the
    /// queue as it was or partly filled, when the buffers are used up.
    @_noLocks
    package mutating func appendCopy(_ queue: inout SliceQueue, _ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position < bytes.count {
            if queue.tail != .max {
                let node = nodes[Int(queue.tail)]
                let end = Int(node.offset) + Int(node.count)
                if references[Int(node.buffer)] == 1, end < Self.stride, node.buffer != arena {
                    let count = min(Self.stride - end, bytes.count - position)
                    pointer(buffer: node.buffer, offset: end)
                        .copyMemory(from: bytes.baseAddress.unsafelyUnwrapped + position, byteCount: count)
                    nodes[Int(queue.tail)].count += UInt16(count)
                    queue.byteCount += count
                    position += count
                    continue
                }
            }
            guard let buffer = take() else { return false }
            let count = min(Self.payload, bytes.count - position)
            pointer(buffer: buffer, offset: Self.headroom)
                .copyMemory(from: bytes.baseAddress.unsafelyUnwrapped + position, byteCount: count)
            append(&queue, Slice(buffer: buffer, offset: UInt32(Self.headroom), count: UInt32(count)))
            position += count
        }
        return true
    }

    /// Makes the first `count` bytes of the queue one slice, copying them into a fresh buffer when they are not. False
    /// when no buffer is left. `count` is at most `payload` and at most what the queue holds.
    @_noLocks
    package mutating func join(_ queue: inout SliceQueue, first count: Int) -> Bool {
        precondition(count <= Self.payload && count <= queue.byteCount)
        guard let front = first(queue), Int(front.count) < count else { return true }
        guard let buffer = take() else { return false }
        var filled = 0
        while filled < count {
            let slice = first(queue).unsafelyUnwrapped
            let part = min(Int(slice.count), count - filled)
            pointer(buffer: buffer, offset: Self.headroom + filled).copyMemory(from: pointer(slice), byteCount: part)
            dropFirst(&queue, part)
            filled += part
        }
        prepend(&queue, Slice(buffer: buffer, offset: UInt32(Self.headroom), count: UInt32(count)))
        return true
    }

    // MARK: Nodes

    @_noLocks
    private func slice(of node: Node) -> Slice {
        Slice(buffer: node.buffer, offset: UInt32(node.offset), count: UInt32(node.count))
    }

    /// Sixteen nodes per buffer: a queue joins or copies small slices long before that runs out, which is checked by
    /// `hasNodes` where bytes come in from outside.
    @_noLocks
    private mutating func takeNode(_ value: Node) -> UInt32 {
        let node: UInt32
        if freeNode != .max {
            node = freeNode
            freeNode = nodes[Int(node)].next
        } else {
            precondition(touchedNodes < nodeCapacity, "out of slice nodes")
            node = UInt32(touchedNodes)
            touchedNodes += 1
        }
        (nodes + Int(node)).initialize(to: value)
        nodesInUse += 1
        return node
    }

    @_noLocks
    private mutating func giveNode(_ node: UInt32) {
        nodes[Int(node)].next = freeNode
        freeNode = node
        nodesInUse -= 1
    }

    /// Whether slices may be shared rather than copied: a reserve of nodes is kept for what cannot be refused.
    package var hasNodes: Bool { nodeCapacity - nodesInUse > nodeCapacity / 4 }

    /// Nodes in queues; for leak checks.
    package var nodesHeld: Int { nodesInUse }
}
