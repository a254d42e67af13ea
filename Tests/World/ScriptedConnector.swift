package import Model
package import Primitives
package import Simulator
package import Wire

/// A tunnel client by bytes: binds over raw TCP and speaks smux, as a test tells it. It grants the server whatever it
/// wants to send, and judges what comes: order of frames, windows, streams that were never opened.
package final class ScriptedConnector: Scripted {
    /// One stream that the server opened.
    package final class Stream {
        package let id: UInt32
        /// Payload behind the stream's header.
        package fileprivate(set) var received: [UInt8] = []
        package fileprivate(set) var header: RelayResponse?
        package fileprivate(set) var isFinished = false
        package fileprivate(set) var isHalfClosed = false
        package fileprivate(set) var resetReason: UInt32?
        fileprivate var total: UInt32 = 0
        fileprivate var unread: [UInt8] = []
        /// Bytes that wait for the server's window, and what it has granted.
        fileprivate var waiting: [UInt8] = []
        fileprivate var sending = SmuxSendWindow()
        fileprivate var finishes = false
        /// More was sent than was granted: what the server says it consumed cannot be judged.
        fileprivate var isRude = false

        init(id: UInt32) { self.id = id }

        package var text: String { String(decoding: received, as: UTF8.self) }
    }

    package let peer: SimulatedPeer
    /// In the order they were opened; ended ones stay.
    package private(set) var streams: [Stream] = []
    package private(set) var response: RelayResponse?
    package private(set) var keepAlives = 0
    /// How often the server asked it to go.
    package private(set) var goAways = 0
    package private(set) var notice = ""
    /// Window updates that came: stream, consumed, window.
    package private(set) var updates: [(stream: UInt32, consumed: UInt32, window: UInt32)] = []
    /// What the server did that the protocol forbids.
    package private(set) var violations: [String] = []
    /// Window updates are sent for everything that comes.
    package var grantsWindows = true
    private var reader: SmuxReader
    private let version: UInt8
    private var handshake: [UInt8] = []

    package init(
        _ world: World, _ node: NodeProcess, _ host: SimulatedHost, tunnel: TunnelID,
        capabilities: RelayCapabilities = [], weight: UInt8 = 0, isUDP: Bool = false, muxVersion: UInt8 = 2,
        user: String? = nil, password: String = "", requestedHost: String = "", prefix: [UInt8] = []
    ) {
        peer = world.kernel.connect(from: host, to: node.address(NodeProcess.relayPort))
        reader = SmuxReader(version: muxVersion)
        version = muxVersion
        var request = RelayRequest(.bind)
        if isUDP { request.network = .udp }
        if let user {
            request.hasUserAuth = true
            request.user = InlineText(user)!
            request.password = InlineText(password)!
        }
        request.source = RelayAddress(.unknown)
        request.destination =
            requestedHost.isEmpty
            ? RelayAddress(SocketAddress(ipv4: 0, port: 0))
            : RelayAddress(name: InlineText(requestedHost)!, port: 0)
        request.tunnel = RelayTunnel(
            high: tunnel.high, low: tunnel.low, capabilities: capabilities, weight: weight)
        peer.write(prefix + ScriptedConnector.bytes { request.write(into: $0) })
        world.add(self)
    }

    package func leave() { if !peer.isReset { peer.reset() } }

    package var isBound: Bool { response?.status == RelayStatus.ok.rawValue }

    /// What is written into a room that is large enough for any message.
    package static func bytes(_ write: (UnsafeMutableRawBufferPointer) -> Int?) -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 2_048)
        let count = room.withUnsafeMutableBytes { write($0) }
        return Array(room.prefix(count ?? 0))
    }

    // MARK: What a test lets it send

    package func frame(_ command: SmuxCommand, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SmuxHeader.byteCount)
        bytes.withUnsafeMutableBytes {
            SmuxHeader.write(
                to: $0.baseAddress!, version: version, command: command, length: UInt16(payload.count), stream: stream)
        }
        return bytes + payload
    }

    package func send(_ stream: Stream, _ text: String) { send(stream, Array(text.utf8)) }

    /// In frames of at most 32,768 bytes, as far as the server's window goes; the rest when it is granted.
    package func send(_ stream: Stream, _ bytes: [UInt8]) {
        stream.waiting += bytes
        flush(stream)
    }

    /// Whatever the server granted.
    package func sendWithoutWindow(_ stream: Stream, _ bytes: [UInt8]) {
        stream.isRude = true
        peer.write(frame(.data, stream.id, bytes))
    }

    /// FIN behind everything that was sent.
    package func finish(_ stream: Stream) {
        stream.finishes = true
        flush(stream)
    }

    private func flush(_ stream: Stream) {
        var rest = stream.waiting[...]
        while !rest.isEmpty {
            let allowed = version == 2 ? Int(stream.sending.allowed) : rest.count
            let count = min(rest.count, 32_768, allowed)
            guard count > 0 else { break }
            peer.write(frame(.data, stream.id, Array(rest.prefix(count))))
            if version == 2 { stream.sending.spend(UInt32(count)) }
            rest = rest.dropFirst(count)
        }
        stream.waiting = Array(rest)
        if stream.finishes, stream.waiting.isEmpty {
            stream.finishes = false
            peer.write(frame(.finish, stream.id))
        }
    }

    package func write(_ command: SmuxCommand, _ stream: Stream, _ payload: [UInt8] = []) {
        peer.write(frame(command, stream.id, payload))
    }

    package func grant(_ stream: Stream, consumed: UInt32, window: UInt32) {
        var payload: [UInt8] = []
        for word in [consumed, window] { withUnsafeBytes(of: word.littleEndian) { payload += Array($0) } }
        peer.write(frame(.windowUpdate, stream.id, payload))
    }

    // MARK: What comes

    package var nextAct: Tick { .never }

    package func act(_ now: Tick) {
        let bytes = peer.take()
        guard !bytes.isEmpty else { return }
        if response == nil {
            handshake += bytes
            readAnswer()
        } else {
            readFrames(bytes)
        }
    }

    private func readAnswer() {
        let step = handshake.withUnsafeBytes { RelayResponse.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(let answer, let count) = step else { return }
        response = answer
        reader.speaksExtension = !(answer.connector?.capabilities ?? []).isEmpty
        readFrames(Array(handshake.dropFirst(count)))
    }

    private func readFrames(_ bytes: [UInt8]) {
        var cursor = 0
        while true {
            let step = bytes.withUnsafeBytes { reader.next(RawSpan(_unsafeBytes: $0), &cursor) }
            switch step {
            case .needMore: return
            case .open(let id):
                if streams.contains(where: { $0.id == id }) { violations.append("stream \(id) was opened twice") }
                streams.append(Stream(id: id))
            case .data(let id, let offset, let count): received(id, Array(bytes[offset..<offset + count]))
            case .finish(let id): ended(id) { $0.isFinished = true }
            case .keepAlive: keepAlives += 1
            case .window(let id, let consumed, let window):
                updates.append((id, consumed, window))
                guard let stream = streams.first(where: { $0.id == id }), !stream.isRude else { continue }
                if !stream.sending.update(consumed: consumed, window: window) {
                    violations.append("stream \(id): more was consumed than was sent")
                }
                flush(stream)
            case .halfClose(let id): ended(id) { $0.isHalfClosed = true }
            case .reset(let id, let reason): ended(id) { $0.resetReason = reason }
            case .notice(let offset, let count, _):
                notice += String(decoding: bytes[offset..<offset + count], as: UTF8.self)
            case .goAway: goAways += 1
            case .opened, .instance: violations.append("a frame that only clients send")
            case .broken(let fault): return violations.append("\(fault)")
            }
        }
    }

    private func ended(_ id: UInt32, _ note: (Stream) -> Void) {
        guard let stream = streams.first(where: { $0.id == id }) else {
            return violations.append("the end of stream \(id), which was never opened")
        }
        if stream.isFinished || stream.resetReason != nil { violations.append("stream \(id) was ended twice") }
        note(stream)
    }

    private func received(_ id: UInt32, _ bytes: [UInt8]) {
        guard let stream = streams.first(where: { $0.id == id }) else {
            return violations.append("data on stream \(id), which was never opened")
        }
        if stream.isFinished || stream.isHalfClosed || stream.resetReason != nil {
            violations.append("data on stream \(id) behind its end")
        }
        stream.total += UInt32(bytes.count)
        if stream.header != nil {
            stream.received += bytes
        } else {
            stream.unread += bytes
            let step = stream.unread.withUnsafeBytes { RelayResponse.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
            if case .message(let header, let count) = step {
                stream.header = header
                stream.received = Array(stream.unread.dropFirst(count))
                stream.unread = []
            }
        }
        if grantsWindows, version == 2, !stream.isFinished {
            grant(stream, consumed: stream.total, window: 262_144)
        } else if version == 2, stream.total > 262_144 {
            violations.append("stream \(id) got more than its window")
        }
    }
}
