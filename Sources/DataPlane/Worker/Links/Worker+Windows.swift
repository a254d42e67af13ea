import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Window updates: listed per link and sent with its next flush.

extension Worker {
    @_noLocks
    mutating func listWindowUpdate(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard !stream.pointee.flags.contains(.updatesWindow) else { return }
        stream.pointee.flags.insert(.updatesWindow)
        let link = links[stream.pointee.link]
        stream.pointee.nextUpdate = link.pointee.firstUpdate
        link.pointee.firstUpdate = streamSlot
        queueFlush(link.pointee.socket)
    }

    @_noLocks
    mutating func forgetWindowUpdate(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard stream.pointee.flags.contains(.updatesWindow) else { return }
        let link = links[stream.pointee.link]
        if link.pointee.firstUpdate == streamSlot {
            link.pointee.firstUpdate = stream.pointee.nextUpdate
        } else {
            var cursor = link.pointee.firstUpdate
            while streams[cursor].pointee.nextUpdate != streamSlot { cursor = streams[cursor].pointee.nextUpdate }
            streams[cursor].pointee.nextUpdate = stream.pointee.nextUpdate
        }
        stream.pointee.flags.remove(.updatesWindow)
    }

    @_noLocks
    mutating func sendWindowUpdates(_ linkSlot: UInt32) {
        while links[linkSlot].pointee.firstUpdate != .max {
            let slot = links[linkSlot].pointee.firstUpdate
            let stream = streams[slot]
            links[linkSlot].pointee.firstUpdate = stream.pointee.nextUpdate
            stream.pointee.nextUpdate = .max
            stream.pointee.flags.remove(.updatesWindow)
            growWindow(slot)
            let consumed = stream.pointee.receiving.consumed
            stream.pointee.receiving.announce(window: stream.pointee.window)
            var payload = InlineArray<2, UInt32>(repeating: 0)
            payload[0] = consumed.littleEndian
            payload[1] = stream.pointee.window.littleEndian
            sendControl(
                linkSlot, .windowUpdate, stream: stream.pointee.id, payload: &payload,
                count: 2 * MemoryLayout<UInt32>.size)
        }
    }

    /// A reader that keeps up with its window gets a larger one: a window per round trip is all a stream can carry.
    /// Where memory is short it does not, and where it is scarce it loses what it had gained.
    @_noLocks
    private mutating func growWindow(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard !isMemoryShort else { return shrinkWindow(streamSlot) }
        let largest = UInt32(limits[.streamWindowBytesMax])
        guard stream.pointee.flags.contains(.windowAnnounced) else {
            return stream.pointee.flags.formUnion(.windowAnnounced)
        }
        let window = stream.pointee.window
        let consumed = stream.pointee.receiving.consumed
        guard window < largest, stream.pointee.receiving.unread < window / 4,
            consumed &- stream.pointee.grownAt >= window / 2
        else { return }
        stream.pointee.window = min(window * 2, largest)
        stream.pointee.grownAt = consumed
    }
}
