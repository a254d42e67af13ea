import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Every end has a reason, and every reason is counted; those that are somebody's fault or a limit's are also recorded
// for the log, with what is known of the one it happened to.

extension Worker {
    /// The next refusal that the log has not heard of; for the shell, after a turn.
    package mutating func takeRefusal() -> Refusal? { refusals.take() }

    /// Whether there is one.
    package var hasRefusals: Bool { !refusals.isEmpty }

    /// Counts an end that happened to nobody in particular, or to somebody of whom nothing is known yet.
    @_noLocks
    mutating func note(_ reason: Reason) {
        guard counts(reason) else { return }
        refusals.append(Refusal(reason))
    }

    /// Counts an end that happened to a visitor.
    @_noLocks
    mutating func note(_ reason: Reason, visitor slot: UInt32, host: InlineText? = nil) {
        guard counts(reason) else { return }
        let visitor = visitors[slot]
        var refusal = Refusal(reason)
        refusal.source = visitor.pointee.source
        refusal.tunnel = visitor.pointee.tunnel
        if let host { refusal.host = host }
        refusals.append(refusal)
    }

    /// Counts the refusal of the request whose head is first in a visitor's input.
    @_noLocks
    mutating func note(_ reason: Reason, visitor slot: UInt32, _ head: HTTPRequestHead) {
        guard let front = buffers.first(visitors[slot].pointee.input),
            let host = RequestHost(head, buffers.bytes(front))
        else { return note(reason, visitor: slot) }
        note(reason, visitor: slot, host: host.name)
    }

    /// Counts an end that happened to a link.
    @_noLocks
    mutating func note(_ reason: Reason, link slot: UInt32) {
        note(reason, source: links[slot].pointee.source, tunnel: links[slot].pointee.tunnel)
    }

    /// Counts an end that happened to somebody of a tunnel.
    @_noLocks
    mutating func note(_ reason: Reason, source: SocketAddress, tunnel: TunnelID) {
        guard counts(reason) else { return }
        var refusal = Refusal(reason)
        refusal.source = source
        refusal.tunnel = tunnel
        refusals.append(refusal)
    }

    /// Counts an end that happened to a stream; it is its connector that is named.
    @_noLocks
    mutating func note(_ reason: Reason, stream slot: UInt32) { note(reason, link: streams[slot].pointee.link) }

    /// Counts; true when a record is to follow.
    @_noLocks
    private mutating func counts(_ reason: Reason) -> Bool {
        counters.add(reason)
        guard reason.isLogged else { return false }
        if refusals.admits(reason, now: now) { return true }
        counters.add(.logLinesSuppressed)
        return false
    }
}
