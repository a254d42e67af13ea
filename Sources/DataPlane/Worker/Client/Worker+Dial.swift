import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The dialling side of a link: connect, upgrade, BIND, and then the same frames as everywhere.

extension Worker {
    /// When the client wants a turn.
    @inline(never) @_semantics("no_performance_analysis")
    func clientDeadline() -> Tick { client?.nextDeadline ?? .never }

    /// Starts what is due.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func performClient() {
        guard let client else { return }
        client.visits.report(now)
        endDepartures(client)
        endLateDials(client)
        for position in client.connections.indices {
            if client.connections[position].announceBy <= now { client.announce(position) }
            switch client.connections[position].state {
            case .waiting(let until) where until <= now: dialServer(position, client)
            case .resolving(let until) where until <= now: client.failed(position, .dialTimeout, now: now)
            case .waiting, .resolving, .connecting, .bound, .gone: continue
            }
        }
    }

    private mutating func dialServer(_ position: Int, _ client: ClientDesk) {
        guard let address = client.nextAddress(position, now: now) else {
            client.connections[position].state = .resolving(
                until: now.advanced(milliseconds: ClientDesk.resolveMilliseconds))
            return
        }
        let server = client.server(position)
        client.connecting(position)
        var link = Link(
            socket: .max, phase: .connecting, service: ServiceIndex(0), isWebSocket: server.isWebSocket,
            isClient: true, muxVersion: client.connections[position].plan.muxVersion, now: now)
        link.cipher = LinkCipher(server.cipher)
        link.connection = UInt32(position)
        link.tunnel = client.connections[position].plan.tunnel
        link.isUDP = client.connections[position].plan.isUDP
        link.peer.high = address.high
        link.peer.low = address.low
        link.peer.port = address.port
        guard let slot = links.take(link) else { return client.failed(position, .linksFull, now: now) }
        client.connections[position].link = slot
        openDial(.ip(address), .link, owner: slot)
    }

    /// Asks for a socket to dial `address` with; `dialSocketOpened` goes on.
    mutating func openDial(_ address: DialedAddress, _ role: SocketRole, owner: UInt32) {
        let generation = role == .link ? links.generation(of: owner) : streams.generation(of: owner)
        let isDatagram = role == .target && links[streams[owner].pointee.link].pointee.isUDP
        operations.append(
            Operation(
                .openSocket,
                token: Token(
                    .openSocket, slot: owner | (role == .link ? Worker.linkDialBit : 0), generation: generation),
                descriptor: -1, length: address.family.rawValue,
                argument: (isDatagram ? SocketType.datagram : .stream).rawValue))
    }

    /// Marks the dials of links among those of streams.
    static var linkDialBit: UInt32 { 1 << 30 }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func dialSocketOpened(_ completion: Completion) {
        if completion.token.slot == .max { return planeSocketOpened(completion) }
        let isLink = completion.token.slot & Worker.linkDialBit != 0
        let owner = completion.token.slot & ~Worker.linkDialBit
        let isCurrent =
            isLink
            ? links.isCurrent(owner, completion.token.generation)
            : streams.isCurrent(owner, completion.token.generation)
        guard isCurrent else {
            if completion.result >= 0 { closeDescriptor(completion.result) }
            return
        }
        guard completion.result >= 0, !sockets.isFull,
            let memory = buffers.cutArena(MemoryLayout<DialAddress>.size),
            let socket = openSocket(completion.result, isLink ? .link : .target, owner: owner)
        else {
            if completion.result >= 0 { closeDescriptor(completion.result) }
            return isLink ? abandonDial(owner, .descriptorsFull) : targetUnreachable(owner, .descriptorsFull)
        }
        let address: DialedAddress
        if isLink {
            links[owner].pointee.socket = socket
            // From here on it is counted when it ends.
            counters.add(.linksAccepted)
            address =
                links[owner].pointee.peerLink == .max
                ? .ip(links[owner].pointee.source) : dialledAddress(ofPeerLink: owner)
            setLinkDeadline(owner)
            limitUnacknowledged(socket)
        } else {
            streams[owner].pointee.partner = .target(socket: socket)
            sockets[socket].pointee.isDatagram = links[streams[owner].pointee.link].pointee.isUDP
            address = targetSocketOpened(owner, socket)
        }
        connect(socket, to: address, memory: memory)
    }

    /// As links that are accepted have it from their listening socket.
    private mutating func limitUnacknowledged(_ slot: UInt32) {
        operations.append(
            Operation(
                .limitUnacknowledged, token: Token(raw: 0), descriptor: sockets[slot].pointee.descriptor,
                length: UInt32(limits[.unacknowledgedMilliseconds])))
    }

    private mutating func connect(_ slot: UInt32, to address: DialedAddress, memory: Slice) {
        let socket = sockets[slot]
        socket.pointee.dialBuffer = memory.buffer
        let at = buffers.pointer(memory).bindMemory(to: DialAddress.self, capacity: 1)
        at.initialize(to: address.operand)
        socket.pointee.inFlight += 1
        operations.append(
            Operation(
                .connect, token: Token(.connect, slot: slot, generation: sockets.generation(of: slot)),
                descriptor: socket.pointee.descriptor, address: UInt(bitPattern: at)))
    }

    @inline(never) @_semantics("no_performance_analysis")
    mutating func dialConnected(_ completion: Completion) {
        if completion.token.slot == .max { return planeConnected(completion) }
        let slot = completion.token.slot
        precondition(sockets.isCurrent(slot, completion.token.generation), "a dial outlived its socket")
        let socket = sockets[slot]
        socket.pointee.inFlight -= 1
        buffers.release(socket.pointee.dialBuffer)
        socket.pointee.dialBuffer = .max
        if socket.pointee.isClosing { return finishClosing(slot) }
        switch socket.pointee.role {
        case .link:
            completion.result == 0
                ? linkConnected(socket.pointee.owner) : endLink(socket.pointee.owner, .dialFailed)
        case .target:
            completion.result == 0
                ? targetConnected(socket.pointee.owner, slot) : targetAttemptFailed(socket.pointee.owner, .dialFailed)
        case .visitor, .visit, .datagrams, .none:
            closeSocket(slot)
        }
    }

    /// The link never got a socket.
    private mutating func abandonDial(_ linkSlot: UInt32, _ reason: Reason) {
        if links[linkSlot].pointee.peerLink != .max {
            note(reason, link: linkSlot)
            forgetPeerLink(linkSlot)
            return links.give(linkSlot)
        }
        if links[linkSlot].pointee.stock != .max { return abandonStockDial(linkSlot, reason) }
        let position = Int(links[linkSlot].pointee.connection)
        let visit = links[linkSlot].pointee.ownVisit
        links.give(linkSlot)
        if visit != .max { return visitLinkEnded(visit, reason, .connecting) }
        client?.failed(position, reason, now: now)
    }

    /// A link of ours ended: its connection is made again.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func connectionEnded(_ connection: UInt32, _ reason: Reason) {
        guard let client else { return }
        switch client.connections[Int(connection)].state {
        // The desk knows already.
        case .waiting, .gone: client.connections[Int(connection)].link = .max
        case .resolving, .connecting, .bound: client.failed(Int(connection), reason, now: now)
        }
    }

    private mutating func linkConnected(_ linkSlot: UInt32) {
        let generation = links.generation(of: linkSlot)
        if links[linkSlot].pointee.peerLink != .max {
            beginPeerHandshake(linkSlot)
        } else if links[linkSlot].pointee.stock != .max {
            stockNodeReached(linkSlot)
        } else if links[linkSlot].pointee.isWebSocket {
            sendUpgrade(linkSlot)
        } else {
            sendDialledRequest(linkSlot)
        }
        guard links.isCurrent(linkSlot, generation) else { return }
        setLinkDeadline(linkSlot)
        wantBytes(links[linkSlot].pointee.socket, true)
    }

    private mutating func sendUpgrade(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard let client else { preconditionFailure("a dialled link without a desk") }
        link.pointee.phase = .upgradeSent
        let key = WebSocketUpgrade.Key(high: unguessable(), low: unguessable())
        let server: ClientDesk.Server
        if link.pointee.ownVisit == .max {
            client.connections[Int(link.pointee.connection)].key = key
            server = client.server(Int(link.pointee.connection))
        } else {
            visits[link.pointee.ownVisit].pointee.key = key
            server = visitServer(link.pointee.ownVisit, client)
        }
        guard let buffer = buffers.take() else { return endLink(linkSlot, .buffersFull) }
        let target = UnsafeMutableRawBufferPointer(
            start: buffers.pointer(buffer: buffer, offset: BufferStore.headroom), count: BufferStore.payload)
        let count = server.header.withUnsafeBytes {
            WebSocketUpgrade.writeRequest(path: server.path, host: server.hostHeader, key: key, extra: $0, into: target)
        }
        guard let count else { preconditionFailure("an upgrade request outgrew its buffer") }
        let queue = linkQueue(linkSlot)
        buffers.append(
            &queue.pointee, Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: UInt32(count)))
        queueFlush(link.pointee.socket)
    }

    /// What a dialled link is for: BIND or CONNECT.
    private mutating func sendDialledRequest(_ linkSlot: UInt32) {
        if links[linkSlot].pointee.ownVisit == .max { sendBind(linkSlot) } else { sendConnect(linkSlot) }
    }

    private mutating func sendBind(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard let client else { preconditionFailure("a dialled link without a plan") }
        let plan = client.connections[Int(link.pointee.connection)].plan
        var request = RelayRequest(.bind)
        request.network = plan.isUDP ? .udp : .tcp
        if let user = plan.user {
            request.hasUserAuth = true
            request.user = user
            request.password = plan.password
        }
        request.source = RelayAddress(.unknown)
        request.destination =
            plan.requestedHost.isEmpty
            ? RelayAddress(SocketAddress(ipv4: 0, port: plan.requestedPort))
            : RelayAddress(name: plan.requestedHost, port: plan.requestedPort)
        request.tunnel = RelayTunnel(
            high: plan.tunnel.high, low: plan.tunnel.low, flags: 0, capabilities: Worker.capabilities,
            weight: plan.weight)
        sendRequest(linkSlot, request)
    }

    /// Sends the one request of a dialled link.
    mutating func sendRequest(_ linkSlot: UInt32, _ request: RelayRequest) {
        links[linkSlot].pointee.phase = .requestSent
        guard let room = buffers.cutArena(BufferStore.headroom + 1_600) else { return endLink(linkSlot, .buffersFull) }
        let target = UnsafeMutableRawBufferPointer(start: buffers.pointer(room) + BufferStore.headroom, count: 1_600)
        guard let count = request.write(into: target) else { preconditionFailure("a request outgrew its room") }
        sendRaw(
            linkSlot,
            Slice(buffer: room.buffer, offset: room.offset + UInt32(BufferStore.headroom), count: UInt32(count)))
    }

    // MARK: The server's answers

    mutating func readUpgradeAnswer(_ linkSlot: UInt32, _ front: Slice) {
        let visit = links[linkSlot].pointee.ownVisit
        let connection = Int(links[linkSlot].pointee.connection)
        guard let client else { preconditionFailure("an upgrade without a desk") }
        let sent = visit == .max ? client.connections[connection].key : visits[visit].pointee.key
        guard let key = sent else { preconditionFailure("an upgrade without a key") }
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch WebSocketUpgrade.judgeAnswer(
            bytes.bytes, limit: Int(limits[.headBytesMax]), key: key)
        {
        case .needMore: return
        case .refused(let status): endLink(linkSlot, status == 404 ? .wrongPath : .badUpgrade)
        case .fault: endLink(linkSlot, .badUpgrade)
        case .accepted(let count, let url):
            if !url.isEmpty, visit == .max {
                let text = String(decoding: bytes[url.lower..<url.upper], as: UTF8.self)
                client.connections[connection].templates = [text]
            }
            let generation = links.generation(of: linkSlot)
            sendDialledRequest(linkSlot)
            guard links.isCurrent(linkSlot, generation) else { return }
            readFramesBehind(linkSlot, headCount: count)
        }
    }

    mutating func readRelayAnswer(_ linkSlot: UInt32, _ front: Slice) {
        let link = links[linkSlot]
        if link.pointee.ownVisit != .max { return readVisitAnswer(linkSlot, front) }
        if link.pointee.stock != .max { return readStockAnswer(linkSlot, front) }
        let position = Int(link.pointee.connection)
        let bytes = UnsafeRawBufferPointer(buffers.bytes(front))
        switch RelayResponse.read(bytes.bytes, limit: Int(limits[.relayHeadBytesMax])) {
        case .needMore: return
        case .fault: endLink(linkSlot, .relayFault)
        case .message(let response, let count):
            guard response.status == RelayStatus.ok.number else {
                client?.failed(position, .bindRefused, status: response.status, now: now)
                return endLink(linkSlot, .bindRefused)
            }
            buffers.dropFirst(&link.pointee.pending, count)
            link.pointee.capabilities = (response.connector?.capabilities ?? []).agreed(with: Worker.capabilities)
            link.pointee.smux.speaksExtension = !link.pointee.capabilities.isEmpty
            if let connector = response.connector { link.pointee.connector = connector.connectorID }
            client?.bound(
                position, host: response.source?.hostText.string ?? "",
                awaitsNotice: link.pointee.capabilities.has(.notice), now: now)
            enterMux(linkSlot)
        }
    }

    /// The server says where visitors come: URL templates, one per line.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func noticeReceived(_ linkSlot: UInt32, _ piece: UnsafeRawBufferPointer, isLast: Bool) {
        guard let client, links[linkSlot].pointee.connection != .max else { return }
        let position = Int(links[linkSlot].pointee.connection)
        client.connections[position].notice += piece
        guard isLast else { return }
        let text = String(decoding: client.connections[position].notice, as: UTF8.self)
        client.connections[position].notice = []
        let templates = text.split(separator: "\n").map(String.init)
        let isNews = templates != client.connections[position].templates
        client.connections[position].templates = templates
        if isNews || client.connections[position].announceBy != .never { client.announce(position) }
    }
}
