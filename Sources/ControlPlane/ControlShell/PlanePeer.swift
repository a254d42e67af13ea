internal import CLinux
internal import ControlCore
internal import Glibc
internal import PlaneLink

/// One data plane's connection: bytes and descriptors in and out, never waiting. Owned by the plane loop's thread.
final class PlanePeer {
    /// What a read brought to an end.
    enum Received {
        case nothing
        case end(LinkEnd)
    }

    private struct Chunk {
        var bytes: [UInt8]
        /// Goes with the first byte; closed here once it is sent.
        var descriptor: Int32?
    }

    /// Bytes and descriptors that may wait for a data plane that does not read; beyond, its link is cut and everything
    /// is sent anew when it reconnects.
    static let queueBytesMax = 16 << 20
    static let queueDescriptorsMax = 32_768
    /// Descriptors that may wait for the rest of their message.
    private static let arrivedMax = 64
    private static let readBytes = 65_536
    private static let readsPerTurn = 8
    private static let descriptorsPerRead = 8

    let id: LinkID
    let descriptor: Int32
    var reader = PlaneFrameReader()
    /// Counters of the data plane, as it gave them with its hello.
    var counters: Int32?
    /// Nothing more is queued; the link ends when the queue is empty.
    var isClosing = false
    /// More descriptors are under way than the kernel allows, because they are not taken: sending has to be tried
    /// again later, although the socket is writable.
    private(set) var waitsForDescriptors = false

    private var queue: [Chunk] = []
    private var queueStart = 0
    private var sentOfFirst = 0
    private(set) var queuedBytes = 0
    private var queuedDescriptors = 0
    private var arrived: [Int32] = []

    init(id: LinkID, descriptor: Int32) {
        self.id = id
        self.descriptor = descriptor
    }

    deinit {
        for chunk in queue[queueStart...] { if let descriptor = chunk.descriptor { close(descriptor) } }
        for descriptor in arrived { close(descriptor) }
        if let counters { close(counters) }
        close(descriptor)
    }

    var hasOutput: Bool { queueStart < queue.count }

    // MARK: Out

    /// Queues a message, with a copy of `shared` if it carries one. False when the queue is full.
    func queue(_ message: ControlToData, sharing shared: Int32? = nil) -> Bool {
        precondition(message.carriesDescriptor == (shared != nil))
        guard !isClosing else { return true }
        var copy: Int32?
        if let shared {
            guard queuedDescriptors < PlanePeer.queueDescriptorsMax else { return false }
            let duplicate = fcntl(shared, F_DUPFD_CLOEXEC, 0)
            guard duplicate >= 0 else { return false }
            copy = duplicate
            queuedDescriptors += 1
        }
        var bytes: [UInt8] = []
        message.encode(to: &bytes)
        queuedBytes += bytes.count
        // Messages without a descriptor join the last chunk, unless that is on its way or long already.
        if copy == nil, queue.count - queueStart > 1, queue[queue.count - 1].bytes.count < PlanePeer.readBytes {
            queue[queue.count - 1].bytes += bytes
        } else {
            queue.append(Chunk(bytes: bytes, descriptor: copy))
        }
        return queuedBytes <= PlanePeer.queueBytesMax
    }

    /// Sends what the socket takes; nil, or the error that ended the link.
    func flush() -> Int32? {
        waitsForDescriptors = false
        while hasOutput {
            let count = send(queue[queueStart])
            if count < 0 {
                switch errno {
                case EAGAIN, EINTR: return nil
                case ETOOMANYREFS:
                    waitsForDescriptors = true
                    return nil
                default: return errno
                }
            }
            if let descriptor = queue[queueStart].descriptor {
                close(descriptor)
                queue[queueStart].descriptor = nil
                queuedDescriptors -= 1
            }
            sentOfFirst += count
            queuedBytes -= count
            guard sentOfFirst == queue[queueStart].bytes.count else { continue }
            sentOfFirst = 0
            queue[queueStart].bytes = []
            queueStart += 1
            if queueStart == queue.count || queueStart > 1_024 {
                queue.removeFirst(queueStart)
                queueStart = 0
            }
        }
        return nil
    }

    private func send(_ chunk: Chunk) -> Int {
        let space = culvert_control_space(1)
        return chunk.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(byteCount: space, alignment: 8) { control in
                control.initializeMemory(as: UInt8.self, repeating: 0)
                let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + sentOfFirst)
                var vector = iovec(iov_base: start, iov_len: bytes.count - sentOfFirst)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    if var descriptor = chunk.descriptor {
                        message.msg_control = control.baseAddress
                        message.msg_controllen = space
                        culvert_put_descriptors(&message, &descriptor, 1)
                    }
                    return sendmsg(self.descriptor, &message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
                }
            }
        }
    }

    // MARK: In

    /// Reads what is there, within bounds, and hands every whole frame to `body`. `body` says whether to go on.
    func receive(_ body: (PlaneFrame) -> Bool) -> Received {
        for _ in 0..<PlanePeer.readsPerTurn {
            let count = read()
            if count == 0 { return .end(.closedByPeer) }
            if count < 0 {
                switch errno {
                case EAGAIN, EINTR: return .nothing
                case ECONNRESET: return .end(.closedByPeer)
                default: return .end(.socketError(errno))
                }
            }
            guard arrived.count <= PlanePeer.arrivedMax else {
                return .end(.fault(.badValue(kind: PlaneFrame.descriptorBit)))
            }
            frames: while true {
                switch reader.next() {
                case .frame(let frame): if !body(frame) { return .nothing }
                case .needMore: break frames
                case .broken(let fault): return .end(.fault(fault))
                }
            }
        }
        return .nothing
    }

    /// The descriptor of the frame being handled; the caller owns it.
    func takeArrived() -> Int32? { arrived.isEmpty ? nil : arrived.removeFirst() }

    private func read() -> Int {
        let space = culvert_control_space(UInt32(PlanePeer.descriptorsPerRead))
        return withUnsafeTemporaryAllocation(byteCount: PlanePeer.readBytes, alignment: 8) { buffer in
            withUnsafeTemporaryAllocation(byteCount: space, alignment: 8) { control in
                var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                return withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = space
                    let flags = Int32(MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
                    let count = recvmsg(descriptor, &message, flags)
                    guard count > 0 else { return count }
                    var descriptors = [Int32](repeating: -1, count: PlanePeer.descriptorsPerRead)
                    let taken = culvert_take_descriptors(&message, &descriptors, UInt32(descriptors.count))
                    arrived.append(contentsOf: descriptors.prefix(Int(taken)))
                    reader.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    return count
                }
            }
        }
    }
}
