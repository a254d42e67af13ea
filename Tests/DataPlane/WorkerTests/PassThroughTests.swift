import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// TLS visitors: found by the name in their hello, passed through unread, refused with an alert.
@Suite struct PassThroughTests {
    private static func alert(_ description: UInt8) -> [UInt8] { [0x15, 3, 3, 0, 2, 2, description] }
    private static let unrecognizedName = alert(112)
    private static let internalError = alert(80)

    @Test func bytesPassBothWays() throws {
        let bench = try Bench(limits: [.muxKeepAliveTimeoutMilliseconds: 3_600_000])
        let visitor = bench.visitor()
        let hello = Hello.bytes(bench.host.uppercased() + ".")
        visitor.peer.write(hello + [0x17, 1, 2])
        bench.run()
        let stream = try bench.stream()
        #expect(stream.received == hello + [0x17, 1, 2])
        #expect(stream.header?.source?.socketAddress?.ipv4 == 0x0A00_0009)
        #expect(stream.header?.destination == RelayAddress("\(bench.host.uppercased()).:443"))
        bench.connector.send(stream, [0x16, 3, 3, 0, 1, 2])
        bench.run()
        #expect(visitor.received == [0x16, 3, 3, 0, 1, 2])
        // No deadline touches a splice.
        bench.run(400_000)
        #expect(!visitor.isEnded && !stream.isFinished)
        visitor.peer.write([9])
        bench.run()
        #expect(stream.received == hello + [0x17, 1, 2, 9])
        bench.connector.send(stream, [8])
        bench.connector.finish(stream)
        bench.run(3_000)
        #expect(visitor.received.last == 8 && visitor.isEnded)
        #expect(bench.node.count(.tlsPassed) == 1)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet()
    }

    /// 2 KB in two records, cut into two segments at many places; the second one comes late.
    @Test(arguments: [1, 4, 5, 6, 9, 1_000, 1_028, 1_029, 1_030, 1_034, 2_000])
    func aLongHelloInPieces(cut: Int) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        let hello = Hello.bytes(bench.host, padding: 2_000, recordBytesMax: 1_024)
        visitor.peer.write(Array(hello[..<cut]))
        bench.run(500)
        #expect(bench.connector.streams.isEmpty && !visitor.isEnded)
        visitor.peer.write(Array(hello[cut...]))
        bench.run()
        #expect(try bench.stream().received == hello)
    }

    @Test func theLongestHelloFits() throws {
        let bench = try Bench()
        let hello = Hello.bytes(bench.host, padding: 15_800)
        let visitor = bench.visitor()
        for start in stride(from: 0, to: hello.count, by: 700) {
            visitor.peer.write(Array(hello[start..<min(start + 700, hello.count)]))
            bench.run(1)
        }
        bench.run()
        #expect(try bench.stream().received == hello)
    }

    struct Refusal: Sendable {
        var bytes: [UInt8]
        var alert: UInt8
        var reason: Reason
    }

    @Test(arguments: [
        Refusal(bytes: Hello.bytes(""), alert: 112, reason: .missingHost),
        Refusal(bytes: Hello.bytes("192.0.2.1"), alert: 112, reason: .noRoute),
        Refusal(bytes: Hello.bytes("2001:db8::1"), alert: 112, reason: .noRoute),
        Refusal(bytes: Hello.bytes("nobody.localhost"), alert: 112, reason: .noRoute),
        Refusal(bytes: Hello.bytes("a", padding: 20_000), alert: 22, reason: .helloTooLarge),
        Refusal(bytes: Hello.bytes("a", padding: 300, recordBytesMax: 2), alert: 22, reason: .helloTooLarge),
        Refusal(bytes: Hello.bytes("a b"), alert: 47, reason: .tlsFault),
        Refusal(bytes: [0x16, 3, 1, 0, 4, 2, 0, 0, 0], alert: 10, reason: .tlsFault),
        Refusal(bytes: [0x16, 3, 1, 0, 4, 1, 0, 0, 0], alert: 50, reason: .tlsFault),
        Refusal(bytes: [0x16, 3, 1, 0x40, 1], alert: 22, reason: .tlsFault),
        Refusal(bytes: Array("\u{16}GET / HTTP/1.1\r\n\r\n".utf8), alert: 10, reason: .tlsFault),
    ])
    func refusalsAreAlerts(refusal: Refusal) throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        let other = bench.visitor()
        other.write(bench.get("/other"))
        visitor.peer.write(refusal.bytes)
        bench.run(100)
        // The version of an incomplete hello is not known yet.
        #expect(visitor.received.count == 7 && visitor.received.starts(with: [0x15, 3]))
        #expect(visitor.received.suffix(4) == [0, 2, 2, refusal.alert])
        #expect(bench.node.count(refusal.reason) == 1)
        bench.connector.send(try bench.stream(), ExchangeTests.ok)
        bench.run()
        #expect(other.text == ExchangeTests.ok)
        other.peer.close()
        visitor.peer.close()
        bench.run(5_000)
        bench.expectQuiet()
    }

    @Test func anOfflineTunnelIsToldSo() throws {
        let bench = try Bench()
        bench.connector.peer.close()
        bench.run(100)
        let visitor = bench.visitor()
        visitor.peer.write(Hello.bytes(bench.host))
        bench.run()
        #expect(visitor.received == Self.internalError)
        #expect(bench.node.count(.tunnelOffline) == 1)
    }

    @Test func aSlowHelloEnds() throws {
        let bench = try Bench(limits: [.helloTimeoutMilliseconds: 3_000])
        let visitor = bench.visitor()
        let hello = Hello.bytes(bench.host)
        for byte in hello.prefix(6) {
            bench.run(490)
            visitor.peer.write([byte])
        }
        bench.run(400)
        #expect(visitor.received.isEmpty)
        bench.run(300)
        #expect(visitor.received.suffix(3) == [2, 2, 80])
        #expect(bench.node.count(.helloTimeout) == 1)
        bench.run(5_000)
        bench.expectQuiet()
    }

    @Test func aHelloCutShortEnds() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.peer.write(Array(Hello.bytes(bench.host).dropLast()))
        visitor.peer.endWriting()
        bench.run(100)
        #expect(visitor.isEnded && visitor.received.isEmpty)
        #expect(bench.node.count(.peerClosed) == 1)
        bench.expectQuiet()
    }

    // MARK: Another connector

    /// The first connector takes the hello and ends without a word: by FIN, by its link, by a reset.
    @Test(arguments: ["finish", "close", "dialFailed", "halfClose"], [1, 3])
    func theHelloIsRepeatedElsewhere(how: String, workers: Int) throws {
        let bench = try Bench(workers: workers, capabilities: [.reset, .halfClose, .opened])
        let second = try bench.secondConnector()
        let hello = Hello.bytes(bench.host, padding: 100)
        let visitor = bench.visitor()
        visitor.peer.write(hello)
        bench.run()
        let both = [bench.connector, second]
        let first = try #require(both.first { !$0.streams.isEmpty })
        let other = try #require(both.first { $0 !== first })
        // More of the conversation came meanwhile.
        visitor.peer.write([1, 2, 3])
        bench.run()
        #expect(first.streams[0].received == hello + [1, 2, 3])
        let speaksExtension = first === bench.connector
        switch how {
        case "finish": first.finish(first.streams[0])
        case "close": first.peer.close()
        case "halfClose" where speaksExtension: first.write(.halfClose, first.streams[0])
        case "dialFailed" where speaksExtension:
            first.write(.reset, first.streams[0], [Reason.dialFailed.rawValue, 0, 0, 0])
        default: first.finish(first.streams[0])
        }
        bench.run(50)
        let stream = try #require(other.streams.first)
        #expect(stream.received == hello + [1, 2, 3])
        #expect(stream.header?.destination?.port == 443)
        visitor.peer.write([4])
        other.send(stream, [7])
        bench.run()
        #expect(visitor.received == [7] && stream.received == hello + [1, 2, 3, 4])
        #expect(bench.node.count(.requestsRetried) == 1)
        // A byte came back: from now on the end is the end.
        other.finish(stream)
        bench.run(3_000)
        #expect(visitor.isEnded && visitor.received == [7])
    }

    @Test func nothingIsRepeatedForEver() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.peer.write(Hello.bytes(bench.host))
        bench.run()
        bench.connector.finish(try bench.stream())
        bench.run(100)
        #expect(bench.connector.streams.count == 1)
        #expect(visitor.received == Self.internalError)
        #expect(bench.node.count(.streamEndedEarly) == 1)
        visitor.peer.close()
        bench.run(3_000)
        bench.expectQuiet()
    }

    @Test func whatIsTooLongIsNotRepeated() throws {
        let bench = try Bench(limits: [.replayBytesMax: 300])
        let second = try bench.secondConnector()
        let visitor = bench.visitor()
        visitor.peer.write(Hello.bytes(bench.host) + [UInt8](repeating: 0x17, count: 300))
        bench.run()
        for connector in [bench.connector, second] {
            if let stream = connector.streams.first { connector.finish(stream) }
        }
        bench.run(100)
        #expect(bench.connector.streams.count + second.streams.count == 1)
        #expect(visitor.received == Self.internalError)
    }

    // MARK: Closing

    /// smux has no half-close: the visitor's end is held until the stream was silent for the grace.
    @Test func aHalfClosedVisitorIsStillAnswered() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        visitor.peer.write(Hello.bytes(bench.host))
        visitor.peer.endWriting()
        bench.run(3_000)
        let stream = try bench.stream()
        #expect(!stream.isFinished)
        bench.connector.send(stream, [1, 2])
        bench.run(3_000)
        #expect(visitor.received == [1, 2] && !stream.isFinished)
        bench.run(3_000)
        #expect(stream.isFinished && visitor.isEnded)
        bench.run(3_000)
        bench.expectQuiet()
    }

    @Test func halfClosesPassWithTheExtension() throws {
        let bench = try Bench(capabilities: [.halfClose, .reset])
        let visitor = bench.visitor()
        visitor.peer.write(Hello.bytes(bench.host))
        visitor.peer.endWriting()
        bench.run()
        let stream = try bench.stream()
        #expect(stream.isHalfClosed && !stream.isFinished)
        bench.connector.send(stream, [1])
        bench.connector.write(.halfClose, stream)
        bench.run(100)
        #expect(visitor.received == [1] && visitor.isEnded)
        visitor.peer.close()
        bench.run(5_000)
    }
}
