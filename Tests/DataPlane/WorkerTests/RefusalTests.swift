import Model
import Simulator
import Testing
import World

/// What a visitor is refused with, and what is counted.
@Suite struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let request: String
        let status: Int
        let reason: Reason
        var testDescription: String { "\(status) \(reason.label)" }
    }

    /// `%` stands for the tunnel's host.
    static let cases = [
        Case(request: "GET / HTTP/1.1\r\n\r\n", status: 400, reason: .missingHost),
        Case(request: "GET / HTTP/1.1\r\nHost: %\r\nHost: %\r\n\r\n", status: 400, reason: .ambiguousFraming),
        Case(request: "CONNECT %:443 HTTP/1.1\r\nHost: %\r\n\r\n", status: 405, reason: .methodNotAllowed),
        Case(request: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", status: 505, reason: .versionNotSupported),
        Case(
            request: "POST / HTTP/1.1\r\nHost: %\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", status: 501,
            reason: .unknownTransferCoding),
        Case(
            request: "POST / HTTP/1.1\r\nHost: %\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
            status: 400, reason: .ambiguousFraming),
        Case(
            request: "GET / HTTP/1.1\r\nHost: %\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", status: 431,
            reason: .headTooLarge),
        Case(request: "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n", status: 502, reason: .noRoute),
    ]

    @Test(arguments: cases)
    func refusalsSayWhy(_ refusal: Case) throws {
        let bench = try Bench()
        let other = bench.visitor()
        other.write(bench.get("/other"))
        let visitor = bench.visitor()
        visitor.write(refusal.request.replacing("%", with: bench.host))
        bench.run(100)
        #expect(visitor.status == refusal.status)
        #expect(visitor.text.contains(refusal.reason.label))
        #expect(bench.node.count(refusal.reason) == 1)
        // Somebody else is unharmed.
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        #expect(other.text == ExchangeTests.ok)
        visitor.peer.close()
        other.peer.close()
        bench.run(5_000)
        bench.expectQuiet()
    }

    @Test func aRefusedConnectionServesTheNextRequest() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(
            "POST / HTTP/1.1\r\nHost: nobody.localhost\r\nContent-Length: 5\r\n\r\nhello" + bench.get("/next"))
        bench.run(50)
        #expect(visitor.status == 502)
        visitor.forget()
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        #expect(visitor.text == ExchangeTests.ok)
    }

    @Test func anOfflineTunnelIs503() throws {
        let bench = try Bench()
        bench.connector.peer.close()
        bench.run(100)
        let visitor = bench.visitor()
        visitor.write(bench.get())
        bench.run()
        #expect(visitor.status == 503)
        #expect(bench.node.count(.tunnelOffline) == 1)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet(connectors: 0)
    }

    @Test func relayRequestsAreToldSo() throws {
        let bench = try Bench()
        let relay = bench.visitor()
        relay.peer.write([1, 1, 0, 0])
        bench.run(100)
        #expect(relay.received == [1, 3, 0, 0])
        #expect(bench.node.count(.relayAtEntrypoint) == 1)
        bench.run(5_000)
        bench.expectQuiet()
    }

    @Test func aBrokenChunkIsRefused() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX")
        bench.run(100)
        #expect(visitor.status == 400)
        #expect(bench.node.count(.ambiguousFraming) == 1)
        #expect(try bench.stream().isFinished)
        bench.run(5_000)
        #expect(visitor.isEnded)
        bench.expectQuiet()
    }
}
