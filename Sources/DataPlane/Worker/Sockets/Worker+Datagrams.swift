import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Sockets of datagrams. What is received is copied at once to where it is going, so that its buffer goes straight back to
// the shell; what is to be sent waits in queues as it travels on streams, each datagram behind its length.

extension Worker {
    /// Hands a datagram buffer to the shell.
    mutating func lendDatagramBuffer(_ buffer: UInt32) {
        operations.append(Operation(.provideDatagramBuffer, token: Token(raw: 0), descriptor: -1, length: buffer))
    }

    // MARK: Receiving

    @inline(never) @_semantics("no_performance_analysis")
    mutating func completeReceiveDatagram(_ completion: Completion) {
        let slot = completion.token.slot
        precondition(sockets.isCurrent(slot, completion.token.generation), "a receive outlived its socket")
        let socket = sockets[slot]
        if !completion.isMore {
            socket.pointee.receiving = .idle
            socket.pointee.inFlight -= 1
        }
        if completion.hasBuffer {
            if !socket.pointee.isClosing { deliverDatagram(slot, completion) }
            lendDatagramBuffer(completion.bufferID)
        } else if !socket.pointee.isClosing {
            datagramsEnded(slot, completion.result)
        }
        guard sockets.isCurrent(slot, completion.token.generation) else { return }
        settle(slot)
    }

    private mutating func deliverDatagram(_ slot: UInt32, _ completion: Completion) {
        let socket = sockets[slot]
        guard let base = datagramBase else { preconditionFailure("a datagram without memory for it") }
        let start = base + Int(completion.bufferID) * DatagramBuffer.strideBytes
        let bytes = UnsafeRawBufferPointer(
            start: start + DatagramBuffer.headBytes, count: Int(completion.result))
        switch socket.pointee.role {
        case .target:
            targetDatagramReceived(socket.pointee.owner, bytes)
        case .datagrams:
            visitDatagramReceived(socket.pointee.owner, from: start.load(as: PeerAddress.self), bytes)
        case .visitor, .link, .visit, .none:
            break
        }
    }

    /// The shot ended. Buffers are given back as soon as they are read: after a lack of them it is simply armed again.
    private mutating func datagramsEnded(_ slot: UInt32, _ result: Int32) {
        let socket = sockets[slot]
        switch result {
        case -SystemError.noBuffers:
            counters.add(.buffersExhausted)
        case -SystemError.cancelled, -SystemError.interrupted, -SystemError.again:
            return
        default:
            datagramFailed(slot, result)
            // A service's socket stays; what is wrong may last for a moment.
            guard socket.pointee.role == .datagrams else { return }
            socket.pointee.wantsBytes = false
            setDeadline(slot, now.advanced(milliseconds: Worker.deafMilliseconds))
        }
    }

    /// How long a service's socket is left alone after an error.
    static var deafMilliseconds: UInt64 { 100 }

    // MARK: Sending

    /// Sends every whole datagram that waits in the socket's queue.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func sendDatagrams(_ slot: UInt32) {
        let socket = sockets[slot]
        while buffers.hasDatagram(socket.pointee.out) {
            guard sendDatagram(slot, from: &socket.pointee.out) else { return }
        }
        if socket.pointee.closesWhenSent {
            closeSocket(slot)
        } else if socket.pointee.role == .target {
            targetDrained(socket.pointee.owner)
        }
    }

    /// Sends the first datagram of a queue, which is whole; to `peer` where the socket is not connected. False, and later
    /// tried again, when too many are in flight.
    mutating func sendDatagram(
        _ slot: UInt32, from queue: inout SliceQueue, to peer: PeerAddress? = nil, _ family: DialFamily? = nil
    ) -> Bool {
        guard let length = buffers.datagramLength(queue), let index = datagrams.take() else {
            datagramsWait = true
            return false
        }
        buffers.dropFirst(&queue, DatagramHeader.byteCount)
        let entry = datagrams.entry(index)
        entry.initialize(to: DatagramPool.InFlight(bytes: buffers.takeFirst(length, of: &queue), socket: slot))
        let datagram = datagrams[index]
        var cursor = entry.pointee.bytes.head
        var count = 0
        while count < SendVector.capacity, let slice = buffers.next(&cursor) {
            datagram.pointee.vector.ranges[count] = SendRange(
                address: UInt(bitPattern: buffers.pointer(slice)), count: UInt(slice.count))
            count += 1
        }
        guard cursor == .max else {
            // In more pieces than one call takes: only where buffers were too short to put them together.
            note(.datagramOverflow)
            buffers.clear(&entry.pointee.bytes)
            datagrams.give(index)
            return true
        }
        if count == 0 {
            datagram.pointee.vector.ranges[0] = SendRange(address: UInt(bitPattern: datagram), count: 0)
            count = 1
        }
        datagram.pointee.vector.count = UInt32(count)
        datagram.pointee.vector.bytes = UInt32(length)
        datagram.pointee.family = family?.rawValue ?? 0
        if let peer { datagram.pointee.peer = peer }
        sockets[slot].pointee.inFlight += 1
        operations.append(
            Operation(
                .sendDatagram, token: Token(.sendDatagram, slot: index, generation: 0),
                descriptor: sockets[slot].pointee.descriptor, address: UInt(bitPattern: datagram)))
        return true
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func completeSendDatagram(_ completion: Completion) {
        let index = completion.token.slot
        let entry = datagrams.entry(index)
        let slot = entry.pointee.socket
        buffers.clear(&entry.pointee.bytes)
        datagrams.give(index)
        let socket = sockets[slot]
        socket.pointee.inFlight -= 1
        if completion.result < 0, !socket.pointee.isClosing { datagramFailed(slot, completion.result) }
        if sockets.isLive(slot), socket.pointee.isClosing { finishClosing(slot) }
        if datagramsWait { sendWaitingDatagrams() }
    }

    /// A datagram was refused by the system or by its receiver's. A target that is not there ends its stream; everything
    /// else costs the one datagram.
    private mutating func datagramFailed(_ slot: UInt32, _ result: Int32) {
        let socket = sockets[slot]
        switch result {
        case -SystemError.cancelled:
            return
        case -SystemError.messageTooLong:
            note(.datagramTooLong)
        case -SystemError.connectionRefused where socket.pointee.role == .target:
            targetUnreachable(socket.pointee.owner, .dialFailed)
        default:
            note(.socketError)
        }
    }

    /// There is room again for what found none. Rare: everything is looked at.
    private mutating func sendWaitingDatagrams() {
        datagramsWait = false
        var slot: UInt32 = 0
        while slot < sockets.end {
            if sockets.isLive(slot), sockets[slot].pointee.isDatagram, !sockets[slot].pointee.out.isEmpty {
                queueFlush(slot)
            }
            slot += 1
        }
        slot = 0
        while slot < visits.end {
            if visits.isLive(slot), !visits[slot].pointee.inbound.isEmpty { answerWithDatagrams(slot) }
            slot += 1
        }
    }
}
