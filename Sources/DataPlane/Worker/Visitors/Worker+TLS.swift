import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// TLS visitors: the name in the hello is looked up, then everything passes unread, both ways, without any limit of idleness
// (protocol tunnel-server §8.4). The hello and what follows it are kept until the first byte comes back, so that another
// connector can be tried; a refusal is a fatal alert.
//
//     no name, an IP address, no route, a private one   → unrecognized_name (RFC 6066 §3)
//     no connector, a stream lost before a byte came back, a limit, a deadline, no memory
//                                                        → internal_error (RFC 8446 §6.2: nothing the peer did)
//     a hello that breaks the protocol                   → decode_error, illegal_parameter, unexpected_message …
//     half-close, end of either side                     → as every raw conversation: see Stream.swift

extension Worker {
    /// Reads the hello that the visitor's input begins with.
    @_noLocks
    mutating func readHello(_ slot: UInt32) {
        let visitor = visitors[slot]
        let available = min(visitor.pointee.input.byteCount, BufferStore.payload)
        guard buffers.join(&visitor.pointee.input, first: available) else {
            return refuseTLS(slot, .internalError, .buffersFull)
        }
        guard let front = buffers.first(visitor.pointee.input) else { preconditionFailure("a hello without a byte") }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch ClientHello.read(bytes.bytes, limit: Int(limits[.helloBytesMax])) {
        case .needMore:
            if visitor.pointee.inputEnded { return endVisitor(slot, .peerClosed) }
            buffers.pack(&visitor.pointee.input)
            setDeadline(
                visitor.pointee.socket,
                visitor.pointee.headBegan.advanced(milliseconds: limits[.helloTimeoutMilliseconds]))
            wantBytes(visitor.pointee.socket, true)
        case .fault(let fault):
            refuseTLS(slot, fault.alert, fault.isTooLarge ? .helloTooLarge : .tlsFault)
        case .hello(let hello):
            visitor.pointee.helloVersion = hello.version
            route(slot, hello)
        }
    }

    /// Finds the tunnel of a name and a stream to it.
    @_noLocks
    private mutating func route(_ slot: UInt32, _ hello: ClientHello) {
        let visitor = visitors[slot]
        guard !hello.serverName.isEmpty else { return refuseTLS(slot, .unrecognizedName, .missingHost) }
        guard !hello.namesAddress else { return refuseTLS(slot, .unrecognizedName, .noRoute) }
        let found = RouteLookup.resolve(
            ingress: visitor.pointee.ingress, host: hello.serverName.hostFolded, tables: routeTables,
            overlay: routeOverlay)
        guard let found else {
            if peers.connection != 0, waitForRoute(visitor: slot, hello.serverName.hostFolded) { return }
            let reason = refusal(visitor.pointee.waiting, else: .noRoute)
            return refuseTLS(slot, reason == .noRoute ? .unrecognizedName : .internalError, reason)
        }
        guard !found.isPrivate else { return refuseTLS(slot, .unrecognizedName, .privateRoute) }
        visitor.pointee.tunnel = found.tunnel
        if peers.hellos.count > 0, isHelloOfOurs(slot) { return refuseTLS(slot, .internalError, .loopDetected) }
        visitor.pointee.isForwarded = visitor.pointee.origin == .node
        let destination = RelayAddress(name: hello.serverName, port: 443)
        switch acquireStream(slot, found.tunnel, source: visitor.pointee.source, destination: destination) {
        case .moves, .waits: return
        case .none(let reason): refuseTLS(slot, .internalError, reason)
        case .stream(let stream): passThrough(slot, on: stream)
        }
    }

    /// From here on bytes pass unread.
    @_noLocks
    private mutating func passThrough(_ slot: UInt32, on stream: UInt32) {
        let visitor = visitors[slot]
        visitor.pointee.stream = stream
        visitor.pointee.phase = .raw
        visitor.pointee.mayReplay = limits[.replayBytesMax] > 0
        visitor.pointee.requestBytes = 0
        visitor.pointee.requestCount &+= 1
        timers.clear(visitor.pointee.socket)
        if workerCount > 1 { sockets[visitor.pointee.socket].pointee.receivesOnce = false }
        counters.add(.tlsPassed)
        if visitor.pointee.attempts == 0 { earnRepetition() }
        forwardRaw(slot)
        if visitors.isLive(slot), visitors[slot].pointee.inputEnded { halfCloseFromVisitor(slot) }
    }

    /// Refuses a TLS visitor with a fatal alert.
    @_noLocks
    mutating func refuseTLS(_ slot: UInt32, _ alert: TLSAlert, _ reason: Reason) {
        let visitor = visitors[slot]
        note(reason, visitor: slot)
        var record = InlineArray<7, UInt8>(repeating: 0)
        withUnsafeMutableBytes(of: &record) {
            var writer = ByteWriter($0)
            alert.write(version: visitor.pointee.helloVersion, to: &writer)
        }
        enqueue(visitor.pointee.socket, &record, count: 7)
        endVisitorWhenSent(slot, lingering: true)
    }
}
