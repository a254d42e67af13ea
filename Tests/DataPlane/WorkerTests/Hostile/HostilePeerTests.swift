import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// What a hostile peer does, and what becomes of it: it is limited or dropped for a counted reason that the log hears
/// of, memory stays bounded meanwhile, somebody else gets the whole of his answer, and nothing stays behind.
@Suite struct HostilePeerTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        /// nil where the attack costs only the attacker and nothing has to end.
        let reason: Reason?
        let act: @Sendable (LimitBench) throws -> Void
        var testDescription: String { name }

        init(_ name: String, _ reason: Reason?, act: @escaping @Sendable (LimitBench) throws -> Void) {
            self.name = name
            self.reason = reason
            self.act = act
        }
    }

    /// Deadlines short enough for a test, and no more of anything than standard.
    private static let limits: [Limit: UInt64] = [
        .handshakeTimeoutMilliseconds: 2_000, .headTimeoutMilliseconds: 2_000, .firstByteTimeoutMilliseconds: 2_000,
        .bodyIdleMilliseconds: 2_000, .answerHeadTimeoutMilliseconds: 2_000, .controlQueueBytesMax: 16_384,
        .carrierQueueBytesMax: 16_384,
    ]

    static let all = slow + noise + floods + streams + origins

    @Test(arguments: all)
    func anAttackHurtsTheAttackerOnly(_ attack: Attack) throws {
        let bench = try LimitBench(HostilePeerTests.limits)
        try attack.act(bench)
        #expect(bench.ledger.buffersInUse - bench.ledger.buffersWithShell < 200)
        if let reason = attack.reason { bench.expectCountedAndLogged(reason) }
        bench.expectNeighbourUnharmed()
        bench.expectNothingLeft()
    }

    @Test func namesAreUnique() { #expect(Set(Self.all.map(\.name)).count == Self.all.count) }

    /// One byte every 100 ms, until the other side ends it or all is sent.
    static func trickle(_ bytes: [UInt8], _ visitor: ScriptedVisitor, _ bench: LimitBench) {
        for byte in bytes where !visitor.isEnded {
            visitor.peer.write([byte])
            bench.run(100)
        }
        bench.run(2_500)
    }

    static let upgrade =
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    /// A BIND for a tunnel of its own.
    static func bind(_ number: UInt64 = 1) -> [UInt8] {
        var request = RelayRequest(.bind)
        request.source = RelayAddress(.unknown)
        request.destination = RelayAddress(SocketAddress(ipv4: 0, port: 0))
        request.tunnel = RelayTunnel(
            high: 0xDDDD_0000_0000_4000, low: 0x8000_0000_0000_0000 | number, capabilities: [], weight: 0)
        var room = [UInt8](repeating: 0, count: 200)
        let count = room.withUnsafeMutableBytes { request.write(into: $0) } ?? 0
        return Array(room.prefix(count))
    }

    /// A client's WebSocket message with a mask of zeros.
    static func message(_ payload: [UInt8], opcode: UInt8 = 2) -> [UInt8] {
        let head: [UInt8] =
            payload.count < 126
            ? [0x80 | opcode, 0x80 | UInt8(payload.count)]
            : [0x80 | opcode, 0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        return head + [0, 0, 0, 0] + payload
    }
}
