import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What comes before a conversation: whom it is from, by the kernel's word or by a proxy's in front, and how many that one
// has already. All of it is a stage of its own connection; nobody else waits for it.

extension Worker {
    /// How long a visitor may be silent before it is counted under its address, which is not known yet when it is
    /// accepted. Those that speak at once are counted then, and told why when they are too many.
    private static var arrivalMilliseconds: UInt64 { 20 }

    /// A visitor was accepted: times its first bytes.
    @_noLocks
    mutating func beginArrival(_ slot: UInt32, isProxied: Bool) {
        let visitor = visitors[slot]
        if isProxied {
            visitor.pointee.phase = .proxied
            setDeadline(visitor.pointee.socket, now.advanced(milliseconds: limits[.firstByteTimeoutMilliseconds]))
        } else {
            setDeadline(visitor.pointee.socket, now.advanced(milliseconds: Self.arrivalMilliseconds))
        }
    }

    /// Whether a visitor has said nothing yet and is not counted.
    @_noLocks
    func isArriving(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        return visitor.pointee.sourceSlot == .max && visitor.pointee.requestCount == 0
            && visitor.pointee.input.isEmpty
            && now < visitor.pointee.headBegan.advanced(milliseconds: limits[.firstByteTimeoutMilliseconds])
    }

    // MARK: Connections by address

    /// Counts the visitor under its address. False when that address has too many: the visitor was refused. Proxies that
    /// are believed, and other nodes, speak for many and are not counted.
    @_noLocks
    mutating func admitSource(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        if let reason = visitor.pointee.surplus {
            refuseArrival(slot, reason)
            return false
        }
        recognise(slot)
        guard visitor.pointee.origin != .node else { return true }
        guard visitor.pointee.sourceSlot == .max, !trustedProxies.contains(visitor.pointee.source) else { return true }
        guard let source = sources.enter(visitor.pointee.source, max: limits[.visitorsPerSourceMax]) else {
            refuseArrival(slot, .sourceFull)
            return false
        }
        visitor.pointee.sourceSlot = source
        return true
    }

    @_noLocks
    mutating func leaveSource(_ slot: UInt32) {
        let visitor = visitors[slot]
        guard visitor.pointee.sourceSlot != .max else { return }
        sources.leave(visitor.pointee.sourceSlot)
        visitor.pointee.sourceSlot = .max
    }

    /// Says no in the visitor's language, as far as it is known by now.
    @_noLocks
    private mutating func refuseArrival(_ slot: UInt32, _ reason: Reason) {
        guard let front = buffers.first(visitors[slot].pointee.input) else { return endVisitor(slot, reason) }
        switch buffers.pointer(front).load(as: UInt8.self) {
        case 0x16: refuseTLS(slot, .internalError, reason)
        case 0x01: refuseRelay(atEntrypoint: slot, .serviceUnavailable, reason)
        default: refuse(slot, status: 503, reason, closes: true)
        }
    }

    /// Entrypoints believe whom the node's table says now.
    mutating func adjustListeners() {
        for position in listeners.indices where listeners[position].isEntrypoint {
            let service = table.service(listeners[position].service)
            listeners[position].takesProxyHeader = service?.entrypointsTakeProxyHeader ?? false
            listeners[position].namesClientByField = service?.namesClientByField ?? false
        }
    }

    // MARK: The header of a proxy (protocol transports §7)

    /// Reads the header that the visitor's input may begin with. True when serving goes on.
    @_noLocks
    mutating func readProxyHeader(ofVisitor slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        switch readProxyHeader(&visitor.pointee.input) {
        case .needMore:
            // The silence before the first byte has a deadline of its own.
            if !visitor.pointee.input.isEmpty {
                buffers.pack(&visitor.pointee.input)
                setDeadline(
                    visitor.pointee.socket,
                    visitor.pointee.headBegan.advanced(milliseconds: limits[.proxyHeaderTimeoutMilliseconds]))
            }
            wantBytes(visitor.pointee.socket, true)
            return false
        case .fault:
            endVisitor(slot, .proxyFault)
            return false
        case .absent: break
        case .header(let header, let count):
            if let source = header.source { visitor.pointee.source = source }
            visitor.pointee.origin = .visitor
            buffers.dropFirst(&visitor.pointee.input, count)
        }
        visitor.pointee.phase = .head
        visitor.pointee.headBegan = now
        return admitSource(slot)
    }

    /// Reads the header that a link may begin with; what stands behind it is read on.
    @_noLocks
    mutating func readProxyHeader(ofLink linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        guard buffers.appendCopy(&link.pointee.pending, UnsafeRawBufferPointer(buffers.bytes(slice))) else {
            return endLink(linkSlot, .buffersFull)
        }
        switch readProxyHeader(&link.pointee.pending) {
        case .needMore:
            buffers.pack(&link.pointee.pending)
            return setLinkDeadline(linkSlot)
        case .fault: return endLink(linkSlot, .proxyFault)
        case .absent: break
        case .header(let header, let count):
            if let source = header.source { link.pointee.source = source }
            buffers.dropFirst(&link.pointee.pending, count)
        }
        link.pointee.phase = link.pointee.isWebSocket ? .upgrading : .awaitingRequest
        setLinkDeadline(linkSlot)
        var rest = link.pointee.pending
        link.pointee.pending = SliceQueue()
        let generation = links.generation(of: linkSlot)
        while let part = buffers.popFirst(&rest) {
            if links.isCurrent(linkSlot, generation) { openBytes(linkSlot, part) }
            buffers.release(part.buffer)
        }
    }

    @_noLocks
    private mutating func readProxyHeader(_ queue: inout SliceQueue) -> ProxyHeader.Step {
        guard buffers.join(&queue, first: min(queue.byteCount, BufferStore.payload)) else { return .fault(.tooLong) }
        guard let front = buffers.first(queue) else { return .needMore }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        return ProxyHeader.read(bytes.bytes, limit: Int(limits[.proxyHeaderBytesMax]))
    }
}
