import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

extension HostilePeerTests {
    /// What stalled readers may hold here; the rest of a worker's memory is for those who read.
    private static let stalled: [Limit: UInt64] = [.stalledBytesMax: 4_194_304]
    /// A quarter more than `stalled`, as long as nobody has stalled for long enough, and what one turn may receive.
    private static let stalledBuffersMax = 256 + 64 + 64

    /// Those who do not take what is sent to them.
    static let readers = [
        Attack(
            "40 visitors that never read, behind a stock client", by: .visitor, .stalled,
            [.stalledBytesMax, .streamWindowBytes], with: stalled, buffersMax: stalledBuffersMax
        ) { bench in try neverRead(bench) },
        Attack(
            "40 visitors that never read, behind our client", by: .visitor, .stalled,
            [.stalledBytesMax, .streamWindowBytes], with: stalled, capabilities: Worker.capabilities,
            buffersMax: stalledBuffersMax
        ) { bench in try neverRead(bench) },
        Attack(
            "40 relay visitors that never read", by: .visitor, .stalled, [.stalledBytesMax, .streamWindowBytes],
            with: stalled, buffersMax: stalledBuffersMax
        ) { bench in
            let visitors = (0..<40).map { _ in
                ScriptedRelayVisitor(
                    bench.bench.world, bench.node, bench.bench.outside,
                    .init(tunnel: Bench.tunnel, host: bench.bench.host), early: "hello")
            }
            for visitor in visitors { visitor.peer.pauseReading() }
            bench.run(100)
            for number in 0..<40 {
                bench.connector.send(try bench.stream(number), [UInt8](repeating: 1, count: 1_000_000))
                bench.run(10)
            }
            bench.run(200)
            for visitor in visitors { visitor.peer.resumeReading() }
            bench.run(500)
            #expect(visitors.contains { $0.isEnded } && visitors.contains { !$0.isEnded })
        },
        Attack(
            "30 uploads that their client does not take", by: .client, nil,
            [.stalledBytesMax, .visitorQueueBytesMax],
            with: stalled, buffersMax: stalledBuffersMax
        ) { bench in
            bench.connector.grantsWindows = false
            bench.connector.peer.pauseReading()
            for _ in 0..<30 {
                let visitor = bench.visitor()
                visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 900000\r\n\r\n")
                visitor.peer.write([UInt8](repeating: 1, count: 900_000))
                bench.run(20)
            }
            bench.run(500)
            bench.connector.peer.write(bench.connector.frame(.keepAlive, 0))
        },
        Attack(
            "a visitor that asks for more behind answers it does not read", by: .visitor, nil, [.visitorQueueBytesMax],
            buffersMax: 96
        ) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            var answered = 0
            for _ in 0..<200 {
                visitor.write(bench.bench.get())
                bench.run(10)
                guard let stream = bench.connector.streams.first else { continue }
                let asked = stream.text.split(separator: "GET / ").count
                if asked > answered {
                    answered = asked
                    bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n")
                    bench.connector.send(stream, [UInt8](repeating: 1, count: 50_000))
                }
            }
            #expect(answered < 20)
            #expect(!visitor.isEnded)
        },
    ]

    private static func neverRead(_ bench: LimitBench) throws {
        let visitors = (0..<40).map { number in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(bench.bench.get("/\(number)"))
            return visitor
        }
        bench.run(50)
        for number in 0..<40 {
            let stream = try bench.stream(number)
            bench.connector.send(stream, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
            bench.connector.send(stream, [UInt8](repeating: 1, count: 1_000_000))
            bench.run(10)
        }
        // A visitor of the same tunnel that reads is served as ever.
        let reader = bench.asking("/reader")
        let stream = try #require(bench.connector.streams.last)
        bench.connector.send(stream, ExchangeTests.ok)
        bench.run()
        #expect(reader.text == ExchangeTests.ok)
        bench.run(200)
        for visitor in visitors { visitor.peer.resumeReading() }
        bench.run(500)
        #expect(visitors.contains { $0.peer.isReset } && visitors.contains { !$0.isEnded })
    }

    /// Peers that are gone, or half gone, and never said so.
    static let halfOpen = [
        Attack(
            "a client that vanishes without a word", by: .client, .keepAliveTimeout, [.muxKeepAliveTimeoutMilliseconds],
            with: [.muxKeepAliveTimeoutMilliseconds: 1_000, .muxKeepAliveMilliseconds: 300]
        ) { bench in
            let visitor = bench.asking()
            bench.connector.peer.pauseReading()
            bench.run(1_500)
            #expect(visitor.status == 503)
            #expect(bench.ledger.connectors == 1)
        },
        Attack(
            "50 visitors that vanish within their request's body", by: .visitor, .bodyTimeout, [.bodyIdleMilliseconds]
        ) { bench in
            for _ in 0..<50 {
                let visitor = bench.visitor()
                visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 1000\r\n\r\nabc")
                visitor.peer.pauseReading()
            }
            bench.run(2_500)
            #expect(bench.node.count(.bodyTimeout) == 50)
        },
        Attack(
            "50 half-closed visitors whose answer never comes", by: .visitor, .answerTimeout,
            [.answerHeadTimeoutMilliseconds]
        ) { bench in
            let visitors = (0..<50).map { _ in bench.asking() }
            for visitor in visitors { visitor.peer.endWriting() }
            bench.run(3_500)
            #expect(visitors.allSatisfy { $0.status == 504 && $0.isEnded })
        },
        Attack(
            "a half-closed visitor of an upgraded connection that nobody ends", by: .visitor, .finished,
            [.halfCloseGraceMilliseconds], with: [.halfCloseGraceMilliseconds: 500]
        ) { bench in
            let (visitor, stream) = try bench.upgraded()
            visitor.peer.endWriting()
            bench.run(1_000)
            #expect(visitor.isEnded && stream.isFinished)
        },
        Attack(
            "50 idle visitors that are gone", by: .visitor, .keepAliveIdle, [.keepAliveIdleMilliseconds],
            with: [.keepAliveIdleMilliseconds: 1_000]
        ) { bench in
            let visitors = (0..<50).map { _ in bench.visitor() }
            for visitor in visitors { visitor.write(bench.bench.get()) }
            bench.run(50)
            for stream in bench.connector.streams { bench.connector.send(stream, ExchangeTests.ok) }
            bench.run(50)
            for visitor in visitors { visitor.peer.pauseReading() }
            bench.run(1_500)
            #expect(bench.node.count(.keepAliveIdle) == 50)
        },
    ]
}
