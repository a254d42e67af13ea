import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Who is let in when a table or the descriptors are nearly used up. Those that have been silent longest make room:
// visitors before their first byte or between two requests, links before their first byte. Where nobody is silent, a
// newcomer gets one of a few places that are kept for saying no in its own language; beyond these it is closed unheard.

/// What a newcomer finds.
enum Admission: BitwiseCopyable {
    case granted
    /// It is let in to be told why it is not served.
    case surplus(Reason)
    case refused(Reason)
}

extension Worker {
    /// Places beyond each table's limit for those that are only told so.
    static var surplusMax: UInt32 { 64 }
    /// Descriptors that a worker holds beside its sockets and listeners: its ring or epoll, its bell, the control plane's
    /// link, the counters, the log.
    static var descriptorsBeside: Int { 8 }
    /// How long nobody is looked for after too few were found: looking costs a pass over the table.
    private static var searchPauseMilliseconds: UInt64 { 100 }

    @_noLocks
    mutating func admitVisitor() -> Admission {
        let max = UInt32(limits[.visitorsPerWorkerMax])
        switch shortage(visitors.count, max, .visitorsFull) {
        case nil: return .granted
        case .visitorsFull: shedSilent(links: false)
        default: shedSilent(links: true)
        }
        guard let reason = shortage(visitors.count, max, .visitorsFull) else { return .granted }
        return visitors.count < max + Worker.surplusMax && hasDescriptor(reservedShare: 2)
            ? .surplus(reason) : .refused(reason)
    }

    @_noLocks
    mutating func admitLink() -> Admission {
        let max = UInt32(limits[.linksPerWorkerMax])
        guard shortage(links.count, max, .linksFull) != nil else { return .granted }
        shedSilent(links: true, visitors: links.count < max)
        guard let reason = shortage(links.count, max, .linksFull) else { return .granted }
        return links.count < max + Worker.surplusMax && hasDescriptor(reservedShare: 2)
            ? .surplus(reason) : .refused(reason)
    }

    @_noLocks
    private func shortage(_ count: UInt32, _ max: UInt32, _ reason: Reason) -> Reason? {
        if count >= max { return reason }
        return hasDescriptor(reservedShare: 1) ? nil : .descriptorsFull
    }

    /// Whether one more connection leaves its share (the whole, a half) of the reserve untouched. What is reserved is the
    /// process's: each worker keeps its part.
    @_noLocks
    func hasDescriptor(reservedShare: Int) -> Bool {
        let reserved = Int(limits[.descriptorsReserved]) / (workerCount * reservedShare)
        let held = descriptorsHeld + acceptedLinks.count + listeners.count + Worker.descriptorsBeside
        return held + reserved < descriptorsMax
    }

    /// Ends the connections that have been silent longest, a handful at a time.
    @_noLocks
    private mutating func shedSilent(links includesLinks: Bool, visitors includesVisitors: Bool = true) {
        guard now >= nextSearchForSilent else { return }
        var found = SilentConnections(
            among: (includesVisitors ? visitors.count : 0) + (includesLinks ? links.count : 0))
        if includesVisitors { considerVisitors(&found) }
        if includesLinks { considerLinks(&found) }
        for position in 0..<found.count {
            let silent = found[position]
            if silent.isLink {
                endLink(silent.slot, .shedSilent)
            } else {
                endVisitor(silent.slot, .shedSilent)
            }
        }
        if !found.isFull {
            nextSearchForSilent = now.advanced(milliseconds: Worker.searchPauseMilliseconds)
        }
    }

    @_noLocks
    private func considerVisitors(_ found: inout SilentConnections) {
        var slot: UInt32 = 0
        while slot < visitors.end {
            if visitors.isLive(slot), isSilent(visitor: slot) {
                found.consider(
                    SilentConnection(since: visitors[slot].pointee.headBegan, slot: slot, isLink: false))
            }
            slot += 1
        }
    }

    @_noLocks
    private func considerLinks(_ found: inout SilentConnections) {
        var slot: UInt32 = 0
        while slot < links.end {
            if links.isLive(slot), isSilent(link: slot) {
                found.consider(SilentConnection(since: links[slot].pointee.began, slot: slot, isLink: true))
            }
            slot += 1
        }
    }

    /// It asked for nothing yet, or for nothing more, and has everything it was sent.
    @_noLocks
    private func isSilent(visitor slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        guard visitor.pointee.phase == .head || visitor.pointee.phase == .proxied, visitor.pointee.input.isEmpty else {
            return false
        }
        let socket = sockets[visitor.pointee.socket]
        return socket.pointee.out.isEmpty && !socket.pointee.isSending
    }

    @_noLocks
    private func isSilent(link slot: UInt32) -> Bool {
        let link = links[slot]
        switch link.pointee.phase {
        case .proxied, .upgrading, .awaitingRequest, .peerAccepted:
            return !link.pointee.isClient && link.pointee.pending.isEmpty
        default: return false
        }
    }
}
