internal import CLiburing
internal import CLinux
internal import Operations
internal import Primitives

// How the kernel's completions become the worker's.

extension RingShell {
    /// What the shell's own entries carry: a kind no operation has. Their completions end here.
    static var ownToken: UInt64 { @_noLocks get { 0xFF << 56 } }

    /// The worker's completion, nil when it is the shell's own.
    @_noLocks
    mutating func interpret(_ raw: UInt64, _ result: Int32, _ flags: UInt32) -> Completion? {
        // Buffer, more, and the buffer's number; the kernel's other hints are not the worker's.
        let kept = flags & (0xFFFF_0000 | UInt32(IORING_CQE_F_BUFFER) | UInt32(IORING_CQE_F_MORE))
        let token = Token(raw: raw)
        if token.kind == .receiveDatagram { return receivedDatagram(token, result, kept) }
        if kept & UInt32(IORING_CQE_F_BUFFER) != 0 { return receivedBytes(token, result, kept) }
        switch token.kind {
        case nil:
            return nil
        case .woken:
            if kept & UInt32(IORING_CQE_F_MORE) == 0 { watchAgain(token) }
            return Completion(token: token, result: 0)
        case .receiveMessage:
            let address = messages.take(token)
            if result >= 0 { OperationCalls.takeDescriptors(ofMessageAt: address) }
        case .accept:
            return accepted(token, result, kept)
        case .openSocket:
            if result >= 0 {
                tokens.forget(result)
                culvert_tune_socket(result)
            }
        default:
            break
        }
        return Completion(token: token, result: result, flags: kept)
    }

    /// Bytes of a stream, in one buffer or in several: the worker gets a completion for each.
    @_noLocks
    private mutating func receivedBytes(_ token: Token, _ result: Int32, _ flags: UInt32) -> Completion {
        provided.streams.took()
        let room = Int32(provided.streams.payloadBytes)
        guard result > room else { return Completion(token: token, result: result, flags: flags) }
        bundle.token = token
        bundle.rest = result - room
        bundle.flags = flags
        return Completion(token: token, result: room, flags: flags | UInt32(IORING_CQE_F_MORE))
    }

    /// The next buffer of a completion that filled several.
    @_noLocks
    mutating func nextOfBundle() -> Completion? {
        guard bundle.rest > 0 else { return nil }
        let room = Int32(provided.streams.payloadBytes)
        let id = provided.streams.following(bundle.flags >> 16)
        provided.streams.took()
        bundle.flags = bundle.flags & 0xFFFF | id << 16
        let count = min(bundle.rest, room)
        bundle.rest -= count
        statistics.completions &+= 1
        let more = bundle.rest > 0 ? UInt32(IORING_CQE_F_MORE) : 0
        return Completion(token: bundle.token, result: count, flags: bundle.flags | more)
    }

    /// The kernel puts a header and the sender's name in front of a datagram; the worker finds the sender's address there.
    @_noLocks
    private mutating func receivedDatagram(_ token: Token, _ result: Int32, _ flags: UInt32) -> Completion {
        let completion = Completion(token: token, result: result, flags: flags)
        guard completion.hasBuffer else { return completion }
        provided.datagrams?.took()
        let headBytes = Int32(truncatingIfNeeded: DatagramBuffer.headBytes)
        precondition(result >= headBytes, "a datagram without its header")
        let start = provided.datagrams?.address(of: completion.bufferID) ?? 0
        var count: UInt32 = 0
        let name = culvert_datagram_name(UnsafeRawPointer(bitPattern: start), &count)
        var high: UInt64 = 0
        var low: UInt64 = 0xFFFF_0000_0000
        var port: UInt16 = 0
        _ = culvert_read_address(name, count, &high, &low, &port)
        // The address takes the place of what it was read from.
        let peer = OperationCalls.peer(at: start)
        peer.pointee.high = high
        peer.pointee.low = low
        peer.pointee.port = port
        return Completion(token: token, result: result - headBytes, flags: flags)
    }

    /// The kernel also ends a shot that accepts when its completions overflow. The worker's goes on until it is
    /// cancelled, closed or fails.
    @_noLocks
    private mutating func accepted(_ token: Token, _ result: Int32, _ flags: UInt32) -> Completion {
        if result >= 0 { tokens.forget(result) }
        let isMore = flags & UInt32(IORING_CQE_F_MORE) != 0
        if isMore { return Completion(token: token, result: result, flags: flags) }
        let descriptor = accepts.word(of: token)
        guard result >= 0, descriptor != 0 else {
            _ = accepts.take(token)
            return Completion(token: token, result: result, flags: flags)
        }
        culvert_prep_accept(entry(), Int32(descriptor - 1), token.raw)
        return Completion(token: token, result: result, flags: flags | UInt32(IORING_CQE_F_MORE))
    }

    /// The kernel ended the watch of an external wake (its completions overflowed): watch anew.
    @_noLocks
    private mutating func watchAgain(_ token: Token) {
        for index in 0..<wakes.count where wakes.token(index).raw == token.raw {
            culvert_prep_watch(entry(), wakes.descriptor(index), token.raw)
        }
    }
}
