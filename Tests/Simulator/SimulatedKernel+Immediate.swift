import CLinux
import EventLoop
import Operations
import Primitives

/// The kinds that are done when they are submitted.
extension SimulatedKernel {
    /// True when it was one.
    func performAtOnce(_ operation: Operation, of port: SimulatedPort) -> Bool {
        let process = port.process
        switch operation.kind {
        case .provideBuffer:
            port.provide(operation.length)
        case .provideDatagramBuffer:
            port.provideDatagram(operation.length)
        case .peerAddress:
            memory(operation, as: PeerAddress.self).pointee = peerAddress(
                of: process.file(operation.descriptor)?.socket)
        case .forget:
            break
        case .randomBytes:
            let room = memory(operation, as: UInt8.self)
            for index in 0..<Int(operation.length) { room[index] = UInt8(truncatingIfNeeded: random.next()) }
        case .mapFile:
            let result = map(operation, of: process)
            port.completeAtOnce(Completion(token: operation.token, result: result))
        case .unmapFile:
            if !process.unmap(operation.address, byteCount: Int(operation.argument)) {
                violate("unmapped what was never mapped", port)
            }
        case .releaseMemory:
            // Whoever still needs it finds that it is gone.
            let room = memory(operation, as: UInt8.self)
            for index in 0..<Int(operation.length) { room[index] = 0 }
            releasedBytes += Int(operation.length)
        case .limitUnacknowledged:
            process.file(operation.descriptor)?.socket?.unacknowledgedMilliseconds = UInt64(operation.length)
        default:
            return false
        }
        return true
    }

    private func map(_ operation: Operation, of process: SimulatedProcess) -> Int32 {
        guard let file = process.file(operation.descriptor) else { return -EBADF }
        defer { _ = process.close(operation.descriptor) }
        guard case .bytes(let bytes) = file.content else { return -ENODEV }
        guard !bytes.isEmpty else { return -EINVAL }
        let mapped = memory(operation, as: MappedFile.self)
        mapped.pointee.address = process.map(bytes)
        mapped.pointee.byteCount = UInt64(bytes.count)
        return 0
    }

    private func peerAddress(of socket: SimulatedSocket?) -> PeerAddress {
        var address = PeerAddress()
        guard let socket, socket.phase == .connected, !socket.isUnix else { return address }
        address.high = socket.remote.high
        address.low = socket.remote.low
        address.port = socket.remote.port
        return address
    }

    func memory<Memory: BitwiseCopyable>(
        _ operation: Operation, as type: Memory.Type
    ) -> UnsafeMutablePointer<Memory> {
        guard let memory = UnsafeMutablePointer<Memory>(bitPattern: operation.address) else {
            preconditionFailure("an operation without its memory")
        }
        return memory
    }
}

/// What the kernel watches workers for.
extension SimulatedKernel {
    func violate(_ what: String, _ port: SimulatedPort) {
        violations.append("\(now.nanoseconds) ns, port \(port.id): \(what)")
    }

    func note(_ completion: Completion, _ port: SimulatedPort) {
        trace.note(
            now.nanoseconds, port.id, completion.token.raw, UInt64(bitPattern: Int64(completion.result)),
            UInt64(completion.flags))
        guard completion.hasBuffer, completion.result > 0 else { return }
        trace.note(bytes: port.bytes(completion))
    }

    /// The memory of a send must not change before its completion: the real kernel may read it until then.
    func check(_ pending: PendingOperation, _ port: SimulatedPort) {
        guard pending.memoryHash != 0, pending.memoryHash != memoryHash(pending.operation) else { return }
        violate("the memory of a \(pending.operation.kind) changed before its completion", port)
    }

    /// 0 when the operation has no memory that the kernel reads.
    func memoryHash(_ operation: Operation) -> UInt64 {
        var hash = Trace()
        for range in ranges(of: operation) {
            hash.note(UInt64(range.address), UInt64(range.count))
            let start = UnsafeRawPointer(bitPattern: range.address)
            hash.note(bytes: UnsafeRawBufferPointer(start: start, count: Int(range.count)))
        }
        return hash.events == 0 ? 0 : hash.hash
    }

    /// What a send sends.
    func ranges(of operation: Operation) -> [SendRange] {
        switch operation.kind {
        case .send:
            return [SendRange(address: operation.address, count: UInt(operation.length))]
        case .sendVector, .sendDatagram:
            // A datagram's memory begins with its vector.
            let vector = memory(operation, as: SendVector.self)
            precondition(vector.pointee.count > 0)
            precondition(vector.pointee.count <= UInt32(SendVector.capacity))
            return (0..<Int(vector.pointee.count)).map { vector.pointee.ranges[$0] }
        case .sendMessage:
            return [memory(operation, as: DescriptorMessage.self).pointee.range]
        default:
            return []
        }
    }
}
