import Foundation
import Model
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// The reference implementation's server, replayed byte for byte against our client, whose local service gives the
/// recorded answer: what the client says is compared with what the reference client said, frame by frame below
/// WebSocket.
///
/// Masked, because it cannot or need not be the same: HTTP heads of the upgrade (the server's is made for our key); the
/// client's own address in the BIND (it is the recording machine's); the two reserved bytes of the Tunnel feature, which
/// announce capabilities; masks of frames; when NOPs are sent; presence and window of window updates; the split of a
/// stream's bytes into frames, and the empty one before the first.
@Suite struct BinderReplayTests {
    private struct Record: Decodable {
        var dir: String
        var t: Double
        var hex: String
        var bytes: [UInt8] {
            let digits = Array(hex.utf8).map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
            return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        }
    }

    /// What one side said below its carrier: the relay message, then each stream's payload and end.
    private struct Speech: Equatable {
        var relay: [UInt8] = []
        var payload: [UInt32: [UInt8]] = [:]
        var finished: Set<UInt32> = []
    }

    private static func records(_ name: String) throws -> [Record] {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let file = root.appendingPathComponent("Vectors/\(name).json")
        return try JSONDecoder().decode([Record].self, from: Data(contentsOf: file))
    }

    /// The payloads of a client's masked messages, behind its HTTP head.
    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        if let end = rest.firstRange(of: [13, 10, 13, 10]) { rest = rest[end.upperBound...] }
        var payload: [UInt8] = []
        while rest.count >= 6 {
            let first = rest[rest.startIndex], second = rest[rest.startIndex + 1]
            var (count, head) = (Int(second & 0x7F), 2)
            if count == 126 {
                count = Int(rest[rest.startIndex + 2]) << 8 | Int(rest[rest.startIndex + 3])
                head = 4
            }
            let key = Array(rest.dropFirst(head).prefix(4))
            let body = rest.dropFirst(head + 4).prefix(count)
            if first & 0x0F <= 2 { payload += body.enumerated().map { $0.element ^ key[$0.offset & 3] } }
            rest = rest.dropFirst(head + 4 + count)
        }
        return payload
    }

    /// What a client said, with what is masked put aside.
    private static func speech(_ bytes: [UInt8]) throws -> Speech {
        let step = bytes.withUnsafeBytes { RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(var request, let count) = step else { throw Incomplete() }
        request.source = RelayAddress(.unknown)
        request.tunnel = request.tunnel.map {
            RelayTunnel(high: $0.high, low: $0.low, flags: $0.flags, capabilities: [], weight: $0.weight)
        }
        var speech = Speech()
        var room = [UInt8](repeating: 0, count: 600)
        let written = room.withUnsafeMutableBytes { request.write(into: $0) }
        speech.relay = Array(room.prefix(written ?? 0))
        var rest = bytes[count...]
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            let length = Int(head[2]) | Int(head[3]) << 8
            let stream = (0..<4).reduce(0 as UInt32) { $0 | UInt32(head[4 + $1]) << UInt32($1 * 8) }
            if head[1] == 1 { speech.finished.insert(stream) }
            if head[1] == 2, length > 0 { speech.payload[stream, default: []] += rest.dropFirst(8).prefix(length) }
            rest = rest.dropFirst(8 + length)
        }
        return speech
    }

    private struct Incomplete: Error {}

    /// Replays the server's side; what our client said.
    private static func replay(
        _ records: [Record], isWebSocket: Bool, origin answer: [UInt8], plan: ClientDesk.Plan
    ) throws -> (said: [UInt8], client: ClientBench, listener: SimulatedPeerListener) {
        let client = try ClientBench([plan])
        let target = client.target(3_001)
        let listener = client.world.kernel.listen(
            on: client.serverHost, at: SimulatedAddress(low: client.serverHost.low, port: 8_444))
        var said: [UInt8] = []
        client.run(1_000)
        let peer = try #require(listener.accept())
        func hear() {
            client.run(50)
            said += peer.take()
        }
        hear()
        var answers = records.filter { $0.dir == "s2c" && !$0.hex.isEmpty }.map(\.bytes)
        if isWebSocket {
            answers.removeFirst()
            peer.write(Array(try acceptance(of: said).utf8))
            hear()
        }
        var isAnswered = false
        for bytes in answers {
            peer.write(bytes)
            hear()
            if !isAnswered, let connection = target.connections.first, !answer.isEmpty, target.received[0].count > 10 {
                isAnswered = true
                connection.write(answer)
                connection.close()
                hear()
            }
        }
        return (said, client, listener)
    }

    private static func acceptance(of upgrade: [UInt8]) throws -> String {
        let head = String(decoding: upgrade, as: UTF8.self)
        let field = try #require(head.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") })
        let key = Array(field.dropFirst("Sec-WebSocket-Key: ".count).utf8)
        let text = key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
        let digest = text.withUnsafeBytes { SHA1.digest(of: RawSpan(_unsafeBytes: $0)) }
        let accept = Data(digest.indices.map { digest[$0] }).base64EncodedString()
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
    }

    private static func plan(isWebSocket: Bool, path: String = "/ws") -> ClientDesk.Plan {
        var server = ClientBench.server(port: 8_444, isWebSocket: isWebSocket)
        server.path = InlineText(path)!
        return ClientDesk.Plan(
            name: "t", tunnel: TunnelID("381433e1-7980-11ee-bbdb-60f262c1e32d")!, servers: [server],
            targets: TargetGroup([ClientBench.node(3_001)]))
    }

    @Test(arguments: [("a-tunnel+ws.conn1", true), ("b-tunnel+tcp.conn1", false)])
    func ourClientSaysWhatTheReferenceClientSaid(_ name: String, _ isWebSocket: Bool) throws {
        let records = try Self.records(name)
        let recorded = records.filter { $0.dir == "c2s" }.flatMap(\.bytes)
        let theirs = try Self.speech(isWebSocket ? Self.unwrapped(recorded) : recorded)
        let answer = try #require(theirs.payload.values.first)
        let (said, client, _) = try Self.replay(
            records, isWebSocket: isWebSocket, origin: answer, plan: Self.plan(isWebSocket: isWebSocket))
        let ours = try Self.speech(isWebSocket ? Self.unwrapped(said) : said)
        #expect(ours == theirs)
        #expect(client.boundCount == 1)
    }

    @Test func credentialsAreSaidAsTheReferenceClientSaysThem() throws {
        let records = try Self.records("g-auth.conn1")
        let recorded = records.filter { $0.dir == "c2s" }.flatMap(\.bytes)
        let theirs = try Self.speech(Self.unwrapped(recorded))
        let bytes = Self.unwrapped(recorded)
        let step = bytes.withUnsafeBytes { RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(let request, _) = step else { throw Incomplete() }
        var plan = Self.plan(isWebSocket: true, path: "/tun")
        plan.user = request.user
        plan.password = request.password
        let answer = theirs.payload.values.first ?? []
        let (said, client, _) = try Self.replay(records, isWebSocket: true, origin: answer, plan: plan)
        #expect(try Self.speech(Self.unwrapped(said)) == theirs)
        #expect(client.boundCount == 1)
    }

    @Test(arguments: 2...5)
    func aRefusalIsUnderstoodAndNotRepeatedSoon(_ number: Int) throws {
        let records = try Self.records("g-auth.conn\(number)")
        let (_, client, listener) = try Self.replay(
            records, isWebSocket: true, origin: [], plan: Self.plan(isWebSocket: true))
        guard case .refused(2) = try #require(client.failures.first).failure else { throw Incomplete() }
        client.run(14_000)
        #expect(listener.accept() == nil)
    }
}
