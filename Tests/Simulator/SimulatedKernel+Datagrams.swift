import CLinux
import Operations
import Primitives

/// Datagrams: whole or lost, in no order that can be relied on, without connections.
extension SimulatedKernel {
    /// What a socket keeps until its reader takes it; more is lost, as in the real kernel.
    static let datagramBytesMax = 208 * 1_024
    /// The longest datagram; a longer one is refused.
    static let datagramBytesLongest = 65_507

    func bind(_ socket: SimulatedSocket, at address: SimulatedAddress) {
        socket.name = address
        network.bind(socket, at: address)
    }

    /// Datagrams go to `address` from now on, and come from nowhere else.
    func associate(_ socket: SimulatedSocket, with address: SimulatedAddress) {
        socket.remote = address
        socket.phase = .connected
        name(socket, towards: address)
    }

    /// An address of its own for a socket that has none; a loopback address is reached from itself.
    private func name(_ socket: SimulatedSocket, towards address: SimulatedAddress) {
        guard socket.name.port == 0 else { return }
        let isOwn = network.host(of: address) === socket.host
        var name = SimulatedAddress(low: isOwn ? address.low : socket.host.low, port: socket.host.takePort())
        name.high = isOwn ? address.high : socket.host.high
        while network.receiver(at: name) != nil { name.port = socket.host.takePort() }
        bind(socket, at: name)
    }

    /// An operation that sends one. It never waits.
    func sendDatagram(_ pending: PendingOperation, from socket: SimulatedSocket) {
        if socket.error != 0 {
            finish(pending, on: socket, socket.error)
            socket.error = 0
            return
        }
        let datagram = memory(pending.operation, as: SendDatagram.self)
        var address = socket.remote
        if let family = DialFamily(rawValue: datagram.pointee.family) {
            let peer = datagram.pointee.peer
            address = SimulatedAddress(low: peer.low, port: peer.port)
            if family == .ipv4 {
                address.low = 0xFFFF_0000_0000 | peer.low & 0xFFFF_FFFF
            } else {
                address.high = peer.high
            }
        } else if socket.phase != .connected {
            return finish(pending, on: socket, -EDESTADDRREQ)
        }
        var bytes: [UInt8] = []
        for range in ranges(of: pending.operation) {
            bytes.append(
                contentsOf: UnsafeRawBufferPointer(
                    start: UnsafeRawPointer(bitPattern: range.address), count: Int(range.count)))
        }
        guard bytes.count <= SimulatedKernel.datagramBytesLongest else {
            return finish(pending, on: socket, -EMSGSIZE)
        }
        finish(pending, on: socket, Int32(bytes.count))
        send(bytes, from: socket, to: address)
    }

    /// Puts a datagram on the way; perhaps it never arrives.
    func send(_ bytes: [UInt8], from socket: SimulatedSocket, to address: SimulatedAddress) {
        name(socket, towards: address)
        guard let host = network.host(of: address), !happens(faults.lostDatagram) else { return }
        let isLate = happens(faults.lateDatagram)
        transmit(.datagram(bytes, socket, from: socket.name, to: address), from: socket, to: host, inOrder: !isLate)
    }

    func arrive(
        _ bytes: [UInt8], of sender: SimulatedSocket, from: SimulatedAddress, at address: SimulatedAddress
    ) {
        guard let socket = network.receiver(at: address) else {
            // Only a socket with one correspondent is told.
            if sender.phase == .connected, let host = network.host(of: address) {
                let delay = network.nanoseconds(host, sender.host, &random)
                schedule(.unreachable(sender), afterNanoseconds: delay)
            }
            return
        }
        if socket.phase == .connected, socket.remote != from { return }
        guard socket.datagramBytes + bytes.count <= SimulatedKernel.datagramBytesMax else { return }
        socket.datagrams.append((from, bytes))
        socket.datagramBytes += bytes.count
        progress(socket)
    }

    /// An error that the socket's next operation reports.
    func fail(_ socket: SimulatedSocket, with error: Int32) {
        guard socket.phase == .connected else { return }
        socket.error = error
        progress(socket)
    }

    /// True when the queue is worth another look.
    func receiveDatagram(_ pending: PendingOperation, on socket: SimulatedSocket) -> Bool {
        if socket.error != 0 {
            finish(pending, on: socket, socket.error)
            socket.error = 0
            return true
        }
        guard socket.isDatagram else {
            finish(pending, on: socket, -EOPNOTSUPP)
            return true
        }
        guard let first = socket.datagrams.first else { return false }
        let port = pending.port
        if !port.hasDatagramBuffer || happens(faults.noBuffers) {
            finish(pending, on: socket, -ENOBUFS)
            return true
        }
        socket.datagrams.removeFirst()
        socket.datagramBytes -= first.bytes.count
        let buffer = port.takeDatagramBuffer()
        var peer = PeerAddress()
        (peer.high, peer.low, peer.port) = (first.from.high, first.from.low, first.from.port)
        buffer.room.storeBytes(of: peer, as: PeerAddress.self)
        first.bytes.withUnsafeBytes {
            guard let start = $0.baseAddress else { return }
            (buffer.room + DatagramBuffer.headBytes).copyMemory(from: start, byteCount: $0.count)
        }
        if happens(faults.endedShot) {
            finish(pending, on: socket, Int32(first.bytes.count), buffer: buffer.id)
        } else {
            give(pending, Int32(first.bytes.count), buffer: buffer.id)
        }
        return true
    }
}
