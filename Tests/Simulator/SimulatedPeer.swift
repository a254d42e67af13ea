import Primitives

/// Somebody outside: one end of a connection that a test scripts by bytes, without operations or buffers.
package final class SimulatedPeer {
    private let kernel: SimulatedKernel
    let socket: SimulatedSocket
    private var outbox = ByteQueue()
    /// Open files that go out, each with the position of its byte; and how many bytes were ever written, and sent.
    private var passing: [(position: Int, files: [OpenFile])] = []
    private var written = 0
    private var sent = 0
    private var ends = false
    /// Open files that came.
    private var passed: [OpenFile] = []
    /// Bytes that came and were not taken yet.
    private var received: [UInt8] = []
    /// All bytes that ever came.
    package private(set) var receivedCount = 0
    /// Reading has stopped; bytes stay in the kernel until its window is full.
    package private(set) var isPaused = false
    /// 0 when the connection stands, a negative error number when it came to nothing, nil while it is tried.
    package private(set) var connected: Int32?
    package private(set) var isReset = false

    init(kernel: SimulatedKernel, socket: SimulatedSocket, connected: Int32?) {
        self.kernel = kernel
        self.socket = socket
        self.connected = connected
        socket.outside = self
    }

    /// The end of the stream was read.
    package var isEnded: Bool { !isReset && socket.isEnded && socket.inbox.isEmpty }
    /// Bytes that were written and are not on the way yet.
    package var unsentCount: Int { outbox.count }

    /// Writes all of it, as fast as the other end takes it.
    package func write(_ bytes: [UInt8]) {
        precondition(!ends, "written after the end")
        outbox.append(bytes)
        written += bytes.count
        flush()
    }

    /// Writes all of it, and with its first byte the open files that `descriptors` are in `process`.
    package func write(_ bytes: [UInt8], passing descriptors: [Int32], of process: SimulatedProcess) {
        precondition(!bytes.isEmpty, "descriptors travel with a byte")
        let files = descriptors.map { descriptor in
            guard let file = process.file(descriptor) else { preconditionFailure("no such descriptor") }
            file.references += 1
            return file
        }
        passing.append((written, files))
        write(bytes)
    }

    /// The descriptors that came since the last call, as new ones of `process`.
    package func takeDescriptors(into process: SimulatedProcess) -> [Int32] {
        defer { passed = [] }
        return passed.map { file in
            file.references -= 1
            return process.install(file)
        }
    }

    /// Half-close, behind everything written.
    package func endWriting() {
        ends = true
        flush()
    }

    package func reset() {
        ends = true
        outbox.removeAll()
        kernel.reset(socket)
    }

    /// Closes both directions; bytes not read yet reset the connection, as the kernel does it.
    package func close() {
        ends = true
        flush()
        for file in passed + passing.flatMap(\.files) { kernel.release(file) }
        passed = []
        passing = []
        kernel.close(socket)
    }

    package func pauseReading() { isPaused = true }

    package func resumeReading() {
        isPaused = false
        noticed()
    }

    /// The bytes that came since the last call.
    package func take() -> [UInt8] {
        defer { received = [] }
        return received
    }

    // MARK: - The kernel's side

    func answered(_ result: Int32) {
        connected = result
        kernel.trace.note(kernel.now.nanoseconds, socket.id, UInt64(bitPattern: Int64(result)))
        flush()
    }

    /// Something came, ended, broke, or made room.
    func noticed() {
        if !isPaused && !socket.inbox.isEmpty {
            let bytes = socket.inbox.take(socket.inbox.count)
            socket.taken += UInt64(bytes.count)
            passed += kernel.takeAttachments(socket).joined()
            kernel.returnCredit(bytes.count, from: socket)
            received += bytes
            receivedCount += bytes.count
            kernel.trace.note(kernel.now.nanoseconds, socket.id, UInt64(bytes.count))
            bytes.withUnsafeBytes { kernel.trace.note(bytes: $0) }
        }
        if socket.error != 0 && socket.inbox.isEmpty && !isReset {
            isReset = true
            kernel.trace.note(kernel.now.nanoseconds, socket.id, .max)
        }
        flush()
    }

    func flush() {
        guard connected == 0, socket.phase == .connected, !socket.isBroken else { return }
        while !outbox.isEmpty && socket.room > 0 && !socket.isBroken {
            let files = passing.first?.position == sent ? passing.removeFirst().files : []
            let next = passing.first?.position ?? .max
            let bytes = outbox.take(min(socket.room, 16_384, next - sent))
            sent += bytes.count
            kernel.send(bytes, files, from: socket)
        }
        if ends && outbox.isEmpty { kernel.endWriting(socket) }
    }
}

/// Somebody outside who listens: an origin, another server.
package final class SimulatedPeerListener {
    private let kernel: SimulatedKernel
    private let socket: SimulatedSocket
    private var accepted: [SimulatedPeer] = []

    init(kernel: SimulatedKernel, socket: SimulatedSocket) {
        self.kernel = kernel
        self.socket = socket
        socket.outsideListener = self
    }

    /// The next connection that came.
    package func accept() -> SimulatedPeer? { accepted.isEmpty ? nil : accepted.removeFirst() }

    /// Connections that come from now on are refused.
    package func close() { kernel.close(socket) }

    func noticed() {
        while !socket.isAsleep, socket.phase == .listening, !socket.backlog.isEmpty {
            let peer = SimulatedPeer(kernel: kernel, socket: socket.backlog.removeFirst(), connected: 0)
            accepted.append(peer)
            // What came while it waited to be accepted.
            peer.noticed()
            kernel.admitWaiting(socket)
        }
    }
}

extension SimulatedKernel {
    /// Somebody on `host` connects to `address`.
    package func connect(from host: SimulatedHost, to address: SimulatedAddress) -> SimulatedPeer {
        let socket = makeSocket(on: host, isUnix: address.isUnix)
        let peer = SimulatedPeer(kernel: self, socket: socket, connected: nil)
        connect(socket, to: address)
        return peer
    }

    /// Somebody on `host` listens at `address`.
    package func listen(
        on host: SimulatedHost, at address: SimulatedAddress, backlog: Int = 128
    ) -> SimulatedPeerListener {
        let socket = makeSocket(on: host, isUnix: address.isUnix)
        listen(socket, at: address, backlog: backlog)
        return SimulatedPeerListener(kernel: self, socket: socket)
    }
}
