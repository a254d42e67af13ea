import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The worker's memory is bounded: when more than `stalledBytesMax` waits for slow readers, or the buffers are nearly used
// up, the stream that is longest without progress among the largest is reset, so that everybody else goes on.

extension Worker {
    /// Called once per turn; looks further only when too much is held.
    @_noLocks
    mutating func shedStalledStreams() {
        let reserve = max(buffersWithShellMax, buffers.capacity / 16)
        let heldMax = min(
            buffers.capacity - reserve, Int(limits[.stalledBytesMax] / UInt64(BufferStore.stride)))
        var rounds = 0
        // What was dropped is free only when the kernel has let go of it.
        while buffers.buffersInUse - buffersWithShell - bytesBeingDropped / BufferStore.stride > heldMax, rounds < 8,
            let worst = worstStream()
        {
            dropStalled(worst)
            rounds += 1
        }
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
            case .stream, .arriving, .none: .max
            }
        partnerLosesStream(streamSlot, .stalled)
        guard reader != .max, sockets.isLive(reader), sockets[reader].pointee.closesWhenSent else { return }
        sockets[reader].pointee.isBeingDropped = true
        bytesBeingDropped += sockets[reader].pointee.out.byteCount
        resetSocket(reader)
    }

    /// Among the streams that hold at least half of what the largest holds, the one longest without progress.
    @_noLocks
    private func worstStream() -> UInt32? {
        var largest = 0
        var slot: UInt32 = 0
        while slot < streams.end {
            if streams.isLive(slot) { largest = max(largest, bytesHeld(slot)) }
            slot += 1
        }
        guard largest > BufferStore.stride else { return nil }
        var worst: UInt32?
        slot = 0
        while slot < streams.end {
            if streams.isLive(slot), bytesHeld(slot) * 2 >= largest {
                if worst == nil || streams[slot].pointee.lastProgress < streams[worst ?? slot].pointee.lastProgress {
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
