import Foundation
import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// The table of attacks, played row by row: what a hostile peer does is limited or dropped for a counted reason that the log
/// hears of, memory stays below the row's bound, somebody else is answered all the time, a third gets the whole of an
/// answer that had begun, and nothing stays behind.
@Suite struct HostilePeerTests {
    @Test(arguments: Attack.all)
    func anAttackHurtsTheAttackerOnly(_ attack: Attack) throws {
        let bench = try LimitBench(
            attack.settings, takesProxyHeader: attack.takesProxyHeader, capabilities: attack.capabilities)
        let probe = bench.startProbing()
        bench.run(20)
        try attack.act(bench)
        if let reason = attack.reason { bench.expectCountedAndLogged(reason) }
        #expect(probe.buffersHeldMax <= attack.buffersMax)
        #expect(probe.longestMilliseconds <= attack.waitMaxMilliseconds)
        #expect(probe.answers > 2)
        // An idle connection may make room for another.
        #expect(probe.ends == 0 || attack.reason == .shedSilent)
        bench.expectNeighbourUnharmed()
        bench.expectNothingLeft()
    }

    @Test func namesAreUnique() { #expect(Set(Attack.all.map(\.name)).count == Attack.all.count) }

    /// A row's memory is a bound: less than the worker has.
    @Test func boundsAreBelowWhatThereIs() {
        #expect(Attack.all.allSatisfy { $0.buffersMax < WorkerBench.bufferCountStandard })
    }

    @Test func theDocumentIsTheTable() throws {
        let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("../../../../\(AttackDocument.path)").standardized
        if ProcessInfo.processInfo.environment["CULVERT_WRITE_DOCS"] != nil {
            try AttackDocument.text.write(to: file, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text == AttackDocument.text, "run with CULVERT_WRITE_DOCS=1")
    }

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
