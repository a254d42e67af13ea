import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The worker's memory is bounded: when the buffers that wait for slow readers are nearly used up, the stream that is
// longest without progress among the largest is reset, so that everybody else goes on.

extension Worker {
    /// Called once per turn; looks further only when buffers are short.
    mutating func shedStalledStreams() {
        let reserve = max(buffersWithShellMax, buffers.capacity / 16)
        guard buffers.buffersFree + buffersWithShell < reserve else { return }
        var rounds = 0
        while buffers.buffersFree + buffersWithShell < reserve, rounds < 8, let worst = worstStream() {
            counters.add(.stalled)
            partnerLosesStream(worst, .stalled)
            rounds += 1
        }
    }

    /// Among the streams that hold at least half of what the largest holds, the one longest without progress.
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

    private func bytesHeld(_ slot: UInt32) -> Int {
        let stream = streams[slot]
        guard stream.pointee.partner != .none else { return 0 }
        return Int(stream.pointee.receiving.unread) + stream.pointee.out.byteCount
    }
}
