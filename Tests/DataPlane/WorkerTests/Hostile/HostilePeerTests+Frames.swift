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
    /// Much of something.
    static let floods = [
        Attack("keep-alives without end", by: .client, nil) { bench in
            for _ in 0..<20 {
                bench.connector.peer.write(
                    Array(repeating: bench.connector.frame(.keepAlive, 0), count: 5_000).flatMap { $0 })
                bench.run(10)
            }
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
        Attack(
            "pings without end from one that never reads the pongs", by: .client, .stalled,
            [.controlQueueBytesMax]
        ) { bench in
            let link = bench.link(NodeProcess.webSocketPort)
            link.write(upgrade)
            bench.run()
            link.peer.write(message(bind()))
            bench.run(100)
            link.peer.pauseReading()
            for _ in 0..<200 where !link.isEnded {
                link.peer.write(
                    Array(repeating: message([UInt8](repeating: 1, count: 100), opcode: 9), count: 100).flatMap { $0 })
                bench.run(10)
            }
            link.peer.resumeReading()
            bench.run()
            #expect(link.isEnded)
        },
        Attack("streams opened by a client that reads their ends", by: .client, .peerOpenedStream) { bench in
            for round in 0..<20 {
                let ids = (0..<500).map { UInt32(round * 500 + $0) * 2 + 1_000_001 }
                bench.connector.peer.write(ids.flatMap { bench.connector.frame(.open, $0) })
                bench.run(20)
            }
            #expect(bench.node.count(.peerOpenedStream) == 10_000)
            #expect(bench.connector.violations.count == 10_000)
            #expect(bench.node.refusals(.peerOpenedStream).count == Int(RefusalLog.burst))
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
        Attack(
            "a connector that never reads while visitors come and go", by: .client, .stalled,
            [.controlQueueBytesMax, .carrierQueueBytesMax],
            buffersMax: 448
        ) { bench in
            bench.connector.peer.pauseReading()
            var late: [ScriptedVisitor] = []
            for number in 0..<600 where bench.node.count(.stalled) == 0 {
                let visitor = bench.visitor()
                visitor.write(bench.bench.get("/\(String(repeating: "x", count: 8_000))"))
                bench.bench.run(4)
                if number % 2 == 0 { visitor.peer.reset() } else { late.append(visitor) }
                if number % 100 == 0 { bench.connector.peer.write(bench.connector.frame(.keepAlive, 0)) }
            }
            bench.run(100)
            #expect(late.allSatisfy { $0.status == 503 || $0.status == 504 })
        },
        Attack("visitors that come and reset at once", by: .visitor, nil) { bench in
            for _ in 0..<20 {
                let visitors = (0..<20).map { _ in bench.visitor() }
                for (number, visitor) in visitors.enumerated() where number % 2 == 0 {
                    visitor.write(bench.bench.get())
                }
                bench.bench.run(1)
                for visitor in visitors { visitor.peer.reset() }
            }
            bench.run(100)
            // Those who are unharmed.
            #expect(bench.ledger.visitors == 2)
            #expect(bench.ledger.streams == 2)
        },
        Attack(
            "2,000 pipelined requests from one that never reads", by: .visitor, nil,
            [.visitorQueueBytesMax]
        ) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(String(repeating: "GET / HTTP/1.1\r\nHost: nobody.localhost\r\n\r\n", count: 2_000))
            bench.run(500)
            #expect(bench.node.count(.noRoute) < 2_000)
            #expect(bench.ledger.buffersInUse - bench.ledger.buffersWithShell < 64)
            visitor.peer.resumeReading()
            bench.run(2_000)
            #expect(bench.node.count(.noRoute) == 2_000)
            #expect(bench.node.refusals(.noRoute).count == Int(RefusalLog.burst))
        },
        Attack("clients that leave right behind their BIND", by: .client, nil) { bench in
            for number in 0..<200 {
                let link = bench.link()
                link.peer.write(bind(UInt64(number)))
                bench.bench.run(UInt64(number % 4))
                link.peer.reset()
            }
            bench.run(200)
            #expect(bench.ledger.links == 2)
            #expect(bench.ledger.tunnels == 2)
            #expect(bench.ledger.connectors == 2)
        },
        Attack("a header block that never ends", by: .visitor, .headTooLarge, [.headBytesMax]) { bench in
            let visitor = bench.visitor()
            visitor.write("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "A: b\r\n", count: 5_000))
            bench.run()
            #expect(visitor.status == 431)
        },
    ]

    /// The rules of one stream broken.
    static let streams = [
        Attack("FIN twice, and for streams that never were", by: .client, nil) { bench in
            let visitor = bench.asking()
            let stream = try bench.stream()
            bench.connector.send(stream, ExchangeTests.ok)
            bench.run()
            for _ in 0..<3 { bench.connector.write(.finish, stream) }
            bench.connector.peer.write(bench.connector.frame(.finish, 12_345))
            bench.connector.peer.write(bench.connector.frame(.data, 12_345, [1, 2, 3]))
            bench.connector.peer.write(
                bench.connector.frame(.windowUpdate, 12_345, [0, 0, 0, 0, 0, 0, 1, 0]))
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
            visitor.forget()
            visitor.write(bench.bench.get("/2"))
            bench.run()
            bench.connector.send(try bench.stream(1), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
        Attack("more than the window", by: .client, .windowExceeded, [.streamWindowBytes]) { bench in
            let visitor = bench.visitor()
            visitor.peer.pauseReading()
            visitor.write(bench.bench.get())
            bench.run()
            let stream = try bench.stream()
            bench.connector.sendWithoutWindow(stream, Array("HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n".utf8))
            for _ in 0..<100 { bench.connector.sendWithoutWindow(stream, [UInt8](repeating: 1, count: 60_000)) }
            bench.run(100)
            visitor.peer.resumeReading()
            bench.run(100)
            #expect(visitor.peer.isReset)
            #expect(bench.isFinished())
        },
        Attack("credit for what was never sent", by: .client, .smuxFault) { bench in
            let visitor = bench.asking()
            bench.connector.grant(try bench.stream(), consumed: 1_000_000, window: 262_144)
            bench.run()
            #expect(bench.isFinished())
            #expect(visitor.status == 503)
        },
        Attack("a window of nothing", by: .client, .answerTimeout, [.answerHeadTimeoutMilliseconds]) { bench in
            bench.connector.grantsWindows = false
            let visitor = bench.asking()
            bench.connector.grant(try bench.stream(), consumed: 0, window: 0)
            bench.run(2_500)
            #expect(visitor.status == 504)
        },
        Attack("the connector resets with twenty requests inside", by: .client, .connectorLost) { bench in
            // What may be repeated finds no other connector; what may not is told of this one.
            let visitors = (0..<20).map { number in
                let visitor = bench.visitor()
                visitor.write(
                    number % 2 == 0
                        ? bench.bench.get()
                        : "POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 3\r\n\r\nabc")
                return visitor
            }
            bench.run()
            bench.connector.peer.reset()
            bench.run()
            #expect(visitors.allSatisfy { $0.status == 503 })
        },
        Attack(
            "a stream that is open and silent", by: .client, .answerTimeout,
            [.answerHeadTimeoutMilliseconds]
        ) { bench in
            let visitor = bench.asking()
            bench.run(2_500)
            #expect(visitor.status == 504)
            #expect(visitor.text.contains(Reason.answerTimeout.label))
        },
    ]

    /// Origins behind an honest tunnel client.
    static let origins = [
        Attack("an answer's head without end", by: .origin, .badAnswer) { bench in
            let visitor = bench.asking()
            bench.connector.send(
                try bench.stream(), "HTTP/1.1 200 OK\r\n" + String(repeating: "A: b\r\n", count: 10_000))
            bench.run(100)
            #expect(visitor.status == 502)
            #expect(bench.isFinished())
        },
        Attack("interim answers without end", by: .origin, .badAnswer) { bench in
            let visitor = bench.asking()
            bench.connector.send(
                try bench.stream(), String(repeating: "HTTP/1.1 103 Early Hints\r\n\r\n", count: 1_000))
            bench.run(100)
            #expect(visitor.isEnded)
            #expect(bench.isFinished())
        },
        Attack("a broken chunk behind an answer's beginning", by: .origin, .badAnswer) { bench in
            let visitor = bench.asking()
            bench.connector.send(
                try bench.stream(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX")
            bench.run(100)
            #expect(visitor.peer.isReset)
            #expect(bench.isFinished())
        },
        Attack("an answer to nobody on an idle stream", by: .origin, nil) { bench in
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
            #expect(bench.isFinished())
        },
    ]
}
