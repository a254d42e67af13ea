import Model
package import Primitives
package import Simulator
package import Wire

/// A tunnel server by bytes, over raw TCP: grants BINDs as a test tells it, opens streams, and keeps what a client does
/// on them. What a stock server would do, unless it is given capabilities.
package final class ScriptedServer: Scripted {
    /// One connection of a client.
    package final class Session {
        package let peer: SimulatedPeer
        package fileprivate(set) var request: RelayRequest?
        /// The request's bytes, and everything behind them.
        package fileprivate(set) var requestBytes: [UInt8] = []
        /// Payload by stream, as it came.
        package fileprivate(set) var received: [UInt32: [UInt8]] = [:]
        package fileprivate(set) var finished: Set<UInt32> = []
        package fileprivate(set) var resets: [UInt32: UInt32] = [:]
        package fileprivate(set) var goAways = 0
        package fileprivate(set) var keepAlives = 0
        fileprivate var buffer: [UInt8] = []
        fileprivate var lastStream: UInt32 = 1

        init(peer: SimulatedPeer) { self.peer = peer }

        package var isOver: Bool { peer.isEnded || peer.isReset }

        package func text(_ stream: UInt32) -> String { String(decoding: received[stream] ?? [], as: UTF8.self) }

        /// A stream with its header, as of a visitor at 203.0.113.7:51000.
        @discardableResult
        package func open(host: String, port: UInt16 = 80) -> UInt32 {
            lastStream += 2
            frame(0, lastStream)
            var header = RelayResponse(.ok)
            header.source = RelayAddress(SocketAddress(ipv4: 0xCB00_7107, port: 51_000))
            header.destination = RelayAddress(name: InlineText(host)!, port: port)
            var bytes = [UInt8](repeating: 0, count: 600)
            let count = bytes.withUnsafeMutableBytes { header.write(into: $0) }!
            frame(2, lastStream, Array(bytes[..<count]))
            return lastStream
        }

        package func send(_ stream: UInt32, _ text: String) { frame(2, stream, Array(text.utf8)) }

        package func finish(_ stream: UInt32) { frame(1, stream) }

        /// Any frame of version 2.
        package func frame(_ command: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) {
            let length = UInt16(payload.count)
            var bytes: [UInt8] = [2, command, UInt8(length & 0xFF), UInt8(length >> 8)]
            for shift in [0, 8, 16, 24] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
            peer.write(bytes + payload)
        }
    }

    /// In the order in which they came; ended ones stay.
    package private(set) var sessions: [Session] = []
    /// What BINDs are answered with; nil: nothing at all.
    package var status: UInt8? = 0
    package var capabilities: RelayCapabilities = []
    private let listener: SimulatedPeerListener

    package init(_ world: World, on host: SimulatedHost, port: UInt16) {
        listener = world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: port))
        world.add(self)
    }

    package var nextAct: Tick { .never }

    package func act(_ now: Tick) {
        while let peer = listener.accept() { sessions.append(Session(peer: peer)) }
        for session in sessions { read(session) }
    }

    private func read(_ session: Session) {
        session.buffer += session.peer.take()
        if session.request == nil { readRequest(session) }
        guard session.request != nil else { return }
        while session.buffer.count >= 8 {
            let head = session.buffer
            let count = Int(head[2]) | Int(head[3]) << 8
            guard head.count >= 8 + count else { return }
            let stream = (0..<4).reduce(0 as UInt32) { $0 | UInt32(head[4 + $1]) << UInt32($1 * 8) }
            take(session, head[1], stream, Array(head[8..<(8 + count)]))
            session.buffer.removeFirst(8 + count)
        }
    }

    private func readRequest(_ session: Session) {
        let step = session.buffer.withUnsafeBytes { RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(let request, let count) = step else { return }
        session.request = request
        session.requestBytes = Array(session.buffer[..<count])
        session.buffer.removeFirst(count)
        guard let status else { return }
        var response = RelayResponse(.ok)
        response.status = status
        if status == 0 {
            response.source = RelayAddress(name: InlineText("granted")!, port: 0)
            response.connector = RelayTunnel(high: 1, low: 2, flags: 0, capabilities: capabilities, weight: 0)
        }
        var bytes = [UInt8](repeating: 0, count: 600)
        let length = bytes.withUnsafeMutableBytes { response.write(into: $0) }!
        session.peer.write(Array(bytes[..<length]))
        if status != 0 { session.peer.close() }
    }

    private func take(_ session: Session, _ command: UInt8, _ stream: UInt32, _ payload: [UInt8]) {
        switch command {
        case 1: session.finished.insert(stream)
        case 2: session.received[stream, default: []] += payload
        case 3: session.keepAlives += 1
        case 17: session.resets[stream] = payload.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        case 19: session.goAways += 1
        default: break
        }
    }
}

/// A local service by bytes: keeps what comes on each connection and says what a test tells it to.
package final class ScriptedTarget: Scripted {
    package private(set) var connections: [SimulatedPeer] = []
    package private(set) var received: [[UInt8]] = []
    private let listener: SimulatedPeerListener

    package init(_ world: World, on host: SimulatedHost, at address: SimulatedAddress) {
        listener = world.kernel.listen(on: host, at: address)
        world.add(self)
    }

    package var nextAct: Tick { .never }

    package func act(_ now: Tick) {
        while let peer = listener.accept() {
            connections.append(peer)
            received.append([])
        }
        for (index, peer) in connections.enumerated() { received[index] += peer.take() }
    }

    package func text(_ connection: Int) -> String { String(decoding: received[connection], as: UTF8.self) }
}
