import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// What a visitor asks for: the head is read, routed, given to a stream; the body follows it.

extension Worker {
    /// Reads the head that the visitor's input begins with. True when serving goes on.
    @_noLocks
    mutating func readHead(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        guard sockets[visitor.pointee.socket].pointee.out.byteCount < Int(limits[.visitorQueueBytesMax]) else {
            adjustVisitorReading(slot)
            return false
        }
        guard let front = buffers.first(visitor.pointee.input) else {
            awaitHead(slot)
            return false
        }
        if visitor.pointee.requestCount == 0, visitor.pointee.attempts == 0 {
            guard admitSource(slot) else { return false }
            if buffers.pointer(front).load(as: UInt8.self) == 0x16 {
                visitor.pointee.isTLS = true
                visitor.pointee.phase = .hello
                return true
            }
            if leaveToRelay(slot, front) { return false }
        }
        let limit = Int(limits[.headBytesMax])
        switch HTTPRequestHead.read(UnsafeRawBufferPointer(buffers.bytes(front)).bytes, limit: limit) {
        case .head(let head):
            return route(slot, head)
        case .fault(let fault):
            refuse(slot, status: fault.status, fault.reason, closes: true)
            return false
        case .needMore:
            let available = min(visitor.pointee.input.byteCount, BufferStore.payload)
            if available > Int(front.count) {
                guard buffers.join(&visitor.pointee.input, first: available) else {
                    endVisitor(slot, .buffersFull)
                    return false
                }
                return true
            }
            // A head that takes its time does not keep a buffer of its own.
            buffers.pack(&visitor.pointee.input)
            awaitHead(slot)
            return false
        }
    }

    /// Waits for more bytes of a head, or for the first of the next one.
    @_noLocks
    mutating func awaitHead(_ slot: UInt32) {
        let visitor = visitors[slot]
        if visitor.pointee.inputEnded { return endVisitorWhenSent(slot, lingering: false) }
        let deadline =
            if !visitor.pointee.input.isEmpty {
                visitor.pointee.headBegan.advanced(milliseconds: limits[.headTimeoutMilliseconds])
            } else if visitor.pointee.requestCount == 0 {
                visitor.pointee.headBegan.advanced(milliseconds: limits[.firstByteTimeoutMilliseconds])
            } else {
                now.advanced(milliseconds: limits[.keepAliveIdleMilliseconds])
            }
        setDeadline(visitor.pointee.socket, deadline)
        wantBytes(visitor.pointee.socket, true)
    }

    /// Relay requests have a first byte of their own. True when the visitor is served as a relay visitor, or was refused.
    @_noLocks
    private mutating func leaveToRelay(_ slot: UInt32, _ front: Slice) -> Bool {
        guard buffers.pointer(front).load(as: UInt8.self) == 0x01 else { return false }
        if becomeRelayVisitor(slot) { return true }
        refuseRelay(atEntrypoint: slot, .forbidden, .relayAtEntrypoint)
        return true
    }

    /// Finds the tunnel of a request and a stream to it. True when serving goes on.
    @_noLocks
    private mutating func route(_ slot: UInt32, _ head: HTTPRequestHead) -> Bool {
        let visitor = visitors[slot]
        visitor.pointee.method = head.method
        visitor.pointee.tunnel = .zero
        visitor.pointee.minor = head.minor
        visitor.pointee.askedUpgrade = head.asksUpgrade
        visitor.pointee.keepsConnection = head.keepsConnection && !visitor.pointee.inputEnded && !drain.isOn
        visitor.pointee.asksClose = !head.keepsConnection
        let front = buffers.first(visitor.pointee.input).unsafelyUnwrapped
        guard let host = RequestHost(head, buffers.bytes(front)) else {
            return refuse(slot, head, status: 502, .noRoute)
        }
        let found = RouteLookup.resolve(
            ingress: visitor.pointee.ingress, host: host.name, tables: routeTables, overlay: routeOverlay)
        guard let found else { return routeIsMissing(slot, head, host.name) }
        guard !found.isPrivate else { return refuse(slot, head, status: 502, .privateRoute) }
        if !head.forwardedNode.isEmpty, namesUs(head, front) {
            return refuse(slot, head, status: 503, .loopDetected)
        }
        let source = client(of: slot, head, front)
        visitor.pointee.routeKey = host.key(found.tunnel, source: visitor.pointee.namesClientByField ? source : nil)
        visitor.pointee.tunnel = found.tunnel
        visitor.pointee.isForwarded =
            !head.forwardedNode.isEmpty && (visitor.pointee.origin == .node || hasPassedNode(head, front))
        // Streams of other requests may lead on to another node.
        if visitor.pointee.isForwarded { visitor.pointee.routeKey = ~visitor.pointee.routeKey }
        visitor.pointee.streamWasParked = false
        if visitor.pointee.attempts == 0, let parked = takeParked(slot) {
            visitor.pointee.streamWasParked = true
            return begin(slot, head, on: parked)
        }
        switch acquireStream(slot, found.tunnel, source: source, destination: host.destination) {
        case .moves, .waits: return false
        case .none(let reason): return refuse(slot, head, status: status(ofFailure: reason), reason)
        case .stream(let stream):
            streams[stream].pointee.routeKey = visitor.pointee.routeKey
            return begin(slot, head, on: stream)
        }
    }

    /// Whom the request is for: the connection's other end, or the client that a trusted proxy names where the
    /// entrypoint is told to ask it. Streams are kept by it, so that nobody is taken for the one before.
    @_noLocks
    private func client(of slot: UInt32, _ head: HTTPRequestHead, _ front: Slice) -> SocketAddress {
        let visitor = visitors[slot]
        guard visitor.pointee.namesClientByField else { return visitor.pointee.source }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        return HTTPForwarding.client(of: head, bytes.bytes, source: visitor.pointee.source, proxies: trustedProxies)
    }

    /// Whether the request came through this node before (protocol tunnel-server §8.3): nodes name themselves in
    /// Gost-Forwarded-Node when they hand a request to another node.
    @_noLocks
    private func namesUs(_ head: HTTPRequestHead, _ front: Slice) -> Bool {
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        return HTTPNodeFields.names(nodeName, head, bytes.bytes)
            || HTTPNodeFields.names(peers.nodeText, head, bytes.bytes)
    }

    /// Whether a stock node sent it that had it from a node of ours, whatever address it came from.
    @_noLocks
    private func hasPassedNode(_ head: HTTPRequestHead, _ front: Slice) -> Bool {
        HTTPNodeFields.hasPassedNode(head, UnsafeRawBufferPointer(buffers.bytes(front)).bytes)
    }

    /// Chooses a connector of the tunnel and opens a stream on it, or sends the visitor to the worker that can.
    @_noLocks
    mutating func acquireStream(
        _ slot: UInt32, _ tunnel: TunnelID, source: SocketAddress, destination: RelayAddress
    ) -> StreamSearch {
        let visitor = visitors[slot]
        var wish = Directory.Wish()
        wish.avoiding = visitor.pointee.avoiding
        if visitor.pointee.moves > 0 { wish.onlyWorker = index }
        for _ in 0..<3 {
            guard let entry = directory.choose(tunnel, wish, &random) else { break }
            if Int(entry.worker) != index {
                startMove(slot, to: entry.worker)
                return .moves
            }
            precondition(links.isCurrent(entry.link, entry.linkGeneration), "the directory names a dead link")
            if let stream = openStream(
                entry.link, partner: .visitor(slot), source: source, destination: destination)
            {
                return .stream(stream)
            }
            wish.avoiding = entry.connector
        }
        let isKnown = directory.isKnown(tunnel, isUDP: false)
        var search = StreamSearch.none(isKnown ? .streamsFull : .tunnelOffline)
        if peers.isActive {
            search = acquireElsewhere(
                slot, tunnel, source: source, destination: destination, else: isKnown ? .streamsFull : .tunnelOffline)
        }
        guard case .none = search, visitor.pointee.attempts > 0, isKnown else { return search }
        return .none(visitor.pointee.failure)
    }

    /// The host has no route here: asks for it where there is somebody to ask, else refuses. True when serving goes on.
    @_noLocks
    private mutating func routeIsMissing(_ slot: UInt32, _ head: HTTPRequestHead, _ host: InlineText) -> Bool {
        if peers.connection != 0, waitForRoute(visitor: slot, host) { return false }
        let reason = refusal(visitors[slot].pointee.waiting, else: .noRoute)
        return refuse(slot, head, status: status(ofFailure: reason), reason)
    }

    /// Hands the head to the stream; the body follows. True: serving goes on.
    @_noLocks
    private mutating func begin(_ slot: UInt32, _ head: HTTPRequestHead, on stream: UInt32) -> Bool {
        let visitor = visitors[slot]
        visitor.pointee.stream = stream
        streams[stream].pointee.partner = .visitor(slot)
        let front = buffers.first(visitor.pointee.input).unsafelyUnwrapped
        let original = Slice(buffer: front.buffer, offset: front.offset, count: UInt32(head.byteCount))
        visitor.pointee.answerStarted = false
        visitor.pointee.mayReplay = true
        keepForReplay(slot, original)
        guard let count = sendHead(slot, head, original, on: stream) else {
            endVisitor(slot, .buffersFull)
            return false
        }
        buffers.dropFirst(&visitor.pointee.input, head.byteCount)
        visitor.pointee.requestBytes = count
        visitor.pointee.requestBody = HTTPBody(head.framing)
        visitor.pointee.requestIsDone = false
        visitor.pointee.answer = .awaitingHead
        visitor.pointee.interimCount = 0
        visitor.pointee.phase = .exchange
        visitor.pointee.requestCount &+= 1
        timers.clear(visitor.pointee.socket)
        if workerCount > 1 { sockets[visitor.pointee.socket].pointee.receivesOnce = visitor.pointee.isRestless }
        counters.add(.requests)
        if visitor.pointee.attempts == 0 { earnRepetition() }
        return true
    }

    /// The head as the origin gets it; the number of bytes, or nil when no buffer is left.
    @_noLocks
    private mutating func sendHead(
        _ slot: UInt32, _ head: HTTPRequestHead, _ original: Slice, on stream: UInt32
    ) -> Int? {
        // Most heads are short: a piece of a buffer does, and many that wait do not take a buffer each.
        let most = head.byteCount + 64 + HTTPForwarding.growthBytesMax + 2 * Int(head.host.count)
        let room =
            most <= BufferStore.pieceBytesMax
            ? buffers.cutArena(most)
            : buffers.take().map {
                Slice(buffer: $0, offset: UInt32(BufferStore.headroom), count: UInt32(BufferStore.payload))
            }
        guard let room else { return nil }
        defer { buffers.release(room.buffer) }
        let source = visitors[slot].pointee.source
        let bytes = UnsafeRawBufferPointer(buffers.bytes(original))
        guard
            let count = HTTPRequestRewriter.write(
                head, bytes.bytes, options: .init(rawValue: 0),
                forwarding: HTTPForwarding(source: source, isTrusted: trustedProxies.contains(source)),
                extra: UnsafeRawBufferPointer(start: nil, count: 0), into: buffers.bytes(room))
        else { return nil }
        sendOnStream(stream, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(count)))
        return count
    }

    /// Moves what is there of the request's body to the stream. True when serving goes on (the exchange is over).
    @_noLocks
    mutating func forwardBody(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        while !visitor.pointee.requestIsDone {
            if visitor.pointee.requestBody.isDone {
                requestEnded(slot)
                break
            }
            guard let front = buffers.first(visitor.pointee.input) else {
                setDeadline(visitor.pointee.socket, now.advanced(milliseconds: limits[.bodyIdleMilliseconds]))
                adjustVisitorReading(slot)
                return false
            }
            if pausesSource(visitor.pointee.stream) {
                // It is the stream that keeps the visitor waiting.
                timers.clear(visitor.pointee.socket)
                wantBytes(visitor.pointee.socket, false)
                return false
            }
            var cursor = 0
            let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
            guard case .run(_, let count, _) = visitor.pointee.requestBody.pass(bytes.bytes, &cursor) else {
                return requestBroke(slot)
            }
            let part = Slice(buffer: front.buffer, offset: front.offset, count: UInt32(count))
            if count > 0 {
                keepForReplay(slot, part)
                sendOnStream(visitor.pointee.stream, part)
                visitor.pointee.requestBytes += count
                buffers.dropFirst(&visitor.pointee.input, count)
            }
        }
        adjustVisitorReading(slot)
        return finishExchange(slot)
    }

    @_noLocks
    private mutating func requestEnded(_ slot: UInt32) {
        let visitor = visitors[slot]
        visitor.pointee.requestIsDone = true
        if visitor.pointee.answer == .awaitingHead {
            setDeadline(
                visitor.pointee.socket, now.advanced(milliseconds: limits[.answerHeadTimeoutMilliseconds]))
        }
    }

    @_noLocks
    private mutating func keepForReplay(_ slot: UInt32, _ part: Slice) {
        let visitor = visitors[slot]
        guard visitor.pointee.mayReplay else { return }
        guard !visitor.pointee.answerStarted, !isShortOfBuffers,
            visitor.pointee.replay.byteCount + Int(part.count) <= Int(limits[.replayBytesMax]),
            buffers.appendPacked(&visitor.pointee.replay, part)
        else {
            visitor.pointee.mayReplay = false
            return buffers.clear(&visitor.pointee.replay)
        }
    }

    /// The body's framing is broken: nothing after it can be understood.
    @_noLocks
    private mutating func requestBroke(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        let stream = visitor.pointee.stream
        visitor.pointee.stream = .max
        resetStream(stream, .ambiguousFraming)
        if visitor.pointee.answerStarted {
            endVisitor(slot, .ambiguousFraming)
        } else {
            refuse(slot, status: 400, .ambiguousFraming, closes: true)
        }
        return false
    }

    /// Drops the body of a refused request. True when it is over and the next head may come.
    @_noLocks
    mutating func discardBody(_ slot: UInt32) -> Bool {
        let visitor = visitors[slot]
        while !visitor.pointee.requestBody.isDone {
            guard let front = buffers.first(visitor.pointee.input) else {
                setDeadline(visitor.pointee.socket, now.advanced(milliseconds: limits[.headTimeoutMilliseconds]))
                wantBytes(visitor.pointee.socket, true)
                return false
            }
            var cursor = 0
            let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
            guard case .run(_, let count, _) = visitor.pointee.requestBody.pass(bytes.bytes, &cursor) else {
                endVisitor(slot, .ambiguousFraming)
                return false
            }
            buffers.dropFirst(&visitor.pointee.input, count)
        }
        prepareNextRequest(slot)
        return true
    }

    /// Passes what is there to the stream, unread.
    @_noLocks
    mutating func forwardRaw(_ slot: UInt32) {
        let visitor = visitors[slot]
        while let front = buffers.first(visitor.pointee.input) {
            if pausesSource(visitor.pointee.stream) { return wantBytes(visitor.pointee.socket, false) }
            if !visitor.pointee.answerStarted {
                keepForReplay(slot, front)
                visitor.pointee.requestBytes += Int(front.count)
            }
            sendOnStream(visitor.pointee.stream, front)
            buffers.dropFirst(&visitor.pointee.input, Int(front.count))
        }
        wantBytes(visitor.pointee.socket, true)
    }
}
