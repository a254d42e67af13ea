import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The worker's memory is bounded. The more of it waits for readers, the less streams are granted; above `stalledBytesMax`
// those whose reader takes nothing are reset, worst first; where the buffers are nearly used up, whoever is worst. Worst
// is what holds most for longest: the product of bytes and time without progress.

extension Worker {
    /// A reader that took nothing for so long is stalled. One that is merely slow, or whose machine is busy, is not.
    static var stalledMilliseconds: UInt64 { @_noLocks get { 250 } }
    /// Streams that are reset in one turn.
    private static var shedAtOnceMax: Int { @_noLocks get { 8 } }

    /// Buffers with bytes for readers.
    private var streamBuffers: Int { @_noLocks get { buffers.buffersInUse - buffersWithShell } }

    /// The most of them that may ever be: some are left for what cannot wait.
    private var streamBuffersEnd: Int {
        @_noLocks get {
            let reserve = max(buffersWithShellMax, buffers.capacity / 16)
            return min(buffers.capacity - reserve, streamBuffersMax + streamBuffersMax / 4)
        }
    }

    /// The most of them that may stay.
    private var streamBuffersMax: Int {
        @_noLocks get {
            let reserve = max(buffersWithShellMax, buffers.capacity / 16)
            let room = buffers.capacity - reserve
            return min(room - room / 8, Int(limits[.stalledBytesMax] / UInt64(BufferStore.stride)))
        }
    }

    /// So much waits for readers that none is granted more than it has.
    var isMemoryShort: Bool { @_noLocks get { streamBuffers * 4 > streamBuffersMax } }

    /// So much waits for readers that those with much are granted less.
    var isMemoryScarce: Bool { @_noLocks get { streamBuffers * 2 > streamBuffersMax } }

    /// A stream that had gained a large window is granted half of it from now on, down to what it began with.
    @_noLocks
    mutating func shrinkWindow(_ streamSlot: UInt32) {
        guard isMemoryScarce else { return }
        let stream = streams[streamSlot]
        stream.pointee.window = max(stream.pointee.window / 2, UInt32(limits[.streamWindowBytes]))
    }

    /// Called once per turn; looks further only when too much is held.
    @_noLocks
    mutating func shedStalledStreams() {
        guard streamBuffers > streamBuffersMax else { return shedDeadline = .never }
        let isUrgent = streamBuffers > streamBuffersEnd
        guard isUrgent || shedDeadline == .never || now >= shedDeadline else { return }
        var rounds = 0
        // What was dropped is free only when the kernel has let go of it.
        while rounds < Worker.shedAtOnceMax, streamBuffers - bytesBeingDropped / BufferStore.stride > streamBuffersMax,
            let worst = worstStream(stalledFor: Worker.stalledMilliseconds)
        {
            dropStalled(worst)
            rounds += 1
        }
        // Everybody takes something: one at a time ends, and the next only when what the last one held is free.
        if rounds == 0, isUrgent, bytesBeingDropped == 0, let worst = worstStream(stalledFor: 0) { dropStalled(worst) }
        shedDeadline = now.advanced(milliseconds: Worker.stalledMilliseconds / 8)
    }

    /// Resets a stream whose reader makes no progress, and drops what waits for that reader: ended behind its queue, it
    /// would keep the memory as long as before.
    @_noLocks
    mutating func dropStalled(_ streamSlot: UInt32) {
        note(.stalled, stream: streamSlot)
        let reader: UInt32 =
            switch streams[streamSlot].pointee.partner {
            case .visitor(let visitor): visitors[visitor].pointee.socket
            case .relayVisitor(let link): links[link].pointee.socket
            case .target(let socket): socket
            // Their readers are links, which carry others too.
            case .stream, .arriving, .telling, .none: .max
            }
        partnerLosesStream(streamSlot, .stalled)
        guard reader != .max, sockets.isLive(reader), sockets[reader].pointee.closesWhenSent else { return }
        sockets[reader].pointee.isBeingDropped = true
        bytesBeingDropped += sockets[reader].pointee.out.byteCount
        resetSocket(reader)
    }

    /// Of the streams without progress for at least so many milliseconds, the one with the largest product of that time
    /// and the bytes it holds.
    @_noLocks
    private func worstStream(stalledFor leastMilliseconds: UInt64) -> UInt32? {
        var worst: UInt32?
        var most: UInt64 = 0
        var slot: UInt32 = 0
        while slot < streams.end {
            if streams.isLive(slot) {
                let milliseconds = now.milliseconds(since: streams[slot].pointee.lastTaken)
                let held = bytesHeld(slot)
                let product = UInt64(held) &* (min(milliseconds, 3_600_000) &+ 1)
                if milliseconds >= leastMilliseconds, held > BufferStore.stride, product > most {
                    most = product
                    worst = slot
                }
            }
            slot += 1
        }
        return worst
    }

    @_noLocks
    private func bytesHeld(_ slot: UInt32) -> Int {
        let stream = streams[slot]
        guard stream.pointee.partner != .none else { return 0 }
        return Int(stream.pointee.receiving.unread) + stream.pointee.out.byteCount
    }
}
