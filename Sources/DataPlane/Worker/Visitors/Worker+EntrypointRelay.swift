import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A relay request at an entrypoint (protocol tunnel-server §8.5). Stock servers serve whoever knows a tunnel's id there,
// past credentials, rules and privacy (quirks A4). Here it is refused, unless another node forwarded it, which has judged
// all that already (Worker+ForwardedVisitors), or `entrypoint.relay: true` stands in the configuration; then the same holds
// as on the tunnel port, with the entrypoint's own ingress.

extension Worker {
    /// Makes a visitor whose first byte is a relay version a link that awaits its request. False when that is not
    /// allowed here.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func becomeRelayVisitor(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        let isForwarded = visitor.pointee.origin == .node
        guard let service = table.service(visitor.pointee.service), service.relaysAtEntrypoints || isForwarded else {
            return false
        }
        let socket = visitor.pointee.socket
        var link = Link(
            socket: socket, phase: .awaitingRequest, service: visitor.pointee.service, isWebSocket: false,
            isClient: false, muxVersion: service.muxVersion, now: now)
        link.peer = visitor.pointee.peer
        link.ingress = visitor.pointee.ingress
        link.isAtEntrypoint = true
        link.visit.isForwarded = isForwarded
        link.visit.inputEnded = visitor.pointee.inputEnded
        guard links.count < UInt32(limits[.linksPerWorkerMax]), let linkSlot = links.take(link) else {
            refuseRelay(atEntrypoint: slot, .serviceUnavailable, .linksFull)
            return true
        }
        links[linkSlot].pointee.pending = visitor.pointee.input
        visitor.pointee.input = SliceQueue()
        leaveSource(slot)
        visitors.give(slot)
        sockets[socket].pointee.role = .link
        sockets[socket].pointee.owner = linkSlot
        counters.add(.visitorsClosed)
        counters.add(.linksAccepted)
        setLinkDeadline(linkSlot)
        guard links[linkSlot].pointee.pending.byteCount <= BufferStore.payload,
            buffers.join(&links[linkSlot].pointee.pending, first: links[linkSlot].pointee.pending.byteCount)
        else {
            endLink(linkSlot, .relayFault)
            return true
        }
        readHandshake(linkSlot)
        return true
    }

    /// Refuses a visitor that speaks relay by a bare status (protocol relay §3).
    @_noLocks
    mutating func refuseRelay(atEntrypoint slot: UInt32, _ status: RelayStatus, _ reason: Reason) {
        note(reason, visitor: slot)
        var answer: InlineArray<4, UInt8> = [1, status.rawValue, 0, 0]
        enqueue(visitors[slot].pointee.socket, &answer, count: 4)
        endVisitorWhenSent(slot, lingering: true)
    }
}
