import Foundation
import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Our client against the reference implementation's server, replayed: what the server said is sent joined or byte by byte,
/// and what ours says is compared with what the reference's client said.
///
/// Masked, because it cannot or need not be the same: HTTP heads and WebSocket masks; how payload is cut into messages and
/// frames; the source address of the request (the recording machine's) and its capabilities; NOPs and window updates.
@Suite struct ClientReplayTests {
    private struct Record: Decodable {
        var dir: String
        var hex: String
    }

    /// What one side of a mux session said of a stream.
    private struct Said: Equatable {
        var payload: [UInt8] = []
        var isFinished = false
    }

    private struct Recording {
        var isWebSocket: Bool
        /// What the server said behind its HTTP head, one piece for each time it spoke.
        var server: [[UInt8]]
        /// All that the client said, below WebSocket.
        var client: [UInt8]

        init(_ name: String, isWebSocket: Bool) throws {
            self.isWebSocket = isWebSocket
            var root = URL(fileURLWithPath: #filePath)
            for _ in 0..<3 { root.deleteLastPathComponent() }
            let file = root.appendingPathComponent("Vectors/\(name).json")
            let records = try JSONDecoder().decode([Record].self, from: Data(contentsOf: file))
            server = records.filter { $0.dir == "s2c" }.map { ClientReplayTests.bytes($0.hex) }
            client = records.filter { $0.dir == "c2s" }.flatMap { ClientReplayTests.bytes($0.hex) }
            guard isWebSocket else { return }
            server[0] = ClientReplayTests.behindHead(server[0])
            client = ClientReplayTests.unmasked(ClientReplayTests.behindHead(client))
        }
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    private static func behindHead(_ bytes: [UInt8]) -> [UInt8] {
        bytes.firstRange(of: [13, 10, 13, 10]).map { Array(bytes[$0.upperBound...]) } ?? []
    }

    /// The payload of a client's data frames; what else it sends is left out.
    private static func unmasked(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var payload: [UInt8] = []
        while rest.count >= 6 {
            let head = Array(rest.prefix(14))
            var (count, start) = (Int(head[1] & 0x7F), 2)
            if count == 126 { (count, start) = (Int(head[2]) << 8 | Int(head[3]), 4) }
            let key = head[start..<start + 4]
            let body = rest.dropFirst(start + 4).prefix(count)
            if head[0] & 0x0F <= 2 {
                payload += body.enumerated().map { $0.element ^ key[key.startIndex + $0.offset % 4] }
            }
            rest = rest.dropFirst(start + 4 + count)
        }
        return payload
    }

    /// A relay request with its source address and capabilities zeroed, and what follows it.
    private static func parts(_ bytes: [UInt8]) throws -> (request: [UInt8], rest: [UInt8]) {
        try #require(bytes.count >= 4)
        let count = 4 + (Int(bytes[2]) << 8 | Int(bytes[3]))
        try #require(bytes.count >= count)
        var request = Array(bytes[..<count])
        var at = 4
        var addresses = 0
        while at + 3 <= count {
            let length = Int(request[at + 1]) << 8 | Int(request[at + 2])
            if request[at] == 2 {
                if addresses == 0 { for index in at + 4..<at + 3 + length { request[index] = 0 } }
                addresses += 1
            } else if request[at] == 3 {
                request[at + 3 + 17] = 0
                request[at + 3 + 18] = 0
            }
            at += 3 + length
        }
        return (request, Array(bytes[count...]))
    }

    private static func frames(_ bytes: [UInt8]) -> [UInt32: Said] {
        var said: [UInt32: Said] = [:]
        var rest = bytes[...]
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            let length = head[1] == 4 ? 8 : Int(head[2]) | Int(head[3]) << 8
            let stream = (0..<4).reduce(0 as UInt32) { $0 | UInt32(head[4 + $1]) << UInt32($1 * 8) }
            if head[1] == 2 { said[stream, default: Said()].payload += rest.dropFirst(8).prefix(length) }
            if head[1] == 1 { said[stream, default: Said()].isFinished = true }
            rest = rest.dropFirst(8 + length)
        }
        return said
    }

    /// Speaks as the recorded server did, each piece after `pause` has let the client answer.
    private func replay(
        _ recording: Recording, on listener: SimulatedPeerListener, atATime: Int, in world: World, pause: () -> Void
    ) throws -> [UInt8] {
        world.run(milliseconds: 50)
        let peer = try #require(listener.accept())
        var said = peer.take()
        if recording.isWebSocket {
            peer.write(try acceptance(of: said))
            said = []
            world.run(milliseconds: 50)
        }
        for piece in recording.server {
            for start in stride(from: 0, to: piece.count, by: atATime) {
                peer.write(Array(piece[start..<min(start + atATime, piece.count)]))
                if atATime < piece.count { world.run(milliseconds: 1) }
            }
            pause()
            said += peer.take()
        }
        return recording.isWebSocket ? ClientReplayTests.unmasked(said) : said
    }

    private func acceptance(of request: [UInt8]) throws -> [UInt8] {
        var room = [UInt8](repeating: 0, count: 1_024)
        let count = request.withUnsafeBytes { bytes -> Int? in
            let span = RawSpan(_unsafeBytes: bytes)
            guard case .head(let head) = HTTPRequestHead.read(span, limit: 16_000),
                case .accept(let key) = WebSocketUpgrade.judge(head, span, path: InlineText("/ws")!)
            else { return nil }
            return room.withUnsafeMutableBytes {
                WebSocketUpgrade.writeAcceptance(of: key, extra: UnsafeRawBufferPointer(start: nil, count: 0), into: $0)
            }
        }
        return Array(room.prefix(try #require(count)))
    }

    private static let tunnel = TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!

    private func server(_ recording: Recording) -> ClientDesk.Server {
        VisitorProcess.server(host: "10.0.0.50", port: 7_000, recording.isWebSocket ? .ws : .tcp)
    }

    private func listen(_ world: World) -> SimulatedPeerListener {
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0032)
        return world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: 7_000))
    }

    // MARK: Visitors

    private func visitor(_ recording: Recording, isUDP: Bool, in world: World) throws -> VisitorProcess {
        let recorded = try ClientReplayTests.parts(recording.client).request
        let step = recorded.withUnsafeBytes { RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(let request, _) = step else { throw CocoaError(.coderInvalidValue) }
        let destination = try #require(request.destination)
        let tunnel = try #require(request.tunnel).tunnelID
        let made = VisitDesk.Service(name: "v", tunnel: tunnel, servers: [server(recording)], destination: "")
        var service = try #require(made)
        service.destination = destination
        service.isUDP = isUDP
        service.keepsAlive = true
        return try VisitorProcess(world, services: [service], seed: 1)
    }

    /// d: one HTTP request through a visitor's local port.
    @Test(arguments: [1, 7, 65_536])
    func aVisitorOfConnections(atATime: Int) throws {
        let recording = try Recording("d-visitor-tunnel+ws.conn1", isWebSocket: true)
        let world = World(seed: 1)
        let listener = listen(world)
        let visitor = try visitor(recording, isUDP: false, in: world)
        let theirs = try ClientReplayTests.parts(recording.client)
        let local = world.kernel.connect(from: visitor.host, to: visitor.address(of: 0))
        local.write(theirs.rest)
        let said = try replay(recording, on: listener, atATime: atATime, in: world) { world.run(milliseconds: 20) }
        let ours = try ClientReplayTests.parts(said)
        #expect(ours.request == theirs.request)
        #expect(ours.rest == theirs.rest)
        let answer = Array(VisitAnswer.payload(recording.server.flatMap { $0 }).dropFirst(4))
        #expect(!answer.isEmpty)
        #expect(local.take() == answer)
    }

    /// e: one datagram each way through a visitor's local port.
    @Test(arguments: [1, 7, 65_536])
    func aVisitorOfDatagrams(atATime: Int) throws {
        let recording = try Recording("e-rudp-visitor.conn1", isWebSocket: true)
        let world = World(seed: 1)
        let listener = listen(world)
        let visitor = try visitor(recording, isUDP: true, in: world)
        let theirs = try ClientReplayTests.parts(recording.client)
        let sender = world.kernel.exchangeDatagrams(
            on: visitor.host, at: SimulatedAddress(low: visitor.host.low, port: 20_000))
        // Behind its length.
        sender.send(Array(theirs.rest.dropFirst(2)), to: visitor.address(of: 0))
        let said = try replay(recording, on: listener, atATime: atATime, in: world) { world.run(milliseconds: 20) }
        let ours = try ClientReplayTests.parts(said)
        #expect(ours.request == theirs.request)
        #expect(ours.rest == theirs.rest)
        let answer = Array(VisitAnswer.payload(recording.server.flatMap { $0 }).dropFirst(6))
        #expect(sender.take().map(\.bytes) == [answer])
    }

    // MARK: Binders

    private func binder(_ recording: Recording, isUDP: Bool, in world: World) throws -> WorkerBench {
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0100)
        let process = world.kernel.makeProcess(on: host)
        var plan = ClientDesk.Plan(
            name: "p", tunnel: ClientReplayTests.tunnel, servers: [server(recording)], targetHost: "10.0.1.0",
            targetPort: 3_000)
        plan.isUDP = isUDP
        let desk = ClientDesk(plans: [plan], seed: 1)
        let bench = try WorkerBench(world.kernel, process, seed: 1, datagramCount: 8) { $0.client = desk }
        world.add(bench)
        return bench
    }

    /// a, b: one HTTP request by a stream; the service gives the recorded answer and ends.
    @Test(arguments: [("a-tunnel+ws.conn1", true), ("b-tunnel+tcp.conn1", false)], [1, 7, 65_536])
    func aBinderOfConnections(_ name: (String, Bool), atATime: Int) throws {
        let recording = try Recording(name.0, isWebSocket: name.1)
        let world = World(seed: 1)
        let listener = listen(world)
        let bench = try binder(recording, isUDP: false, in: world)
        let theirs = try ClientReplayTests.parts(recording.client)
        let recorded = ClientReplayTests.frames(theirs.rest)
        let answer = try #require(recorded[3]?.payload)
        let service = world.kernel.listen(
            on: bench.port.process.host, at: SimulatedAddress(low: 0xFFFF_0A00_0100, port: 3_000))
        var visit: SimulatedPeer?
        var asked: [UInt8] = []
        let said = try replay(recording, on: listener, atATime: atATime, in: world) {
            world.run(milliseconds: 20)
            if visit == nil { visit = service.accept() }
            asked += visit?.take() ?? []
            if asked.suffix(4) == [13, 10, 13, 10], visit?.unsentCount == 0, let peer = visit, !answer.isEmpty {
                asked.append(0)
                peer.write(answer)
                peer.endWriting()
            }
            world.run(milliseconds: 20)
        }
        let ours = try ClientReplayTests.parts(said)
        #expect(ours.request == theirs.request)
        #expect(ClientReplayTests.frames(ours.rest) == recorded)
    }

    /// e: one datagram each way by a stream.
    @Test(arguments: [1, 7, 65_536])
    func aBinderOfDatagrams(atATime: Int) throws {
        let recording = try Recording("e-rudp-bind.conn1", isWebSocket: true)
        let world = World(seed: 1)
        let listener = listen(world)
        let bench = try binder(recording, isUDP: true, in: world)
        let theirs = try ClientReplayTests.parts(recording.client)
        let recorded = ClientReplayTests.frames(theirs.rest)
        let answer = Array(try #require(recorded[3]?.payload).dropFirst(2))
        let service = world.kernel.exchangeDatagrams(
            on: bench.port.process.host, at: SimulatedAddress(low: 0xFFFF_0A00_0100, port: 3_000))
        var asked: [[UInt8]] = []
        let said = try replay(recording, on: listener, atATime: atATime, in: world) {
            world.run(milliseconds: 20)
            for datagram in service.take() {
                asked.append(datagram.bytes)
                service.send(answer, to: datagram.from)
            }
            world.run(milliseconds: 20)
        }
        let ours = try ClientReplayTests.parts(said)
        #expect(ours.request == theirs.request)
        #expect(asked == [Array("one datagram".utf8)])
        #expect(ClientReplayTests.frames(ours.rest) == recorded)
    }
}

/// The payload of a server's messages.
private enum VisitAnswer {
    static func payload(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        var payload: [UInt8] = []
        while rest.count >= 2 {
            let head = Array(rest.prefix(4))
            var (count, start) = (Int(head[1]), 2)
            if count == 126 { (count, start) = (Int(head[2]) << 8 | Int(head[3]), 4) }
            if head[0] & 0x0F <= 2 { payload += rest.dropFirst(start).prefix(count) }
            rest = rest.dropFirst(start + count)
        }
        return payload
    }
}
