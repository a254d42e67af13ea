internal import CLinux
internal import Operations
internal import Primitives

/// What trying an operation came to.
enum Attempt {
    /// The descriptor is not ready.
    case blocked
    /// A multishot operation gave a completion and goes on.
    case more(Completion)
    /// The operation is over.
    case done(Completion)
}

extension PollShell {
    @_noLocks
    mutating func attemptRead(
        _ operation: Operation, _ record: UnsafeMutablePointer<WatchedDescriptors.Record>
    ) -> Attempt {
        switch operation.kind {
        case .receive, .receiveOnce:
            return attemptReceive(operation, record)
        case .receiveDatagram:
            return attemptReceiveDatagram(operation)
        case .receiveMessage:
            let header = OperationCalls.header(ofMessageAt: operation.address, sending: false)
            let result = culvert_receive_message(operation.descriptor, header)
            if isBlocked(result) { return .blocked }
            if result >= 0 { OperationCalls.takeDescriptors(ofMessageAt: operation.address) }
            return .done(Completion(token: operation.token, result: result))
        case .accept:
            let result = culvert_accept(operation.descriptor)
            if isBlocked(result) { return .blocked }
            guard result >= 0 else { return .done(Completion(token: operation.token, result: result)) }
            descriptors.renew(result)
            let flags = Completion.flags(buffer: nil, more: true)
            return .more(Completion(token: operation.token, result: result, flags: flags))
        default:
            preconditionFailure("not a reading operation")
        }
    }

    /// As the kernel does it: without a buffer the shot ends, and only bytes use a buffer up.
    @_noLocks
    private mutating func attemptReceive(
        _ operation: Operation, _ record: UnsafeMutablePointer<WatchedDescriptors.Record>
    ) -> Attempt {
        guard !buffers.isEmpty else { return .done(Completion(token: operation.token, result: -ENOBUFS)) }
        let id = buffers.top()
        let room = UnsafeMutableRawPointer(bitPattern: buffers.geometry.payloadAddress(of: id))
        let result = culvert_receive(operation.descriptor, room, Int(buffers.geometry.payloadBytes))
        if isBlocked(result) { return .blocked }
        guard result > 0 else { return .done(Completion(token: operation.token, result: result)) }
        buffers.take()
        // A short read empties the socket; the edge of what comes later is still to come. Not so at the end of the
        // stream, whose edge may be the one we are working on.
        if UInt32(result) < buffers.geometry.payloadBytes && !record.pointee.isHungUp { record.pointee.mayRead = false }
        let isMore = operation.kind == .receive
        let flags = Completion.flags(buffer: id, more: isMore)
        let completion = Completion(token: operation.token, result: result, flags: flags)
        return isMore ? .more(completion) : .done(completion)
    }

    /// An empty datagram uses a buffer too: its sender stands in it.
    @_noLocks
    private mutating func attemptReceiveDatagram(_ operation: Operation) -> Attempt {
        guard !datagrams.isEmpty else { return .done(Completion(token: operation.token, result: -ENOBUFS)) }
        let id = datagrams.top()
        let start = datagrams.geometry.payloadAddress(of: id)
        let room = UnsafeMutableRawPointer(bitPattern: start &+ UInt(bitPattern: DatagramBuffer.headBytes))
        let peer = OperationCalls.peer(at: start)
        let result = culvert_receive_datagram(
            operation.descriptor, room, DatagramBuffer.dataBytes, &peer.pointee.high, &peer.pointee.low,
            &peer.pointee.port)
        if isBlocked(result) { return .blocked }
        guard result >= 0 else { return .done(Completion(token: operation.token, result: result)) }
        datagrams.take()
        return .more(
            Completion(token: operation.token, result: result, flags: Completion.flags(buffer: id, more: true)))
    }

    @_noLocks
    mutating func attemptWrite(_ operation: Operation) -> Attempt {
        let descriptor = operation.descriptor
        let result: Int32
        switch operation.kind {
        case .send:
            let bytes = UnsafeRawPointer(bitPattern: operation.address)
            result = culvert_send(descriptor, bytes, Int(operation.length))
        case .sendVector:
            result = culvert_send_message(descriptor, OperationCalls.header(ofVectorAt: operation.address))
        case .sendDatagram:
            result = culvert_send_message(descriptor, OperationCalls.header(ofDatagramAt: operation.address))
        case .sendMessage:
            let header = OperationCalls.header(ofMessageAt: operation.address, sending: true)
            result = culvert_send_message(descriptor, header)
        case .connect:
            return attemptConnect(operation)
        default:
            preconditionFailure("not a writing operation")
        }
        if isBlocked(result) { return .blocked }
        return .done(Completion(token: operation.token, result: result))
    }

    /// The first call starts it, a later one says how it ended (and clears the socket's error, as SO_ERROR would).
    /// -EAGAIN is an end: the queue of a Unix listener is full, and no event would say when it is not.
    @_noLocks
    private mutating func attemptConnect(_ operation: Operation) -> Attempt {
        let address = OperationCalls.socketAddress(of: operation.address)
        let result = culvert_connect(operation.descriptor, address.room, address.count)
        switch result {
        case -EINPROGRESS, -EALREADY, -EINTR:
            return .blocked
        default:
            return .done(Completion(token: operation.token, result: result))
        }
    }

    @_noLocks
    private func isBlocked(_ result: Int32) -> Bool { result == -EAGAIN || result == -EINTR }
}
