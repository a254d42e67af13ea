import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// An answer that had begun and will not be completed: its visitor gets what there is, then a reset, whatever delimits
/// the answer. The end that is an end stays one.
@Suite struct CutAnswerTests {
    enum Framing: String, CaseIterable, Sendable {
        case close = ""
        case length = "Content-Length: 100000\r\n"
        case chunked = "Transfer-Encoding: chunked\r\n"

        var begun: String {
            let chunk = self == .chunked ? "C350\r\n" : ""
            return "HTTP/1.1 200 OK\r\n\(rawValue)\r\n\(chunk)\(String(repeating: "x", count: 40_000))"
        }
    }

    enum Cut: CaseIterable, Sendable { case connectorResets, connectorEnds, streamEnds, streamIsReset }

    private func begin(_ framing: Framing, minor: Int = 1) throws -> (Bench, ScriptedVisitor) {
        let bench = try Bench(capabilities: [.halfClose, .reset])
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.\(minor)\r\nHost: \(bench.host)\r\n\r\n")
        bench.run()
        bench.connector.send(try bench.stream(), framing.begun)
        bench.run()
        #expect(visitor.text.hasSuffix(String(repeating: "x", count: 40_000)))
        return (bench, visitor)
    }

    @Test(arguments: Framing.allCases, Cut.allCases)
    func aCutAnswerEndsInAReset(_ framing: Framing, _ cut: Cut) throws {
        let (bench, visitor) = try begin(framing)
        let stream = try bench.stream()
        switch cut {
        case .connectorResets: bench.connector.peer.reset()
        case .connectorEnds: bench.connector.peer.close()
        case .streamEnds: bench.connector.finish(stream)
        case .streamIsReset: bench.connector.write(.reset, stream, [Reason.socketError.rawValue, 0, 0, 0])
        }
        bench.run(100)
        // Delimited by its end, the answer is complete when the origin ended it.
        let isWhole = framing == .close && cut == .streamEnds
        #expect(visitor.peer.isReset == !isWhole)
        #expect(visitor.isEnded)
        #expect(visitor.text.hasSuffix(String(repeating: "x", count: 40_000)))
        let reason: Reason =
            switch cut {
            case .connectorResets, .connectorEnds: .connectorLost
            case .streamEnds: .badAnswer
            case .streamIsReset: .socketError
            }
        #expect(bench.node.refusals(reason).count == (isWhole ? 0 : 1))
        visitor.leave()
        bench.run(3_000)
        let isGone = cut == .connectorResets || cut == .connectorEnds
        bench.expectQuiet(connectors: isGone ? 0 : 1)
    }

    /// A visitor of HTTP/1.0 gets a chunked answer delimited by the end: that, too, is no end when it was cut.
    @Test func anUnchunkedAnswerIsResetToo() throws {
        let (bench, visitor) = try begin(.chunked, minor: 0)
        bench.connector.peer.reset()
        bench.run(100)
        #expect(visitor.peer.isReset)
    }

    @Test(arguments: [true, false])
    func anUpgradedConversation(_ isEnded: Bool) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        bench.run()
        let stream = try bench.stream()
        bench.connector.send(
            stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nabc")
        bench.run()
        if isEnded { bench.connector.finish(stream) } else { bench.connector.peer.reset() }
        bench.run(100)
        #expect(visitor.text.hasSuffix("abc"))
        #expect(visitor.isEnded)
        #expect(visitor.peer.isReset == !isEnded)
    }

    /// Only an interim answer came: there is no final one to be taken for complete, but no page can follow either.
    @Test func aCutBehindAnInterimAnswer() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        bench.connector.send(try bench.stream(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        bench.run()
        bench.connector.peer.reset()
        bench.run(100)
        #expect(visitor.peer.isReset)
        #expect(visitor.status == 103)
    }
}
