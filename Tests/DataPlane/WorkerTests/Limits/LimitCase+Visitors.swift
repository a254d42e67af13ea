import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

extension LimitCase {
    /// A visitor whose request is with a connector of two and ends there without an answer.
    private static func askingInVain(_ bench: LimitBench, _ other: ScriptedConnector) -> ScriptedVisitor {
        let connectors = [bench.connector, other]
        let known = connectors.map(\.streams.count)
        let visitor = bench.asking()
        for (connector, count) in zip(connectors, known) {
            for stream in connector.streams[count...] { connector.finish(stream) }
        }
        bench.run()
        return visitor
    }

    /// How long a visitor may take for what.
    static let visitorTimes = [
        LimitCase(.firstByteTimeoutMilliseconds, 500) { bench in
            let visitor = bench.visitor()
            bench.run(400)
            #expect(!visitor.isEnded)
            bench.run(200)
            #expect(visitor.isEnded)
        },
        LimitCase(.headTimeoutMilliseconds, 500) { bench in
            let visitor = bench.visitor()
            visitor.write("GET / HTTP/1.1\r\n")
            bench.run(700)
            #expect(visitor.status == 408)
            #expect(visitor.text.contains(Reason.headTimeout.label))
        },
        LimitCase(.bodyIdleMilliseconds, 500) { bench in
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 9\r\n\r\nabc")
            bench.run(700)
            #expect(visitor.status == 408)
            #expect(visitor.text.contains(Reason.bodyTimeout.label))
            #expect(bench.isFinished())
        },
        LimitCase(.keepAliveIdleMilliseconds, 1_000) { bench in
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run(800)
            #expect(!visitor.isEnded)
            bench.run(400)
            #expect(visitor.isEnded)
        },
        LimitCase(.answerHeadTimeoutMilliseconds, 500) { bench in
            let visitor = bench.asking()
            bench.run(700)
            #expect(visitor.status == 504)
            #expect(visitor.text.contains(Reason.answerTimeout.label))
            #expect(bench.isFinished())
        },
        LimitCase(.halfCloseGraceMilliseconds, 500) { bench in
            let (visitor, stream) = try bench.upgraded()
            visitor.peer.endWriting()
            bench.run(300)
            #expect(!stream.isFinished)
            bench.run(400)
            #expect(stream.isFinished)
            #expect(visitor.isEnded)
        },
        LimitCase(.lingerMilliseconds, 200) { bench in
            let before = bench.ledger.sockets
            // Delimited by the end, which the visitor did not ask for.
            let visitor = bench.asking()
            let stream = try bench.stream()
            bench.connector.send(stream, "HTTP/1.1 200 OK\r\n\r\nhello")
            bench.connector.finish(stream)
            bench.run(100)
            // It has the answer and its end, and keeps its own side open.
            #expect(visitor.text.hasSuffix("hello"))
            #expect(bench.ledger.sockets == before + 1)
            bench.run(200)
            #expect(bench.ledger.sockets == before)
        },
    ]

    /// What one visitor may take of bytes and streams.
    static let visitorBounds = [
        LimitCase(.headBytesMax, 1_024) { bench in
            let visitor = bench.visitor()
            visitor.write(bench.bench.get("/", "X: \(String(repeating: "x", count: 1_100))\r\n"))
            bench.run()
            #expect(visitor.status == 431)
            #expect(visitor.text.contains(Reason.headTooLarge.label))
        },
        // The oldest idle stream is ended for a new one: the same host asked again needs a stream again.
        LimitCase(.parkedStreamsMax, 1) { bench in
            let other = bench.connector(number: 1)
            bench.run(50)
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            let label =
                "\(Endpoint.label(of: TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0001)).string)"
            visitor.write("GET / HTTP/1.1\r\nHost: \(label).localhost\r\n\r\n")
            bench.run()
            try #require(other.streams.count == 1)
            #expect(!bench.isFinished())
            other.send(other.streams[0], ExchangeTests.ok)
            bench.run()
            #expect(bench.isFinished())
            #expect(!other.streams[0].isFinished)
        },
        // A longer request is not kept, and so not repeated when its stream ends without an answer.
        LimitCase(.replayBytesMax, 64) { bench in
            let visitor = bench.asking("/\(String(repeating: "x", count: 100))")
            bench.connector.finish(try bench.stream())
            bench.run()
            #expect(visitor.status == 503)
            #expect(bench.node.count(.requestsRetried) == 0)
        },
        LimitCase(.repetitionsSavedMax, 1, with: [.repetitionsPercent: 0]) { bench in
            let other = bench.connectorOfTheSameTunnel()
            bench.run(50)
            let first = askingInVain(bench, other)
            #expect(first.status == nil && bench.node.count(.requestsRetried) == 1)
            let second = askingInVain(bench, other)
            #expect(second.status == 503 && second.text.contains(Reason.repetitionsSpent.label))
            #expect(bench.node.count(.requestsRetried) == 1)
        },
        LimitCase(.repetitionsPercent, 50, with: [.repetitionsSavedMax: 1]) { bench in
            // The first one takes what is saved, each further one earns a half.
            let other = bench.connectorOfTheSameTunnel()
            bench.run(50)
            let statuses = (0..<5).map { _ in askingInVain(bench, other).status }
            #expect(statuses == [nil, 503, nil, 503, nil])
        },
        LimitCase(.visitorQueueBytesMax, 16_384) { bench in
            bench.connector.grantsWindows = false
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 3000000\r\n\r\n")
            visitor.peer.write([UInt8](repeating: 1, count: 3_000_000))
            bench.run(300)
            // One window is under way, one buffer's worth more than the limit waits here, the rest has not been read.
            #expect(visitor.peer.unsentCount > 2_000_000)
            #expect(bench.ledger.buffersInUse - bench.ledger.buffersWithShell < 16)
            let stream = try bench.stream()
            bench.connector.grantsWindows = true
            bench.connector.grant(stream, consumed: 262_144, window: 8_000_000)
            bench.run(500)
            #expect(stream.received.count > 3_000_000)
            bench.connector.send(stream, ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
    ]
}
