import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The header that begins every stream at a client has a deadline, kept by the stream's link: a stream has no timer of its
// own, and few wait.

extension Worker {
    /// A stream was opened: its header is awaited.
    mutating func awaitHeader(_ linkSlot: UInt32) {
        guard links[linkSlot].pointee.headersDue == .never else { return }
        links[linkSlot].pointee.headersDue = now.advanced(milliseconds: limits[.streamHeaderTimeoutMilliseconds])
        setLinkDeadline(linkSlot)
    }

    /// Resets the streams whose header is overdue, and notes when to look again.
    @_noLocks
    mutating func resetHeaderlessStreams(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.headersDue <= now else { return }
        if link.pointee.peerLink != .max { return lookAtPeerStreams(linkSlot) }
        link.pointee.headersDue = .never
        var cursor = link.pointee.firstStream
        while cursor != .max {
            let slot = cursor
            let stream = streams[slot]
            cursor = stream.pointee.nextInLink
            guard stream.pointee.partner == .target(socket: .max), !stream.pointee.flags.contains(.headerRead) else {
                continue
            }
            let due = stream.pointee.opened.advanced(milliseconds: limits[.streamHeaderTimeoutMilliseconds])
            if due <= now {
                note(.streamHeaderTimeout)
                resetStream(slot, .streamHeaderTimeout)
            } else {
                link.pointee.headersDue = min(link.pointee.headersDue, due)
            }
        }
    }
}
