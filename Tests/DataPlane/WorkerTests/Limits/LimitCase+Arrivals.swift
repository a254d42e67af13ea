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
    /// The signature of a PROXY header of version 2, up to its length.
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11,
    ]

    /// What may stand before a visitor's request, and how many may come from one address.
    static let arrivals = [
        LimitCase(.proxyHeaderBytesMax, 536, takesProxyHeader: true) { bench in
            let visitor = bench.visitor()
            // 16 bytes and 521 that are announced.
            visitor.peer.write(signature + [2, 9])
            bench.run(50)
            #expect(visitor.isEnded)
            #expect(visitor.received.isEmpty)
        },
        LimitCase(.proxyHeaderTimeoutMilliseconds, 500, takesProxyHeader: true) { bench in
            let visitor = bench.visitor()
            visitor.write("PROXY TCP4 203.0.1")
            bench.run(400)
            #expect(!visitor.isEnded)
            bench.run(300)
            #expect(visitor.isEnded)
        },
        LimitCase(.helloBytesMax, 2_048) { bench in
            let visitor = bench.visitor()
            visitor.peer.write(Hello.bytes("a", padding: 3_000))
            bench.run(50)
            #expect(visitor.received.suffix(2) == [2, 22])
        },
        LimitCase(.helloTimeoutMilliseconds, 500) { bench in
            let visitor = bench.visitor()
            visitor.peer.write(Array(Hello.bytes(bench.bench.host).prefix(6)))
            bench.run(300)
            #expect(visitor.received.isEmpty)
            bench.run(400)
            #expect(visitor.received.suffix(2) == [2, 80])
        },
        // The neighbour comes from the same address.
        LimitCase(.visitorsPerSourceMax, 3) { bench in
            let visitors = [bench.asking(), bench.asking()]
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.sourceFull.label))
            for (number, visitor) in visitors.enumerated() {
                bench.connector.send(try bench.stream(number), ExchangeTests.ok)
                bench.run(10)
                #expect(visitor.text == ExchangeTests.ok)
            }
        },
        LimitCase(.leaveGraceMilliseconds, Limit.leaveGraceMilliseconds.row.standard, isOfClient: true) { _ in
            let client = try ClientBench([ClientBench.plan([ClientBench.node(3_001)])])
            let server = client.server()
            let target = client.target(3_001)
            let session = try client.session(of: server)
            session.send(session.open(host: "x"), "question")
            client.run(50)
            #expect(target.connections.count == 1)
            client.change { $0.leaveAll() }
            client.run(Limit.leaveGraceMilliseconds.row.standard - 300)
            #expect(!session.isOver)
            client.run(400)
            #expect(session.isOver)
            #expect(client.count(.shutdown) == 1)
        },
    ]
}
