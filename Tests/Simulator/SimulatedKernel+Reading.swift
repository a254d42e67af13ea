import CLinux
import EventLoop
import Operations
import Primitives

/// Operations that read a socket, when there is something to read.
extension SimulatedKernel {
    func progress(_ socket: SimulatedSocket) {
        progressReads(socket)
        progressWrites(socket)
        socket.outside?.noticed()
        socket.outsideListener?.noticed()
        socket.outsideDatagrams?.noticed()
    }

    func progressReads(_ socket: SimulatedSocket) {
        while let pending = socket.reads.first {
            let goesOn: Bool
            switch pending.operation.kind {
            case .accept: goesOn = accept(pending, on: socket)
            case .receiveDatagram: goesOn = receiveDatagram(pending, on: socket)
            case .receiveMessage: goesOn = receiveMessage(pending, on: socket)
            default: goesOn = receive(pending, on: socket)
            }
            if !goesOn { return }
        }
    }

    /// True when the queue is worth another look.
    private func accept(_ pending: PendingOperation, on listener: SimulatedSocket) -> Bool {
        guard listener.phase == .listening else {
            finish(pending, on: listener, -EINVAL)
            return true
        }
        if listener.isAsleep || listener.backlog.isEmpty { return false }
        let socket = listener.backlog.removeFirst()
        give(pending, pending.port.process.install(OpenFile(.socket(socket))), buffer: nil)
        admitWaiting(listener)
        return true
    }

    private func receive(_ pending: PendingOperation, on socket: SimulatedSocket) -> Bool {
        if socket.inbox.isEmpty { return endReading(pending, on: socket) }
        let port = pending.port
        if !port.hasBuffer || happens(faults.noBuffers) {
            finish(pending, on: socket, -ENOBUFS)
            return true
        }
        let buffer = port.takeBuffer()
        let wanted = min(socket.inbox.count, Int(port.buffers.payloadBytes))
        let count = take(shortened(wanted, faults.shortReceive), of: socket, to: buffer.room)
        for files in takeAttachments(socket) { for file in files { release(file) } }
        if pending.operation.kind == .receive && !happens(faults.endedShot) {
            give(pending, Int32(count), buffer: buffer.id)
        } else {
            finish(pending, on: socket, Int32(count), buffer: buffer.id)
        }
        return true
    }

    /// Nothing to read: an error, the end, or waiting.
    private func endReading(_ pending: PendingOperation, on socket: SimulatedSocket) -> Bool {
        if socket.error != 0 {
            finish(pending, on: socket, socket.error)
            socket.error = 0
        } else if socket.isEnded || socket.isReadShut {
            finish(pending, on: socket, 0)
        } else if socket.phase == .fresh || socket.phase == .listening {
            finish(pending, on: socket, -ENOTCONN)
        } else {
            return false
        }
        return true
    }

    private func receiveMessage(_ pending: PendingOperation, on socket: SimulatedSocket) -> Bool {
        if socket.inbox.isEmpty { return endReading(pending, on: socket) }
        let message = memory(pending.operation, as: DescriptorMessage.self)
        let room = UnsafeMutableRawPointer(bitPattern: message.pointee.range.address)!
        var wanted = min(socket.inbox.count, Int(message.pointee.range.count))
        // One message's descriptors come with its first byte; the bytes of the next one stay.
        let later = socket.attachments.first { $0.position > socket.taken }
        if let later { wanted = min(wanted, Int(later.position - socket.taken)) }
        let count = take(shortened(wanted, faults.shortReceive), of: socket, to: room)
        let files = takeAttachments(socket).joined()
        message.pointee.descriptorCount = UInt32(files.count)
        for (index, file) in files.enumerated() {
            message.pointee.descriptors[index] = pending.port.process.install(file)
            file.references -= 1
        }
        finish(pending, on: socket, Int32(count))
        return true
    }

    /// Takes bytes out of the inbox; the sender learns of the room.
    func take(_ count: Int, of socket: SimulatedSocket, to room: UnsafeMutableRawPointer) -> Int {
        let taken = socket.inbox.take(count, to: room)
        socket.taken += UInt64(taken)
        returnCredit(taken, from: socket)
        return taken
    }

    func returnCredit(_ count: Int, from socket: SimulatedSocket) {
        guard count > 0, let peer = socket.peer else { return }
        transmit(.credit(peer, count), from: socket, to: peer.host, inOrder: false)
    }

    /// The descriptors of the bytes that were taken.
    func takeAttachments(_ socket: SimulatedSocket) -> [[OpenFile]] {
        let passed = socket.attachments.prefix { $0.position < socket.taken }
        socket.attachments.removeFirst(passed.count)
        return passed.map(\.files)
    }
}
