import CLinux
import Operations
import Primitives

/// Operations that write to a socket, when there is room.
extension SimulatedKernel {
    func progressWrites(_ socket: SimulatedSocket) {
        // A connect is at the head until it is answered; what was submitted behind it waits.
        while let pending = socket.writes.first, pending.operation.kind != .connect {
            if socket.isDatagram {
                sendDatagram(pending, from: socket)
                continue
            }
            if socket.error != 0 {
                finish(pending, on: socket, socket.error)
                socket.error = 0
            } else if socket.isBroken || socket.isWriteShut || socket.phase != .connected || isGone(socket) {
                finish(pending, on: socket, -EPIPE)
            } else if socket.room == 0 {
                return
            } else {
                write(pending, to: socket)
            }
        }
    }

    /// The other end of a Unix socket is known to be closed at once.
    private func isGone(_ socket: SimulatedSocket) -> Bool { socket.isUnix && socket.peer?.phase == .closed }

    private func write(_ pending: PendingOperation, to socket: SimulatedSocket) {
        var files: [OpenFile] = []
        if pending.operation.kind == .sendMessage {
            let message = memory(pending.operation, as: DescriptorMessage.self)
            for index in 0..<Int(message.pointee.descriptorCount) {
                guard let file = pending.port.process.file(message.pointee.descriptors[index]) else {
                    return finish(pending, on: socket, -EBADF)
                }
                files.append(file)
            }
        }
        let ranges = ranges(of: pending.operation)
        let whole = ranges.reduce(0) { $0 + Int($1.count) }
        guard whole > 0 else { return finish(pending, on: socket, 0) }
        var left = shortened(min(whole, socket.room), faults.shortSend)
        let count = left
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for range in ranges where left > 0 {
            let taken = min(left, Int(range.count))
            bytes.append(
                contentsOf: UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: range.address), count: taken))
            left -= taken
        }
        for file in files { file.references += 1 }
        finish(pending, on: socket, Int32(count))
        send(bytes, files, from: socket)
    }

    /// Puts bytes on the way. There is room.
    func send(_ bytes: [UInt8], _ files: [OpenFile], from socket: SimulatedSocket) {
        guard let peer = socket.peer else {
            for file in files { release(file) }
            return
        }
        socket.outstanding += bytes.count
        if happens(faults.reset) && !socket.isUnix {
            breakOff(socket)
            transmit(.reset(peer), from: socket, to: peer.host)
            return
        }
        transmit(.segment(peer, bytes, files), from: socket, to: peer.host)
    }

    /// Ends the writing side, behind what is on the way.
    func endWriting(_ socket: SimulatedSocket) {
        guard !socket.isWriteShut else { return }
        socket.isWriteShut = true
        if let peer = socket.peer { transmit(.ended(peer), from: socket, to: peer.host) }
    }

    func credit(_ socket: SimulatedSocket, _ count: Int) {
        socket.outstanding = max(0, socket.outstanding - count)
        progressWrites(socket)
        socket.outside?.noticed()
    }
}
