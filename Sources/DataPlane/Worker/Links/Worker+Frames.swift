import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Outbound: what a link sends. Control frames are complete when they are queued; payload is framed when the link can
// send, fairly among its streams, so that little stands in front of a control frame.

extension Worker {
    /// Bytes a stream may send per round: one receive buffer's worth.
    static var quantum: Int { BufferStore.payload }

    /// Queues one frame without payload, or with the given few bytes, ahead of data.
    @_noLocks
    mutating func sendControl(
        _ linkSlot: UInt32, _ command: SmuxCommand, stream: UInt32, payload: UnsafeRawPointer? = nil, count: Int = 0
    ) {
        let link = links[linkSlot]
        guard let room = buffers.cutArena(BufferStore.headroom + SmuxHeader.byteCount + count) else {
            return endLinkLater(linkSlot, .buffersFull)
        }
        let start = BufferStore.headroom
        let at = buffers.pointer(room) + start
        SmuxHeader.write(
            to: at, version: link.pointee.smux.version, command: command, length: UInt16(count), stream: stream)
        if let payload { (at + SmuxHeader.byteCount).copyMemory(from: payload, byteCount: count) }
        var frame = room
        frame.offset += UInt32(start)
        frame.count = UInt32(SmuxHeader.byteCount + count)
        wrapInPlace(linkSlot, &frame)
        queueControl(linkSlot, frame)
    }

    /// Queues a complete control frame, whose reference passes to the link. A peer that causes many and reads none of
    /// them is dropped.
    @_noLocks
    mutating func queueControl(_ linkSlot: UInt32, _ frame: Slice) {
        let link = links[linkSlot]
        buffers.append(&link.pointee.control, frame)
        queueFlush(link.pointee.socket)
        if link.pointee.control.byteCount > Int(limits[.controlQueueBytesMax]) { endLinkLater(linkSlot, .stalled) }
    }

    /// As `sendControl`, but behind what the link's socket already has: for what must not overtake an answer.
    @_noLocks
    mutating func sendControlBehindData(
        _ linkSlot: UInt32, _ command: SmuxCommand, stream: UInt32 = 0, payload: UnsafeRawPointer? = nil,
        count: Int = 0
    ) {
        sendControl(linkSlot, command, stream: stream, payload: payload, count: count)
        let queue = linkQueue(linkSlot)
        buffers.move(&links[linkSlot].pointee.control, behind: &queue.pointee)
        let framedMax = Int(limits[.carrierQueueBytesMax]) + Self.quantum
        if bytesQueued(linkSlot) > framedMax + Int(limits[.controlQueueBytesMax]) { endLinkLater(linkSlot, .stalled) }
    }

    /// Puts the WebSocket header in front of a frame whose buffer has room there, and masks it if we are the client.
    @_noLocks
    mutating func wrapInPlace(_ linkSlot: UInt32, _ frame: inout Slice) {
        let link = links[linkSlot]
        guard link.pointee.isWebSocket else { return }
        let count = Int(frame.count)
        let mask = link.pointee.isClient ? maskKey() : nil
        let headerCount = WebSocketHeader.byteCount(payload: count, masked: mask != nil)
        let at = buffers.pointer(frame)
        if let mask { Mask.apply(at, count: count, key: mask) }
        _ = WebSocketHeader.write(to: at - headerCount, opcode: .binary, payload: count, key: mask)
        frame.offset -= UInt32(headerCount)
        frame.count += UInt32(headerCount)
    }

    /// Queues raw bytes on a link, in one WebSocket message where there is one: handshakes and relay messages. The
    /// slice must have `headroom` free bytes in front; its reference passes to the link.
    @_noLocks
    mutating func sendRaw(_ linkSlot: UInt32, _ slice: Slice) {
        var slice = slice
        wrapInPlace(linkSlot, &slice)
        let queue = linkQueue(linkSlot)
        buffers.append(&queue.pointee, slice)
        queueFlush(links[linkSlot].pointee.socket)
    }

    /// Called when the link's socket may send: moves control frames, then payload, into its queue.
    @_noLocks
    mutating func fillLink(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        let queue = linkQueue(linkSlot)
        sendWindowUpdates(linkSlot)
        let budget = Int(limits[.carrierQueueBytesMax])
        // Not while much waits already: the data behind them waits as well, so the order stays.
        if bytesQueued(linkSlot) < budget { buffers.move(&link.pointee.control, behind: &queue.pointee) }
        if link.pointee.phase == .mux || link.pointee.phase == .raw {
            while bytesQueued(linkSlot) < budget, Int(queue.pointee.count) < SendVector.capacity - 2,
                link.pointee.firstReady != .max
            {
                let stream = link.pointee.firstReady
                takeReady(linkSlot, stream)
                // Without a buffer for its headers the stream waits for the link's next flush.
                guard serveStream(linkSlot, stream) else { break }
            }
        }
        sealLink(linkSlot)
    }

    /// Frames up to one quantum of a stream's bytes, as far as its window goes, and files it again if there is more.
    /// False when no buffer is left.
    @_noLocks
    private mutating func serveStream(_ linkSlot: UInt32, _ streamSlot: UInt32) -> Bool {
        let stream = streams[streamSlot]
        var rest = Self.quantum
        let hasWindows = links[linkSlot].pointee.smux.version == 2
        while rest > 0, let first = buffers.first(stream.pointee.out) {
            let allowed = hasWindows ? Int(stream.pointee.sending.allowed) : rest
            let count = min(Int(first.count), min(rest, allowed))
            guard count > 0 else { break }
            guard frame(linkSlot, streamSlot, Slice(buffer: first.buffer, offset: first.offset, count: UInt32(count)))
            else {
                listReady(streamSlot)
                return false
            }
            buffers.dropFirst(&stream.pointee.out, count)
            if hasWindows { stream.pointee.sending.spend(UInt32(count)) }
            stream.pointee.lastTaken = now
            rest -= count
        }
        streamOutDrained(streamSlot)
        guard streams.isLive(streamSlot) else { return true }
        if stream.pointee.out.isEmpty {
            streamOutEmptied(streamSlot)
        } else if !hasWindows || stream.pointee.sending.allowed > 0 {
            markReady(streamSlot)
        }
        return true
    }

    /// Frames one slice, which the stream's queue still holds, into the socket's queue. The headers go in front of it in
    /// its own buffer when that is free there, else into a small side buffer. False when no buffer is left.
    @_noLocks
    private mutating func frame(_ linkSlot: UInt32, _ streamSlot: UInt32, _ payload: Slice) -> Bool {
        let link = links[linkSlot]
        let queue = linkQueue(linkSlot)
        if link.pointee.phase == .raw {
            buffers.appendShared(&queue.pointee, payload)
            return true
        }
        let count = Int(payload.count)
        let id = streams[streamSlot].pointee.id
        if Int(payload.offset) == BufferStore.headroom {
            let at = buffers.pointer(payload) - SmuxHeader.byteCount
            SmuxHeader.write(
                to: at, version: link.pointee.smux.version, command: .data, length: UInt16(count), stream: id)
            var framed = payload
            framed.offset -= UInt32(SmuxHeader.byteCount)
            framed.count += UInt32(SmuxHeader.byteCount)
            wrapInPlace(linkSlot, &framed)
            buffers.appendShared(&queue.pointee, framed)
            return true
        }
        let messageCount = SmuxHeader.byteCount + count
        let mask = link.pointee.isWebSocket && link.pointee.isClient ? maskKey() : nil
        let wrapCount =
            link.pointee.isWebSocket ? WebSocketHeader.byteCount(payload: messageCount, masked: mask != nil) : 0
        guard let side = buffers.cutArena(wrapCount + SmuxHeader.byteCount) else { return false }
        let at = buffers.pointer(side)
        SmuxHeader.write(
            to: at + wrapCount, version: link.pointee.smux.version, command: .data, length: UInt16(count), stream: id)
        if let mask {
            Mask.apply(at + wrapCount, count: SmuxHeader.byteCount, key: mask)
            Mask.apply(buffers.pointer(payload), count: count, key: mask, phase: SmuxHeader.byteCount)
        }
        if wrapCount > 0 {
            _ = WebSocketHeader.write(to: at, opcode: .binary, payload: messageCount, key: mask)
        }
        buffers.append(&queue.pointee, side)
        buffers.appendShared(&queue.pointee, payload)
        return true
    }

    /// Sends payload to a relay visitor: its link carries nothing else. The caller holds the slice's buffer.
    @_noLocks
    mutating func sendToRelayVisitor(_ linkSlot: UInt32, _ payload: Slice) {
        let link = links[linkSlot]
        if link.pointee.visit.mayRetry { stopKeeping(linkSlot) }
        let queue = linkQueue(linkSlot)
        if link.pointee.isWebSocket, !wrap(payload, into: &queue.pointee) {
            return endLinkLater(linkSlot, .buffersFull)
        }
        keep(&queue.pointee, payload)
        queueFlush(link.pointee.socket)
    }

    /// Queues the header of a message that holds `payload`. For a reader that is behind it is copied to the end of what
    /// waits, where `keep` then copies small payload too: tiny messages share buffers. False when none is left.
    @_noLocks
    private mutating func wrap(_ payload: Slice, into queue: inout SliceQueue) -> Bool {
        let count = Int(payload.count)
        let wrapCount = WebSocketHeader.byteCount(payload: count, masked: false)
        if isCopied(payload, by: queue) {
            var header = InlineArray<16, UInt8>(repeating: 0)
            _ = WebSocketHeader.write(to: &header, opcode: .binary, payload: count, key: nil)
            return buffers.appendCopy(&queue, &header, count: wrapCount)
        }
        guard let side = buffers.cutArena(wrapCount) else { return false }
        _ = WebSocketHeader.write(to: buffers.pointer(side), opcode: .binary, payload: count, key: nil)
        buffers.append(&queue, side)
        return true
    }

    /// Whether a queue is so long that what comes behind it is copied when it is small beside its buffer.
    @_noLocks
    private func isCopied(_ payload: Slice, by queue: SliceQueue) -> Bool {
        queue.count >= 4 && (Int(payload.count) < BufferStore.stride / 2 || !buffers.hasNodes)
    }

    /// Queues received payload for a reader. A reader that is behind gets a copy when the slice is small beside the
    /// buffer it would hold, so that few bytes never pin a whole buffer for long.
    @_noLocks
    mutating func keep(_ queue: inout SliceQueue, _ payload: Slice) {
        var rest = payload
        if isCopied(payload, by: queue) {
            let before = queue.byteCount
            if buffers.appendCopy(&queue, UnsafeRawBufferPointer(buffers.bytes(payload))) { return }
            // Part of it may be copied already.
            let copied = UInt32(queue.byteCount - before)
            rest.offset += copied
            rest.count -= copied
        }
        buffers.appendShared(&queue, rest)
    }

    // MARK: The list of streams with something to send

    @_noLocks
    mutating func markReady(_ streamSlot: UInt32) {
        listReady(streamSlot)
        queueFlush(links[streams[streamSlot].pointee.link].pointee.socket)
    }

    @_noLocks
    private mutating func listReady(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard !stream.pointee.flags.contains(.ready) else { return }
        stream.pointee.flags.insert(.ready)
        stream.pointee.nextReady = .max
        let link = links[stream.pointee.link]
        if link.pointee.lastReady == .max {
            link.pointee.firstReady = streamSlot
        } else {
            streams[link.pointee.lastReady].pointee.nextReady = streamSlot
        }
        link.pointee.lastReady = streamSlot
    }

    /// Takes the first ready stream out of the list.
    @_noLocks
    private mutating func takeReady(_ linkSlot: UInt32, _ streamSlot: UInt32) {
        let link = links[linkSlot]
        precondition(link.pointee.firstReady == streamSlot)
        link.pointee.firstReady = streams[streamSlot].pointee.nextReady
        if link.pointee.firstReady == .max { link.pointee.lastReady = .max }
        streams[streamSlot].pointee.flags.remove(.ready)
        streams[streamSlot].pointee.nextReady = .max
    }

    /// Takes a stream out of the list wherever it stands; rare: only a stream that ends early is in it.
    @_noLocks
    mutating func forgetReady(_ streamSlot: UInt32) {
        let stream = streams[streamSlot]
        guard stream.pointee.flags.contains(.ready) else { return }
        let link = links[stream.pointee.link]
        var previous: UInt32 = .max
        var cursor = link.pointee.firstReady
        while cursor != streamSlot {
            previous = cursor
            cursor = streams[cursor].pointee.nextReady
        }
        let following = stream.pointee.nextReady
        if previous == .max {
            link.pointee.firstReady = following
        } else {
            streams[previous].pointee.nextReady = following
        }
        if link.pointee.lastReady == streamSlot { link.pointee.lastReady = previous }
        stream.pointee.flags.remove(.ready)
        stream.pointee.nextReady = .max
    }
}
