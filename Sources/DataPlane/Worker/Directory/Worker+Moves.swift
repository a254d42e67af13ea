import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// A visitor goes to the worker that holds the connector it needs: with its descriptor and its unread bytes, when nothing
// of it is in flight here, at most once per request.

/// What of a visitor travels; its unread bytes come before it.
struct VisitorMove: BitwiseCopyable {
    var descriptor: Int32
    var visitor: Visitor
}

/// What of a relay visitor's link travels.
struct LinkMove: BitwiseCopyable {
    var descriptor: Int32
    var link: Link
    var address: RelayAddress
}

extension Worker {
    /// The visitor's next request belongs to another worker. It goes when it is quiet.
    @_noLocks
    mutating func startMove(_ slot: UInt32, to worker: UInt8) {
        let visitor = visitors[slot]
        visitor.pointee.phase = .moving
        visitor.pointee.destination = worker
        finishParkedStreams(slot)
        sockets[visitor.pointee.socket].pointee.receivesOnce = true
        sockets[visitor.pointee.socket].pointee.wantsBytes = false
        cancelReceiving(visitor.pointee.socket)
        // It goes when it has read what it was answered before: for as long as it might be idle.
        setDeadline(visitor.pointee.socket, now.advanced(milliseconds: limits[.keepAliveIdleMilliseconds]))
        moveIfQuiet(visitor.pointee.socket)
    }

    /// Called whenever something of a socket completed: a mover that has nothing in flight any more goes.
    @_noLocks
    mutating func moveIfQuiet(_ socketSlot: UInt32) {
        let socket = sockets[socketSlot]
        guard socket.pointee.inFlight == 0, socket.pointee.out.isEmpty, !socket.pointee.isStarved,
            !socket.pointee.isClosing
        else { return }
        switch socket.pointee.role {
        case .visitor where visitors[socket.pointee.owner].pointee.phase == .moving:
            moveVisitor(socket.pointee.owner)
        case .link where links[socket.pointee.owner].pointee.phase == .moving:
            moveLink(socket.pointee.owner)
        default:
            return
        }
    }

    @_noLocks
    private mutating func moveVisitor(_ slot: UInt32) {
        let visitor = visitors[slot]
        let worker = Int(visitor.pointee.destination)
        let socketSlot = visitor.pointee.socket
        guard takesWay(socketSlot, to: worker, messages: Int(visitor.pointee.input.count) + 1) else {
            return buffers.pack(&visitor.pointee.input)
        }
        let descriptor = sockets[socketSlot].pointee.descriptor
        sendBytes(&visitor.pointee.input, to: worker)
        visitor.pointee.moves += 1
        if !visitor.pointee.isRestless { visitor.pointee.movesInAll += 1 }
        leaveSource(slot)
        visitor.pointee.inputEnded = visitor.pointee.inputEnded || sockets[socketSlot].pointee.endOfInput
        post(worker, with: VisitorMove(descriptor: descriptor, visitor: visitor.pointee)) { .adoptVisitor($0) }
        buffers.clear(&visitor.pointee.replay)
        buffers.clear(&visitor.pointee.answerHead)
        visitors.give(slot)
        forgetSocket(socketSlot)
        counters.add(.visitorsMoved)
    }

    /// Lends the slices of a queue to another worker; they come back by `parcelTaken`.
    @_noLocks
    private mutating func sendBytes(_ queue: inout SliceQueue, to worker: Int) {
        while let slice = buffers.popFirst(&queue) {
            post(
                worker,
                .moreBytes(
                    Parcel(
                        address: UInt(bitPattern: buffers.pointer(slice)), count: slice.count, buffer: slice.buffer)))
        }
    }

    /// The descriptor lives on elsewhere: only our slot is given back.
    @_noLocks
    private mutating func forgetSocket(_ slot: UInt32) {
        timers.clear(slot)
        operations.append(
            Operation(.forget, token: Token(raw: 0), descriptor: sockets[slot].pointee.descriptor))
        descriptorsHeld -= 1
        // Its owner is gone already: the flush must not look for it.
        sockets[slot].pointee.role = .none
        if sockets[slot].pointee.isInFlushList { flushSockets() }
        sockets.give(slot)
    }

    // MARK: Adoption

    @_noLocks
    mutating func takeBytes(_ parcel: Parcel, from worker: Int) {
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(bitPattern: parcel.address), count: Int(parcel.count))
        if !buffers.appendCopy(&incoming[worker], bytes) { incomingBroken |= 1 << UInt64(worker) }
        post(worker, .parcelTaken(buffer: parcel.buffer))
    }

    /// Whether everything that was sent ahead of a visitor is here; a hole in its bytes would be another request.
    @_noLocks
    private mutating func hasAllBytes(from worker: Int, _ descriptor: Int32) -> Bool {
        operations.append(Operation(.forget, token: Token(raw: 0), descriptor: descriptor))
        guard incomingBroken & 1 << UInt64(worker) != 0 else { return true }
        incomingBroken &= ~(1 << UInt64(worker))
        buffers.clear(&incoming[worker])
        note(.buffersFull)
        closeDescriptor(descriptor)
        return false
    }

    /// What came from another worker finds no place, not even to be told so.
    @_noLocks
    private mutating func turnAway(_ descriptor: Int32, _ bytes: inout SliceQueue, _ reason: Reason) {
        note(reason)
        buffers.clear(&bytes)
        closeDescriptor(descriptor)
    }

    @_noLocks
    mutating func adoptVisitor(_ move: VisitorMove, from worker: Int) {
        guard hasAllBytes(from: worker, move.descriptor) else { return }
        var visitor = move.visitor
        visitor.input = incoming[worker]
        incoming[worker] = SliceQueue()
        visitor.replay = SliceQueue()
        visitor.answerHead = SliceQueue()
        visitor.phase = visitor.isTLS ? .hello : .head
        // It was let in where it came from: here any place will do.
        if case .refused(let reason) = admitVisitor() { return turnAway(move.descriptor, &visitor.input, reason) }
        guard let slot = visitors.take(visitor) else { return turnAway(move.descriptor, &visitor.input, .visitorsFull) }
        guard let socket = openSocket(move.descriptor, .visitor, owner: slot) else {
            visitors.give(slot)
            return turnAway(move.descriptor, &visitor.input, .visitorsFull)
        }
        visitors[slot].pointee.socket = socket
        sockets[socket].pointee.receivesOnce = visitor.isRestless
        sockets[socket].pointee.endOfInput = visitor.inputEnded
        // Counted here from now on; it was admitted where it came from.
        if visitor.origin != .node, !trustedProxies.contains(visitor.source) {
            visitors[slot].pointee.sourceSlot = sources.enter(visitor.source, max: .max) ?? .max
        }
        serveVisitor(slot)
    }

    // MARK: Relay visitors

    /// Bytes of one relay visitor that may be gathered on its way: what was kept, and a receive or two.
    private static var movingBytesMax: Int { 4 * BufferStore.payload }

    /// The relay visitor needs a connector of another worker. It goes when it is quiet: when the bytes at hand are read
    /// to their end, because those behind the request travel with it, and when its answer is out.
    mutating func startLinkMove(_ linkSlot: UInt32, to worker: UInt8) {
        let link = links[linkSlot]
        link.pointee.phase = .moving
        link.pointee.destination = worker
        let socket = link.pointee.socket
        sockets[socket].pointee.receivesOnce = true
        sockets[socket].pointee.wantsBytes = false
        cancelReceiving(socket)
        setLinkDeadline(linkSlot)
        // With nothing in flight no completion would say that it is quiet.
        queueFlush(socket)
    }

    /// Bytes that come while the visitor is on its way go with it.
    @_noLocks
    mutating func gatherWhileMoving(_ linkSlot: UInt32, _ slice: Slice) {
        let link = links[linkSlot]
        guard link.pointee.pending.byteCount + Int(slice.count) <= Worker.movingBytesMax else {
            return endLinkLater(linkSlot, .relayFault)
        }
        if !buffers.appendCopy(&link.pointee.pending, UnsafeRawBufferPointer(buffers.bytes(slice))) {
            endLinkLater(linkSlot, .buffersFull)
        }
    }

    @_noLocks
    private mutating func moveLink(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        // Pongs that are not out yet are sent first; an end that is decided comes before any move.
        guard link.pointee.control.isEmpty, link.pointee.plain.isEmpty, link.pointee.doom == nil else { return }
        let worker = Int(link.pointee.destination)
        let socketSlot = link.pointee.socket
        guard takesWay(socketSlot, to: worker, messages: Int(link.pointee.pending.count) + 1) else {
            return buffers.pack(&link.pointee.pending)
        }
        let descriptor = sockets[socketSlot].pointee.descriptor
        forgetReplay(linkSlot)
        sendBytes(&link.pointee.pending, to: worker)
        link.pointee.hasMoved = true
        link.pointee.visit.inputEnded = link.pointee.visit.inputEnded || sockets[socketSlot].pointee.endOfInput
        let address = address(of: linkSlot)
        forgetAddress(linkSlot)
        post(worker, with: LinkMove(descriptor: descriptor, link: link.pointee, address: address)) {
            .adoptRelayVisitor($0)
        }
        links.give(linkSlot)
        forgetSocket(socketSlot)
        counters.add(.visitorsMoved)
    }

    @_noLocks
    mutating func adoptLink(_ move: LinkMove, from worker: Int) {
        guard hasAllBytes(from: worker, move.descriptor) else { return }
        var link = move.link
        link.pending = incoming[worker]
        incoming[worker] = SliceQueue()
        link.control = SliceQueue()
        link.plain = SliceQueue()
        if case .refused(let reason) = admitLink() { return turnAway(move.descriptor, &link.pending, reason) }
        guard let slot = links.take(link) else { return turnAway(move.descriptor, &link.pending, .linksFull) }
        guard let socket = openSocket(move.descriptor, .link, owner: slot) else {
            links.give(slot)
            return turnAway(move.descriptor, &link.pending, .linksFull)
        }
        links[slot].pointee.socket = socket
        setAddress(slot, move.address)
        sockets[socket].pointee.endOfInput = link.visit.inputEnded
        if link.isPeerOnItsWay { return adoptPeerLink(slot) }
        findConnector(slot)
    }
}
