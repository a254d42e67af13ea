import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// What comes before a conversation: the header of a proxy, and how many connections one address may have.
@Suite struct ArrivalTests {
    private static let line = "PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"
    private static let binary: [UInt8] =
        [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 16]
        + [203, 0, 113, 9, 192, 0, 2, 1, 0x12, 0x67, 0, 80] + [4, 0, 1, 0]
    private static let source: UInt32 = 0xCB00_7109

    /// PROXY headers on both tunnel ports and at the entrypoints.
    private static func trust(proxies: [AddressPrefix] = [], namesClientByField: Bool = false) -> PlaneTrust {
        PlaneTrust(
            services: (0..<2).map {
                PlaneTrust.Service(
                    service: ServiceIndex($0), takesProxyHeader: true, entrypointsTakeProxyHeader: true,
                    namesClientByField: namesClientByField)
            }, proxies: proxies)
    }

    private func proxied(_ limits: [Limit: UInt64] = [:]) throws -> Bench {
        try Bench(limits: limits, trust: Self.trust())
    }

    // MARK: Visitors

    @Test(arguments: [Array(line.utf8), binary])
    func theHeaderNamesTheVisitor(header: [UInt8]) throws {
        let bench = try proxied()
        // Whole, at every byte of the header and one behind it.
        for cut in 0...header.count + 1 {
            let visitor = bench.visitor()
            let all = header + Array(bench.get("/\(cut)").utf8)
            visitor.peer.write(Array(all[..<cut]))
            bench.run(2)
            visitor.peer.write(Array(all[cut...]))
            bench.run()
            let stream = try bench.stream(cut)
            #expect(stream.header?.source?.socketAddress == SocketAddress(ipv4: Self.source, port: 4711))
            #expect(stream.text.hasPrefix("GET /\(cut) HTTP/1.1\r\n"))
            #expect(stream.text.contains("\r\nX-Forwarded-For: 203.0.113.9\r\n"))
            bench.connector.send(stream, ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
            visitor.peer.close()
        }
        bench.run(5_000)
        bench.expectQuiet()
    }

    @Test func theHeaderMayBeMissingOrSayNothing() throws {
        let bench = try proxied()
        for (number, prefix) in ["", "PROXY UNKNOWN\r\n"].enumerated() {
            let visitor = bench.visitor()
            visitor.write(prefix + bench.get())
            bench.run()
            #expect(try bench.stream(number).header?.source?.socketAddress?.ipv4 == 0x0A00_0009)
        }
    }

    @Test func itStandsInFrontOfTLSToo() throws {
        let bench = try proxied()
        let visitor = bench.visitor()
        let hello = Hello.bytes(bench.host)
        visitor.peer.write(Self.binary + hello)
        bench.run()
        #expect(try bench.stream().header?.source?.socketAddress?.ipv4 == Self.source)
        #expect(try bench.stream().received == hello)
    }

    @Test func elsewhereItIsGarbage() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.write(Self.line + bench.get())
        bench.run(100)
        #expect(visitor.status == 400)
        let other = bench.visitor()
        other.peer.write(Self.binary)
        bench.run(100)
        #expect(other.status == 400)
        #expect(bench.connector.streams.isEmpty)
        let link = ScriptedConnector(
            bench.world, bench.node, bench.clientHost, tunnel: Bench.tunnel, prefix: Array(Self.line.utf8))
        bench.run(100)
        #expect(!link.isBound && link.peer.isEnded)
    }

    @Test(arguments: ["PROXY TCP4 a b c d\r\n", "PROXY TCP9 ", "PROXY \r\n"])
    func wrongHeadersEndTheConnection(header: String) throws {
        let bench = try proxied()
        let visitor = bench.visitor()
        visitor.write(header + bench.get())
        bench.run(100)
        #expect(visitor.isEnded && visitor.received.isEmpty)
        #expect(bench.node.count(.proxyFault) == 1)
        bench.expectQuiet()
    }

    @Test func aHeaderIsBounded() throws {
        let bench = try proxied([.proxyHeaderBytesMax: 536])
        for (count, status) in [(520, 200), (521, nil as Int?)] {
            let visitor = bench.visitor()
            var header = Array(Self.binary.prefix(28)) + [UInt8](repeating: 0, count: count - 12)
            header[14] = UInt8(count >> 8)
            header[15] = UInt8(count & 255)
            visitor.peer.write(header + Array(bench.get().utf8))
            bench.run()
            if let stream = bench.connector.streams.first { bench.connector.send(stream, ExchangeTests.ok) }
            bench.run()
            #expect(visitor.status == status)
        }
        #expect(bench.node.count(.proxyFault) == 1)
        // On the tunnel port as well.
        let link = ScriptedConnector(
            bench.world, bench.node, bench.clientHost, tunnel: Bench.tunnel,
            prefix: Array(Self.binary.prefix(14)) + [2, 9])
        bench.run(50)
        #expect(link.peer.isEnded)
        #expect(bench.node.count(.proxyFault) == 2)
    }

    @Test func aSilentOrSlowHeaderDelaysNobody() throws {
        let bench = try proxied([.proxyHeaderTimeoutMilliseconds: 2_000])
        let silent = bench.visitor()
        let slow = bench.visitor()
        slow.write("PROXY TCP4 203.0.1")
        let silentLink = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
        let slowLink = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
        slowLink.write("PROXY ")
        bench.run(5)
        let visitor = bench.visitor()
        visitor.write(Self.line + bench.get())
        let second = try bench.secondConnector()
        bench.run()
        #expect(bench.connector.streams.count + second.streams.count == 1)
        bench.run(1_900)
        #expect(!slow.isEnded && !slowLink.isEnded)
        bench.run(200)
        #expect(slow.isEnded && slowLink.isEnded && silentLink.isEnded && !silent.isEnded)
        #expect(bench.node.count(.proxyTimeout) == 2)
        #expect(bench.node.count(.handshakeTimeout) == 1)
        bench.run(8_000)
        #expect(silent.isEnded)
        #expect(bench.node.count(.firstByteTimeout) == 1)
    }

    // MARK: Clients

    @Test(arguments: [Array(line.utf8), binary])
    func linksMayBeginWithAHeader(header: [UInt8]) throws {
        let bench = try proxied()
        let link = ScriptedConnector(
            bench.world, bench.node, bench.clientHost, tunnel: Bench.tunnel, prefix: header)
        bench.run(100)
        #expect(link.isBound)
        // A WebSocket client, byte by byte.
        let upgrade = ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.webSocketPort)
        let request =
            "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        for byte in header + Array(request.utf8) {
            upgrade.peer.write([byte])
            bench.run(1)
        }
        bench.run(50)
        #expect(upgrade.status == 101)
    }

    // MARK: Connections by address

    @Test func oneAddressCannotTakeEverySlot() throws {
        let bench = try Bench(limits: [.visitorsPerSourceMax: 3])
        let silent = (0..<3).map { _ in bench.visitor() }
        bench.run(50)
        #expect(silent.allSatisfy { !$0.isEnded })
        let http = bench.visitor()
        http.write(bench.get())
        let secure = bench.visitor()
        secure.peer.write(Hello.bytes(bench.host))
        let mute = bench.visitor()
        bench.run(50)
        #expect(http.status == 503 && http.text.contains("source_full"))
        #expect(secure.received.suffix(2) == [2, 80])
        #expect(mute.isEnded && mute.received.isEmpty)
        #expect(bench.node.count(.sourceFull) == 3)
        // Others are unharmed, and a place that was left is free again.
        let elsewhere = ScriptedVisitor(bench.world, bench.node, bench.clientHost)
        elsewhere.write(bench.get())
        silent[0].peer.close()
        bench.run(20)
        let again = bench.visitor()
        again.write(bench.get())
        bench.run(20)
        #expect(bench.connector.streams.count == 2)
        for visitor in silent + [http, secure, mute, elsewhere, again] { visitor.peer.reset() }
        bench.run(5_000)
        bench.expectQuiet()
        #expect(bench.node.benches.allSatisfy { $0.worker.ledger.sources == 0 })
    }

    /// Behind a proxy it is the address in its header that counts, and a proxy that is believed is not counted.
    @Test func theHeadersAddressCounts() throws {
        let network = try #require(AddressPrefix("10.0.0.0/24"))
        let bench = try Bench(limits: [.visitorsPerSourceMax: 1], trust: Self.trust(proxies: [network]))
        let direct = (0..<3).map { _ in bench.visitor() }
        for visitor in direct { visitor.write(bench.get()) }
        let named = (0..<2).map { _ in bench.visitor() }
        for visitor in named { visitor.write(Self.line + bench.get()) }
        let other = bench.visitor()
        other.write("PROXY TCP4 203.0.113.10 192.0.2.1 1 2\r\n" + bench.get())
        bench.run()
        #expect(bench.connector.streams.count == 5)
        #expect(named.count { $0.status == 503 } == 1)
        #expect(bench.node.count(.sourceFull) == 1)
    }

    /// Counted on the worker they are on, also after a move, and never twice.
    @Test func movedVisitorsAreCountedOnce() throws {
        let bench = try Bench(workers: 3)
        let visitors = (0..<12).map { _ in bench.visitor() }
        for visitor in visitors { visitor.write(bench.get()) }
        bench.run(100)
        #expect(bench.connector.streams.count == 12)
        #expect(bench.node.count(.visitorsMoved) > 0)
        for visitor in visitors { visitor.peer.reset() }
        bench.run(10_000)
        bench.expectQuiet()
        #expect(bench.node.benches.allSatisfy { $0.worker.ledger.sources == 0 })
    }

    // MARK: The client that a proxy names

    @Test func aChangeOfClientOpensANewStream() throws {
        let network = try #require(AddressPrefix("10.0.0.9"))
        let bench = try Bench(trust: Self.trust(proxies: [network], namesClientByField: true))
        let visitor = bench.visitor()
        func ask(_ client: String, _ number: Int) throws -> SocketAddress? {
            let before = bench.connector.streams[..<number].map(\.received.count)
            visitor.forget()
            visitor.write(bench.get("/", "X-Forwarded-For: \(client)\r\n"))
            bench.run()
            let stream = try bench.stream(number)
            #expect(stream.text.contains("X-Forwarded-For: \(client), 10.0.0.9\r\n"))
            #expect(bench.connector.streams[..<number].map(\.received.count) == before)
            bench.connector.send(stream, ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
            return stream.header?.source?.socketAddress
        }
        #expect(try ask("198.51.100.1", 0) == SocketAddress(ipv4: 0xC633_6401, port: 0))
        #expect(try ask("198.51.100.2", 1) == SocketAddress(ipv4: 0xC633_6402, port: 0))
        // The first one's stream was kept for it.
        #expect(try ask("198.51.100.1", 0) == SocketAddress(ipv4: 0xC633_6401, port: 0))
        #expect(bench.connector.streams.count == 2)
    }

    @Test func strangersNameNobody() throws {
        let bench = try Bench(trust: Self.trust(namesClientByField: true))
        let visitor = bench.visitor()
        visitor.write(bench.get("/", "X-Forwarded-For: 198.51.100.1\r\nX-Real-IP: 198.51.100.1\r\n"))
        bench.run()
        #expect(try bench.stream().header?.source?.socketAddress?.ipv4 == 0x0A00_0009)
        #expect(try !bench.stream().text.contains("198.51.100.1"))
    }
}
