import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Buffers are for bytes under way. Where they get scarce, first nothing more is kept for a repetition and nobody waits for
// a way to another worker; then, where it is not stalled streams that hold them (`Worker+Shedding`), those go whose bytes
// have waited unread for longest: heads that do not end, requests behind one that is not answered.

extension Worker {
    /// Whether a quarter of the buffers or less is free.
    var isShortOfBuffers: Bool { @_noLocks get { buffers.buffersFree < buffers.capacity / 4 } }

    /// Once per turn; looks further only when so few are free that receiving pauses.
    @_noLocks
    mutating func endLongestUnread() {
        var rounds = 0
        while buffers.buffersFree <= Worker.buffersReserved, rounds < 8 {
            var found = SilentConnections(among: visitors.count + links.count)
            considerUnreadVisitors(&found)
            considerUnreadLinks(&found)
            guard found.count > 0 else { return }
            for position in 0..<found.count {
                if found[position].isLink {
                    endLink(found[position].slot, .buffersFull)
                } else {
                    endVisitor(found[position].slot, .buffersFull)
                }
            }
            rounds += 1
        }
    }

    @_noLocks
    private func considerUnreadVisitors(_ found: inout SilentConnections) {
        var slot: UInt32 = 0
        while slot < visitors.end {
            if visitors.isLive(slot), !visitors[slot].pointee.input.isEmpty {
                found.consider(
                    SilentConnection(since: visitors[slot].pointee.headBegan, slot: slot, isLink: false))
            }
            slot += 1
        }
    }

    @_noLocks
    private func considerUnreadLinks(_ found: inout SilentConnections) {
        var slot: UInt32 = 0
        while slot < links.end {
            if links.isLive(slot), isUnread(slot) {
                found.consider(SilentConnection(since: links[slot].pointee.began, slot: slot, isLink: true))
            }
            slot += 1
        }
    }

    @_noLocks
    private func isUnread(_ linkSlot: UInt32) -> Bool {
        let link = links[linkSlot]
        guard !link.pointee.isClient, !link.pointee.pending.isEmpty else { return false }
        switch link.pointee.phase {
        case .proxied, .upgrading, .awaitingRequest, .moving: return true
        default: return false
        }
    }
}
