package import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// From a stream's header to its local service: a target is chosen among those that take the host the server sent, its
// name is resolved, its addresses are dialled, and when they fail the next target is tried; all within the time that the
// server waits. The visitor's host only ever chooses among what is configured: it is never dialled.

extension Worker {
    /// The header was read: the stream's way to its service begins.
    mutating func beginTargetDial(_ streamSlot: UInt32, visitor: SocketAddress, host: InlineText, port: UInt16) {
        guard let client else { preconditionFailure("only a client has targets") }
        guard let group = targets(of: streams[streamSlot].pointee.link) else {
            return targetUnreachable(streamSlot, .shutdown)
        }
        let eligible = group.eligible(for: host)
        guard eligible != 0 else { return targetUnreachable(streamSlot, .noRoute) }
        client.dials[streamSlot] = TargetDial(
            group: group, generation: streams.generation(of: streamSlot), visitor: visitor, port: port,
            deadline: now.advanced(milliseconds: limits[.openedTimeoutMilliseconds]), untried: eligible)
        dialNextTarget(streamSlot)
    }

    /// Tries the next node; without one the stream is given up.
    private mutating func dialNextTarget(_ streamSlot: UInt32) {
        guard let client else { preconditionFailure("a dial without a desk") }
        guard var dial = client.dials[streamSlot] else { preconditionFailure("a dial without a stream") }
        let chosen =
            dial.deadline <= now
            ? nil
            : dial.group.selection.choose(among: dial.untried, key: dial.visitor.key, &client.random, now: now)
        guard let chosen else { return targetUnreachable(streamSlot, dial.failure) }
        dial.node = chosen
        dial.addressIndex = 0
        dial.untried &= ~(1 << UInt64(chosen))
        client.dials[streamSlot] = dial
        dialTarget(streamSlot, dial)
    }

    /// Dials the chosen node at the chosen address, or waits for its name.
    private mutating func dialTarget(_ streamSlot: UInt32, _ dial: TargetDial) {
        guard let client else { return }
        switch dial.group.nodes[dial.node].address {
        case .unix(let path): openDial(.unix(path), .target, owner: streamSlot)
        case .host(let host, let port):
            guard let known = client.names.addresses(of: host, now: now) else {
                client.dials[streamSlot]?.awaitedName = host
                return client.awaitingNames.append(streamSlot)
            }
            var address = known[min(dial.addressIndex, known.count - 1)]
            address.port = port
            openDial(.ip(address), .target, owner: streamSlot)
        }
    }

    /// The socket is there: the address to connect it to. An attempt may take its share of the time that is left.
    mutating func targetSocketOpened(_ streamSlot: UInt32, _ socket: UInt32) -> DialedAddress {
        guard let client else { preconditionFailure("a dial without a desk") }
        guard let dial = client.dials[streamSlot] else { preconditionFailure("a target's socket without a dial") }
        let share = UInt64(attemptsLeft(dial, client))
        setDeadline(socket, now.advanced(milliseconds: dial.deadline.milliseconds(since: now) / share + 1))
        switch dial.group.nodes[dial.node].address {
        case .unix(let path): return .unix(path)
        case .host(let host, let port):
            // Asked again: what was known when the socket was ordered is known now.
            let known = client.names.addresses(of: host, now: now) ?? [.unknown]
            var address = known[min(dial.addressIndex, known.count - 1)]
            address.port = port
            return .ip(address)
        }
    }

    /// Attempts that may still be made for a stream, the present one included.
    private func attemptsLeft(_ dial: TargetDial, _ client: ClientDesk) -> Int {
        addressCount(dial, client) - dial.addressIndex + dial.untried.nonzeroBitCount
    }

    private func addressCount(_ dial: TargetDial, _ client: ClientDesk) -> Int {
        guard case .host(let host, _) = dial.group.nodes[dial.node].address else { return 1 }
        return max(client.names.addresses(of: host, now: now)?.count ?? 1, dial.addressIndex + 1)
    }

    /// An attempt came to nothing: the node's next address, then the next node.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func targetAttemptFailed(_ streamSlot: UInt32, _ reason: Reason) {
        guard let client else { preconditionFailure("a dial without a desk") }
        guard var dial = client.dials[streamSlot] else { preconditionFailure("a failed attempt without a dial") }
        if case .target(let socket) = streams[streamSlot].pointee.partner, socket != .max { closeSocket(socket) }
        streams[streamSlot].pointee.partner = .target(socket: .max)
        dial.failure = reason
        dial.awaitedName = nil
        if dial.addressIndex + 1 < addressCount(dial, client), dial.deadline > now {
            dial.addressIndex += 1
            client.dials[streamSlot] = dial
            return dialTarget(streamSlot, dial)
        }
        dial.group.selection.failed(dial.node, now: now)
        client.dials[streamSlot] = dial
        dialNextTarget(streamSlot)
    }

    /// The service answered: nothing is held against it, and it is told who comes where it asked for that. False when
    /// the stream had to be given up.
    mutating func targetAnswered(_ streamSlot: UInt32, _ socket: UInt32) -> Bool {
        guard let dial = client?.dials.removeValue(forKey: streamSlot) else {
            preconditionFailure("a connected target without a dial")
        }
        dial.group.selection.succeeded(dial.node)
        let isAnnounced = dial.group.proxyVersion > 0 && !sockets[socket].pointee.isDatagram
        guard !isAnnounced || putProxyHeader(socket, dial) else {
            targetUnreachable(streamSlot, .buffersFull)
            return false
        }
        return true
    }

    /// Ahead of everything else: the visitor's address, and the port it came to (protocol tunnel-client §5.1). False
    /// without a buffer.
    private mutating func putProxyHeader(_ socket: UInt32, _ dial: TargetDial) -> Bool {
        guard let room = buffers.cutArena(ProxyHeader.writtenBytesMax) else { return false }
        let visitor = dial.visitor
        let isKnown = visitor.high != 0 || visitor.low & 0xFFFF_FFFF != 0
        let address =
            visitor.ipv4 != nil
            ? SocketAddress(ipv4: 0, port: dial.port) : SocketAddress(high: 0, low: 0, port: dial.port)
        let header = ProxyHeader(source: isKnown ? visitor : nil, destination: isKnown ? address : nil)
        var writer = ByteWriter(
            UnsafeMutableRawBufferPointer(start: buffers.pointer(room), count: ProxyHeader.writtenBytesMax))
        if dial.group.proxyVersion == 1 { header.writeText(to: &writer) } else { header.writeBinary(to: &writer) }
        guard let count = writer.finished else { preconditionFailure("a PROXY header outgrew its room") }
        buffers.append(
            &sockets[socket].pointee.out, Slice(buffer: room.buffer, offset: room.offset, count: UInt32(count)))
        return true
    }

    /// A name was resolved, or could not be (no address): the servers and targets that wait for it are dialled.
    package mutating func resolved(_ host: String, _ addresses: [SocketAddress]) {
        guard let client else { return }
        client.resolved(host, addresses, now: now)
        visitsResolved(host, isKnown: !addresses.isEmpty)
        let waiting = client.awaitingNames
        client.awaitingNames = []
        for slot in waiting {
            guard let dial = client.dials[slot], streams.isCurrent(slot, dial.generation),
                let name = dial.awaitedName
            else { continue }
            guard name == host else {
                client.awaitingNames.append(slot)
                continue
            }
            if addresses.isEmpty {
                targetAttemptFailed(slot, .dialFailed)
            } else {
                client.dials[slot]?.awaitedName = nil
                dialTarget(slot, dial)
            }
        }
    }

    /// Gives up the streams whose target's name was not resolved in time.
    mutating func endLateDials(_ client: ClientDesk) {
        while let slot = client.awaitingNames.first {
            guard let dial = client.dials[slot], streams.isCurrent(slot, dial.generation), dial.awaitedName != nil
            else {
                client.awaitingNames.removeFirst()
                continue
            }
            guard dial.deadline <= now else { return }
            client.awaitingNames.removeFirst()
            targetAttemptFailed(slot, .dialTimeout)
        }
    }
}

extension SocketAddress {
    /// Equal for connections from the same machine.
    fileprivate var key: UInt64 { high ^ low }
}
