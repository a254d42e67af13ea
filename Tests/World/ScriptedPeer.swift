package import Model
package import Primitives
package import Simulator
package import Wire

/// Another data plane by bytes: dials a node's port for peers, proves itself, and does with streams what a test says.
package final class ScriptedPeer: Scripted {
    /// A stream of either side.
    package final class Stream {
        package let id: UInt32
        package fileprivate(set) var header: ForwardHeader?
        /// It is no visitor's: these are words, all of them.
        package fileprivate(set) var words: [UInt8]?
        package fileprivate(set) var received: [UInt8] = []
        package fileprivate(set) var isFinished = false
        package fileprivate(set) var isHalfClosed = false
        package fileprivate(set) var isAccepted = false
        package fileprivate(set) var refusal: ForwardRefusal?

        init(id: UInt32) { self.id = id }

        package var text: String { String(decoding: received, as: UTF8.self) }
        package var isOver: Bool { isFinished || refusal != nil }
    }

    /// What it does with streams that the node opens.
    package enum Manner: Sendable {
        case accepts, ignores, refuses(Reason)
        /// Another worker of its data plane has the tunnel.
        case sendsOn(worker: Int)
    }

    package let peer: SimulatedPeer
    private var handshake: PeerHandshake
    private var unread: [UInt8] = []
    private var smux = SmuxReader(version: 2, speaksExtension: true)
    package private(set) var hello: PeerHello?
    package private(set) var isProven = false
    /// Streams that the node opened, in order.
    package private(set) var streams: [Stream] = []
    /// Streams that we opened.
    package private(set) var own: [Stream] = []
    package private(set) var keepAlives = 0
    package private(set) var violations: [String] = []
    package var manner = Manner.accepts
    /// Shows that it lives; without, it is silent.
    package var beats = true
    private var nextBeat: Tick
    private var nextID: UInt32 = 3

    /// `number`: of the node whose data plane it is.
    package init(
        _ world: World, _ node: NodeProcess, _ host: SimulatedHost, number: Int = 7, secret: PeerSecret,
        at address: SimulatedAddress? = nil, wanted: Int? = nil, plane: String = "simulated", workers: Int = 1,
        worker: Int = 0, hearsWords: Bool = false
    ) {
        peer = world.kernel.connect(from: host, to: address ?? node.address(NodeProcess.peersPort))
        handshake = PeerHandshake(.dialling, secret: secret)
        nextBeat = world.now
        var hello = PeerHello(
            nonce: [UInt64(number), world.now.nanoseconds, UInt64(worker), 9],
            node: NodeID(high: 0xC0DE, low: UInt64(number)), epoch: 1, plane: InlineText(plane)!, workers: workers,
            worker: worker, wanted: wanted)
        if hearsWords { hello.capabilities = PeerHello.hearsWords }
        var first = PeerHandshake(.dialling, secret: secret)
        peer.write(ScriptedConnector.bytes { first.sayHello(hello, into: $0) })
        handshake = first
        world.add(self)
    }

    package func leave() { if !peer.isReset { peer.reset() } }

    /// The node ended the link.
    package var isEnded: Bool { peer.isEnded || peer.isReset }

    package var nextAct: Tick { isProven && beats && !isEnded ? nextBeat : .never }

    package func act(_ now: Tick) {
        unread += peer.take()
        if !isProven { shakeHands() }
        guard isProven else { return }
        readFrames()
        if beats, now >= nextBeat, !isEnded {
            peer.write(frame(.keepAlive, 0))
            nextBeat = now.advanced(milliseconds: 250)
        }
    }

    private func shakeHands() {
        if hello == nil {
            guard case .hello(let hello, let count) = unread.withUnsafeBytes({ handshake.hearHello($0) }) else {
                return
            }
            self.hello = hello
            unread.removeFirst(count)
            let proof = handshake.proof()
            peer.write(
                (0..<4).flatMap { word in
                    (0..<8).map { UInt8(truncatingIfNeeded: proof[word] >> UInt64((7 - $0) * 8)) }
                })
        }
        if case .proven(let count) = unread.withUnsafeBytes({ handshake.judgeProof($0) }) {
            unread.removeFirst(count)
            isProven = true
        }
    }

    // MARK: What a test lets it say

    package func frame(_ command: SmuxCommand, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SmuxHeader.byteCount)
        bytes.withUnsafeMutableBytes {
            SmuxHeader.write(
                to: $0.baseAddress!, version: 2, command: command, length: UInt16(payload.count), stream: stream)
        }
        return bytes + payload
    }

    /// Opens a stream for a visitor; `hops` is the mark.
    package func open(
        _ tunnel: TunnelID, source: SocketAddress = SocketAddress(ipv4: 0xCB00_7107, port: 51_000),
        host: String = "shop.example", isUDP: Bool = false, hops: UInt8 = 1, withHeader: Bool = true
    ) -> Stream {
        let stream = Stream(id: nextID)
        nextID += 2
        own.append(stream)
        let header = ForwardHeader(
            tunnel: tunnel, isUDP: isUDP, source: source,
            destination: RelayAddress(name: InlineText(host)!, port: 80))
        var bytes = ScriptedConnector.bytes { header.write(to: $0.baseAddress!) }
        bytes[0] = hops
        peer.write(frame(.open, stream.id) + (withHeader ? frame(.data, stream.id, bytes) : []))
        return stream
    }

    /// Opens a stream for words of our control plane; without a count the head says how many there are.
    package func tell(_ words: [UInt8], count: Int? = nil, kind: UInt8 = 1) -> Stream {
        let stream = Stream(id: nextID)
        nextID += 2
        own.append(stream)
        let said = count ?? words.count
        let head = [0, kind, UInt8(said >> 8), UInt8(said & 0xFF)]
        peer.write(frame(.open, stream.id) + frame(.data, stream.id, head))
        send(stream, words)
        halfClose(stream)
        return stream
    }

    package func send(_ stream: Stream, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            peer.write(frame(.data, stream.id, Array(rest.prefix(32_768))))
            rest = rest.dropFirst(32_768)
        }
    }

    package func send(_ stream: Stream, _ text: String) { send(stream, Array(text.utf8)) }
    package func accept(_ stream: Stream) { peer.write(frame(.opened, stream.id)) }
    package func finish(_ stream: Stream) { peer.write(frame(.finish, stream.id)) }
    package func halfClose(_ stream: Stream) { peer.write(frame(.halfClose, stream.id)) }

    package func refuse(_ stream: Stream, _ refusal: ForwardRefusal) {
        var payload: [UInt8] = []
        withUnsafeBytes(of: refusal.code.littleEndian) { payload += Array($0) }
        peer.write(frame(.reset, stream.id, payload))
    }

    // MARK: What comes

    private func readFrames() {
        let bytes = unread
        unread = []
        var cursor = 0
        while true {
            let step = bytes.withUnsafeBytes { smux.next(RawSpan(_unsafeBytes: $0), &cursor) }
            switch step {
            case .needMore: return
            case .open(let id):
                if id % 2 != 0 { violations.append("the node opened \(id), a number of ours") }
                streams.append(Stream(id: id))
            case .data(let id, let offset, let count): received(id, Array(bytes[offset..<offset + count]))
            case .finish(let id): find(id)?.isFinished = true
            case .halfClose(let id): find(id)?.isHalfClosed = true
            case .opened(let id): find(id)?.isAccepted = true
            case .reset(let id, let code): find(id)?.refusal = ForwardRefusal(code: code)
            case .keepAlive: keepAlives += 1
            case .window, .goAway, .instance, .notice: continue
            case .broken(let fault): return violations.append("\(fault)")
            }
        }
    }

    private func find(_ id: UInt32) -> Stream? { (streams + own).first { $0.id == id } }

    private func received(_ id: UInt32, _ bytes: [UInt8]) {
        guard let stream = find(id) else { return violations.append("data on stream \(id), which was never opened") }
        if stream.isOver { violations.append("data on stream \(id) behind its end") }
        stream.received += bytes
        guard id % 2 == 0, stream.header == nil else { return }
        if stream.received.first == 0 { return heard(stream) }
        let step = stream.received.withUnsafeBytes { ForwardHeader.read($0) }
        guard case .header(let header, let count) = step else { return }
        stream.header = header
        stream.received.removeFirst(count)
        if !stream.received.isEmpty { violations.append("stream \(id) has bytes though it was not accepted") }
        switch manner {
        case .accepts: accept(stream)
        case .ignores: return
        case .refuses(let reason): refuse(stream, ForwardRefusal(reason, isUntouched: true))
        case .sendsOn(let worker):
            refuse(stream, ForwardRefusal(.peerElsewhere, worker: worker, isUntouched: true))
        }
    }

    /// A stream of words: taken by its end.
    private func heard(_ stream: Stream) {
        let step = stream.received.withUnsafeBytes { WordsHeader.read($0.bytes, limit: .max) }
        guard case .header(let header) = step, stream.received.count >= WordsHeader.byteCount + header.wordsCount else {
            if step == .fault { violations.append("stream \(stream.id) begins with a head that is none") }
            return
        }
        stream.words = Array(stream.received.dropFirst(WordsHeader.byteCount))
        if stream.words?.count != header.wordsCount { violations.append("more words than the head says") }
        switch manner {
        case .accepts: finish(stream)
        case .ignores, .sendsOn: return
        case .refuses(let reason): refuse(stream, ForwardRefusal(reason, isUntouched: true))
        }
    }
}
