import CLinux
import Operations
import Primitives

/// What travels between sockets, and how connections begin and end.
extension SimulatedKernel {
    // MARK: - Distance

    /// One way between two hosts, in microseconds; a fifth more by chance.
    package func setDelay(microseconds: UInt64, _ left: SimulatedHost, _ right: SimulatedHost) {
        network.setDelay(microseconds, left, right)
    }

    /// Nothing passes between the two until they are healed; nothing is lost either, as TCP sends again.
    package func partition(_ left: SimulatedHost, _ right: SimulatedHost) { network.partition(left, right) }

    package func heal(_ left: SimulatedHost, _ right: SimulatedHost) {
        for (from, event) in network.heal(left, right) {
            transmit(event, from: from, to: from.host === left ? right : left)
        }
    }

    /// Every connection of the process to the host breaks: both ends are reset, as by a box on the way that forgot them.
    package func breakConnections(of process: SimulatedProcess, to host: SimulatedHost) {
        for socket in process.connections(to: host) {
            let peer = socket.peer
            breakOff(socket)
            if let peer { breakOff(peer) }
        }
    }

    /// Sends an event to where it happens. What one socket sends in order arrives in order.
    func transmit(
        _ event: SimulatedEvent, from socket: SimulatedSocket, to host: SimulatedHost, inOrder: Bool = true
    ) {
        if network.isPartitioned(socket.host, host) {
            network.hold(event, from: socket, to: host)
            let patience = socket.unacknowledgedMilliseconds
            if patience > 0 { schedule(.unacknowledged(socket, host), afterNanoseconds: patience * 1_000_000) }
            return
        }
        var time = Tick(nanoseconds: now.nanoseconds + network.nanoseconds(socket.host, host, &random))
        if inOrder {
            time = max(time, socket.lastArrival)
            socket.lastArrival = time
        }
        heap.schedule(event, at: time)
    }

    // MARK: - Beginning

    func listen(_ socket: SimulatedSocket, at address: SimulatedAddress, backlog: Int) {
        socket.phase = .listening
        socket.name = address
        socket.backlogMax = max(1, backlog)
        network.listen(socket, at: address)
    }

    func makePair(on host: SimulatedHost) -> (SimulatedSocket, SimulatedSocket) {
        let left = makeSocket(on: host, isUnix: true)
        let right = makeSocket(on: host, isUnix: true)
        for (socket, peer) in [(left, right), (right, left)] {
            socket.phase = .connected
            socket.peer = peer
        }
        return (left, right)
    }

    /// An operation that connects.
    func startConnect(_ pending: PendingOperation, _ socket: SimulatedSocket) {
        switch socket.phase {
        case .fresh: break
        case .connecting: return finish(pending, on: socket, -EALREADY)
        default: return finish(pending, on: socket, -EISCONN)
        }
        let address = SimulatedAddress(memory(pending.operation, as: DialAddress.self).pointee)
        if socket.isDatagram {
            associate(socket, with: address)
            return finish(pending, on: socket, 0)
        }
        socket.writes.append(pending)
        connect(socket, to: address)
    }

    func connect(_ socket: SimulatedSocket, to address: SimulatedAddress) {
        socket.phase = .connecting
        socket.remote = address
        let host = address.isUnix ? socket.host : network.host(of: address)
        guard let host else { return schedule(.answered(socket, -EHOSTUNREACH), afterNanoseconds: 3_000_000_000) }
        if !address.isUnix {
            // A loopback address is reached from itself.
            let isOwn = host === socket.host
            socket.name = SimulatedAddress(low: isOwn ? address.low : socket.host.low, port: socket.host.takePort())
            socket.name.high = isOwn ? address.high : socket.host.high
        }
        transmit(.knock(socket, address), from: socket, to: host)
    }

    /// An attempt arrives.
    func knock(_ client: SimulatedSocket, at address: SimulatedAddress) {
        guard client.phase == .connecting else { return }
        guard let known = network.listeners(at: address, from: client.host) else {
            return refuse(client, address.isUnix && address.path[0] == 0x2F ? -ENOENT : -ECONNREFUSED)
        }
        let listeners = known.filter { $0.phase == .listening }
        guard !listeners.isEmpty, !happens(faults.refusal) else { return refuse(client, -ECONNREFUSED) }
        let listener = listeners.count == 1 ? listeners[0] : listeners[Int(random.below(UInt32(listeners.count)))]
        if listener.backlog.count > listener.backlogMax {
            if address.isUnix { return refuse(client, -EAGAIN) }
            listener.waiting.append(client)
        } else {
            admit(client, to: listener)
        }
    }

    private func refuse(_ client: SimulatedSocket, _ error: Int32) {
        schedule(.answered(client, error), afterNanoseconds: network.nanoseconds(client.host, client.host, &random))
    }

    private func admit(_ client: SimulatedSocket, to listener: SimulatedSocket) {
        let server = makeSocket(on: listener.host, isUnix: client.isUnix)
        server.phase = .connected
        server.peer = client
        server.name = listener.name
        server.remote = client.name
        client.peer = server
        listener.backlog.append(server)
        transmit(.answered(client, 0), from: server, to: client.host)
        if !listener.isAsleep && happens(faults.acceptBurst) {
            listener.isAsleep = true
            let delay = 1_000 * UInt64(random.below(max(1, faults.acceptDelayMicroseconds)))
            schedule(.awake(listener), afterNanoseconds: delay)
        }
        progress(listener)
    }

    /// A place in the queue became free.
    func admitWaiting(_ listener: SimulatedSocket) {
        while !listener.waiting.isEmpty, listener.backlog.count <= listener.backlogMax {
            let client = listener.waiting.removeFirst()
            if client.phase == .connecting { admit(client, to: listener) }
        }
    }

    /// An attempt is answered.
    func answer(_ client: SimulatedSocket, _ result: Int32) {
        guard client.phase == .connecting else { return }
        client.phase = result == 0 ? .connected : .fresh
        if let pending = client.writes.first(where: { $0.operation.kind == .connect }) {
            finish(pending, on: client, result)
        }
        client.outside?.answered(result)
        progress(client)
    }

    // MARK: - Arriving

    func arrive(_ bytes: [UInt8], _ files: [OpenFile], at socket: SimulatedSocket) {
        guard socket.phase == .connected || socket.phase == .connecting, !socket.isBroken else {
            for file in files { release(file) }
            if let peer = socket.peer, !socket.isBroken { transmit(.reset(peer), from: socket, to: peer.host) }
            return
        }
        if !files.isEmpty { socket.attachments.append((socket.arrived, files)) }
        socket.arrived += UInt64(bytes.count)
        socket.inbox.append(bytes)
        progress(socket)
    }

    func end(_ socket: SimulatedSocket) {
        socket.isEnded = true
        progress(socket)
    }

    /// The connection is reset, as seen from this end.
    func breakOff(_ socket: SimulatedSocket) {
        guard socket.phase == .connected || socket.phase == .connecting, !socket.isBroken else { return }
        if socket.phase == .connecting { return answer(socket, -ECONNREFUSED) }
        socket.error = -ECONNRESET
        socket.isBroken = true
        socket.isEnded = true
        progress(socket)
    }

    /// What a socket sent to a host has been on its way for as long as it may be.
    func giveUp(_ socket: SimulatedSocket, onTheWayTo host: SimulatedHost) {
        guard network.isPartitioned(socket.host, host) else { return }
        breakOff(socket)
    }

    // MARK: - Ending

    func release(_ file: OpenFile) {
        file.references -= 1
        precondition(file.references >= 0)
        if file.references == 0, let socket = file.socket { close(socket) }
    }

    func close(_ socket: SimulatedSocket) {
        let before = socket.phase
        if !(socket.reads + socket.writes).isEmpty {
            violations.append("a socket was closed with operations of another worker on it")
        }
        socket.phase = .closed
        if socket.isDatagram { return network.unbind(socket) }
        switch before {
        case .listening:
            network.unlisten(socket)
            for client in socket.waiting { refuse(client, -ECONNREFUSED) }
            for server in socket.backlog { reset(server) }
        case .connected:
            if socket.inbox.isEmpty {
                endWriting(socket)
            } else if let peer = socket.peer, !socket.isBroken {
                transmit(.reset(peer), from: socket, to: peer.host)
            }
        case .connecting:
            if let server = socket.peer { transmit(.ended(server), from: socket, to: server.host) }
        case .fresh, .closed:
            break
        }
        for attachment in socket.attachments { for file in attachment.files { release(file) } }
        socket.attachments = []
        socket.inbox.removeAll()
    }

    /// Closes at once, and the peer is reset.
    func reset(_ socket: SimulatedSocket) {
        guard socket.phase == .connected || socket.phase == .connecting, !socket.isDatagram else { return }
        socket.phase = .closed
        socket.inbox.removeAll()
        if let peer = socket.peer, !socket.isBroken { transmit(.reset(peer), from: socket, to: peer.host) }
    }
}
