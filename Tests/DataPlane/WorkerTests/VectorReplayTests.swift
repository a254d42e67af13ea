import Foundation
import Model
import Primitives
import Simulator
import Testing
import World

/// The reference implementation's clients, replayed byte for byte against a node: what it answers is compared with what
/// the reference server answered, frame by frame below WebSocket.
///
/// Masked, because it cannot or need not be the same: the connector's id; the visitor's address in stream headers (it
/// is the recording machine's); when NOPs are sent; HTTP heads; presence and window of our window updates.
@Suite struct VectorReplayTests {
    struct Record: Decodable {
        var dir: String
        var hex: String
    }

    private struct Frame: Equatable {
        var command: UInt8
        var stream: UInt32
        var payload: [UInt8]
    }

    static func records(_ name: String) throws -> [Record] {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { root.deleteLastPathComponent() }
        let file = root.appendingPathComponent("Vectors/\(name).json")
        return try JSONDecoder().decode([Record].self, from: Data(contentsOf: file))
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8).map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// The payloads of a server's binary messages, behind its HTTP head.
    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        var rest = bytes[...]
        if let end = rest.firstRange(of: [13, 10, 13, 10]) { rest = rest[end.upperBound...] }
        var payload: [UInt8] = []
        while rest.count >= 2 {
            let (first, second) = (rest[rest.startIndex], Int(rest[rest.startIndex + 1]))
            var (count, head) = (second, 2)
            if second == 126 {
                count = Int(rest[rest.startIndex + 2]) << 8 | Int(rest[rest.startIndex + 3])
                head = 4
            }
            let body = rest.dropFirst(head).prefix(count)
            if first & 0x0F == 2 || first & 0x0F == 0 { payload += body }
            rest = rest.dropFirst(head + count)
        }
        return payload
    }

    /// A relay response with the connector's id zeroed, and the smux frames behind it.
    private static func parts(_ bytes: [UInt8]) throws -> (response: [UInt8], frames: [Frame]) {
        let count = 4 + (Int(bytes[2]) << 8 | Int(bytes[3]))
        var response = Array(bytes[..<count])
        // The Tunnel feature comes last: 16 bytes of id, then flags, reserved and weight.
        for index in count - 20..<count - 4 { response[index] = 0 }
        var frames: [Frame] = []
        var rest = bytes[count...]
        while rest.count >= 8 {
            let head = Array(rest.prefix(8))
            let length = head[1] == 4 ? 8 : Int(head[2]) | Int(head[3]) << 8
            let stream = (0..<4).reduce(0 as UInt32) { $0 | UInt32(head[4 + $1]) << UInt32($1 * 8) }
            frames.append(Frame(command: head[1], stream: stream, payload: Array(rest.dropFirst(8).prefix(length))))
            rest = rest.dropFirst(8 + length)
        }
        return (response, frames)
    }

    /// NOPs and window updates left out, the visitor's address zeroed, HTTP heads cut to their first line.
    private static func masked(_ frames: [Frame]) -> [Frame] {
        var seen: Set<UInt32> = []
        return frames.filter { $0.command != 3 && $0.command != 4 }.map { frame in
            guard frame.command == 2 else { return frame }
            var frame = frame
            if seen.insert(frame.stream).inserted {
                // 01 00 LEN LEN, then the visitor's address: feature 2, length, type, four bytes, port.
                for index in 8..<14 { frame.payload[index] = 0 }
            } else {
                frame.payload = Array(frame.payload.prefix { $0 != 13 })
            }
            return frame
        }
    }

    @Test(arguments: [("a-tunnel+ws.conn1", true), ("b-tunnel+tcp.conn1", false)])
    func aClientIsAnsweredAsByTheReference(_ name: String, _ isWebSocket: Bool) throws {
        let records = try VectorReplayTests.records(name)
        let world = World(seed: 1)
        let node = try NodeProcess(world, seed: 1, domain: "gost.local")
        let outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        let client = ScriptedVisitor(
            world, node, outside, port: isWebSocket ? NodeProcess.webSocketPort : NodeProcess.relayPort)
        let visitor = ScriptedVisitor(world, node, outside)
        let first = try #require(
            records.firstIndex { $0.dir == "c2s" && VectorReplayTests.isBind($0.hex, isWebSocket) })
        for record in records[...first] where record.dir == "c2s" {
            client.peer.write(VectorReplayTests.bytes(record.hex))
        }
        world.run(milliseconds: 50)
        visitor.write("GET /hello.txt HTTP/1.1\r\nHost: b7de88a94729b931.gost.local\r\nConnection: close\r\n\r\n")
        world.run(milliseconds: 50)
        for record in records[(first + 1)...] where record.dir == "c2s" {
            client.peer.write(VectorReplayTests.bytes(record.hex))
            world.run(milliseconds: 20)
        }
        world.run(milliseconds: 500)
        #expect(visitor.status == 200)
        let recorded = records.filter { $0.dir == "s2c" }.flatMap { VectorReplayTests.bytes($0.hex) }
        let ours = try VectorReplayTests.parts(
            isWebSocket ? VectorReplayTests.unwrapped(client.received) : client.received)
        let theirs = try VectorReplayTests.parts(isWebSocket ? VectorReplayTests.unwrapped(recorded) : recorded)
        #expect(ours.response == theirs.response)
        #expect(VectorReplayTests.masked(ours.frames) == VectorReplayTests.masked(theirs.frames))
    }

    /// Replays one side of a recording: everything up to the relay request, and, when `rest` is called, what follows.
    private static func replay(_ records: [Record], to peer: ScriptedVisitor, in world: World) throws -> () -> Void {
        let first = try #require(records.firstIndex { $0.dir == "c2s" && isBind($0.hex, true) })
        for record in records[...first] where record.dir == "c2s" { peer.peer.write(bytes(record.hex)) }
        world.run(milliseconds: 50)
        return {
            for record in records[(first + 1)...] where record.dir == "c2s" {
                peer.peer.write(bytes(record.hex))
                world.run(milliseconds: 20)
            }
            world.run(milliseconds: 500)
        }
    }

    private static func recorded(_ records: [Record]) -> [UInt8] {
        unwrapped(records.filter { $0.dir == "s2c" }.flatMap { bytes($0.hex) })
    }

    /// d: a relay visitor's CONNECT and one HTTP request through it; the connector gives the recorded answer.
    @Test func aVisitorIsAnsweredAsByTheReference() throws {
        let records = try VectorReplayTests.records("d-visitor-tunnel+ws.conn1")
        let bench = try Bench(isDirect: true)
        let visitor = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.webSocketPort)
        let rest = try VectorReplayTests.replay(records, to: visitor, in: bench.world)
        rest()
        let theirs = VectorReplayTests.recorded(records)
        bench.connector.send(try bench.stream(), Array(theirs.dropFirst(4)))
        bench.run(100)
        #expect(theirs.prefix(4) == [1, 0, 0, 0])
        #expect(VectorReplayTests.unwrapped(visitor.received) == theirs)
    }

    /// e: a UDP tunnel, one datagram each way, both ends replayed.
    @Test func datagramsPassAsWithTheReference() throws {
        let bindRecords = try VectorReplayTests.records("e-rudp-bind.conn1")
        let visitRecords = try VectorReplayTests.records("e-rudp-visitor.conn1")
        let world = World(seed: 1)
        let node = try NodeProcess(world, seed: 1, isDirect: true, domain: "gost.local")
        let outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        let client = ScriptedVisitor(world, node, outside, port: NodeProcess.webSocketPort)
        let clientRest = try VectorReplayTests.replay(bindRecords, to: client, in: world)
        let visitor = ScriptedVisitor(world, node, outside, port: NodeProcess.webSocketPort)
        let visitorRest = try VectorReplayTests.replay(visitRecords, to: visitor, in: world)
        visitorRest()
        clientRest()
        let ours = try VectorReplayTests.parts(VectorReplayTests.unwrapped(client.received))
        let theirs = try VectorReplayTests.parts(VectorReplayTests.recorded(bindRecords))
        #expect(ours.response == theirs.response)
        #expect(VectorReplayTests.masked(ours.frames) == VectorReplayTests.masked(theirs.frames))
        #expect(VectorReplayTests.unwrapped(visitor.received) == VectorReplayTests.recorded(visitRecords))
    }

    /// The record that holds the relay request: the second over WebSocket, the first over TCP.
    private static func isBind(_ hex: String, _ isWebSocket: Bool) -> Bool { hex.hasPrefix(isWebSocket ? "82" : "01") }
}
