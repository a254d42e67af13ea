import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What a visitor hears when it cannot be served: a small page with status and reason, counted.

extension Worker {
    /// Longest body of a refused request that is read and dropped so that the connection can be kept.
    private static var discardedBytesMax: UInt64 { 65_536 }

    /// Refuses the request whose head is first in the visitor's input; the connection is kept if it can be. True when
    /// serving goes on.
    @_noLocks
    mutating func refuse(_ slot: UInt32, _ head: HTTPRequestHead, status: Int, _ reason: Reason) -> Bool {
        let visitor = visitors[slot]
        visitor.pointee.requestBody = HTTPBody(head.framing)
        let keeps =
            visitor.pointee.keepsConnection && !head.expectsContinue && !head.asksUpgrade
            && (visitor.pointee.requestBody.remaining ?? .max) <= Self.discardedBytesMax
        visitor.pointee.requestCount &+= 1
        note(reason, visitor: slot, head)
        buffers.dropFirst(&visitor.pointee.input, head.byteCount)
        sendRefusal(slot, status: status, reason, closes: !keeps)
        return visitors.isLive(slot)
    }

    /// Refuses a request whose stream failed; what is left of its body is dropped.
    @_noLocks
    mutating func refuseBroken(_ slot: UInt32, status: Int, _ reason: Reason) {
        let visitor = visitors[slot]
        let keeps = visitor.pointee.keepsConnection && visitor.pointee.requestIsDone
        refuse(slot, status: status, reason, closes: !keeps)
        if visitors.isLive(slot) { serveVisitor(slot) }
    }

    /// Counts and answers. The connection closes behind the page, or drops the request's body and goes on.
    @_noLocks
    mutating func refuse(_ slot: UInt32, status: Int, _ reason: Reason, closes: Bool) {
        note(reason, visitor: slot)
        sendRefusal(slot, status: status, reason, closes: closes)
    }

    @_noLocks
    private mutating func sendRefusal(_ slot: UInt32, status: Int, _ reason: Reason, closes: Bool) {
        let visitor = visitors[slot]
        let refusal = HTTPRefusal(
            status: status, reason: reason, closes: closes, isHeadOnly: visitor.pointee.method == .head)
        guard let buffer = buffers.take() else { return endVisitor(slot, .buffersFull) }
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        guard let count = refusal.write(into: target) else { preconditionFailure("a refusal outgrew its buffer") }
        let socket = sockets[visitor.pointee.socket]
        // Many that are refused at once share buffers, as do many pages for one that does not read.
        let isKept = buffers.appendPacked(
            &socket.pointee.out,
            Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        buffers.release(buffer)
        guard isKept else { return endVisitor(slot, .buffersFull) }
        queueFlush(visitor.pointee.socket)
        if closes { return endVisitorWhenSent(slot, lingering: true) }
        visitor.pointee.phase = .discarding
    }

    /// Queues a few bytes as they are.
    @_noLocks
    mutating func enqueue(_ socket: UInt32, _ bytes: UnsafeRawPointer, count: Int) {
        guard buffers.appendCopy(&sockets[socket].pointee.out, bytes, count: count) else { return }
        queueFlush(socket)
    }
}
