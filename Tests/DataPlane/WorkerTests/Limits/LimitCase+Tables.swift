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
    /// Tables that are full.
    static let tables = [
        LimitCase(.visitorsPerWorkerMax, 16) { bench in
            // The neighbour is one.
            let visitors = (0..<15).map { _ in bench.asking() }
            let late = bench.asking()
            #expect(late.isEnded)
            #expect(late.received.isEmpty)
            for (number, visitor) in visitors.enumerated() {
                bench.connector.send(try bench.stream(number), ExchangeTests.ok)
                bench.run(10)
                #expect(visitor.text == ExchangeTests.ok)
            }
            visitors[0].peer.close()
            bench.run()
            let next = bench.asking()
            bench.connector.send(try bench.stream(15), ExchangeTests.ok)
            bench.run()
            #expect(next.text == ExchangeTests.ok)
        },
        LimitCase(.linksPerWorkerMax, 16) { bench in
            // Two connectors are there.
            let links = (0..<14).map { _ in bench.link() }
            bench.run()
            let late = bench.link()
            bench.run()
            #expect(late.isEnded)
            #expect(links.allSatisfy { !$0.isEnded })
            links[0].peer.close()
            bench.run()
            let connector = bench.connector(number: 1)
            bench.run(100)
            #expect(connector.isBound)
        },
        LimitCase(.streamsPerWorkerMax, 16) { bench in
            let visitors = (0..<15).map { _ in bench.asking() }
            #expect(visitors.allSatisfy { $0.received.isEmpty })
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.streamsFull.label))
        },
        LimitCase(.streamsPerConnectorMax, 1) { bench in
            let visitor = bench.asking()
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.streamsFull.label))
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
        LimitCase(.connectorsPerTunnelMax, 1) { bench in
            let late = bench.connectorOfTheSameTunnel()
            bench.run(100)
            #expect(late.response?.status == RelayStatus.serviceUnavailable.rawValue)
            #expect(late.peer.isEnded || late.peer.isReset)
            let visitor = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
        },
        LimitCase(.tunnelsMax, 16) { bench in
            let connectors = (1...14).map { bench.connector(number: UInt64($0)) }
            bench.run(200)
            #expect(connectors.allSatisfy { $0.isBound })
            let late = bench.connector(number: 15)
            bench.run(100)
            #expect(late.response?.status == RelayStatus.serviceUnavailable.rawValue)
            connectors[0].peer.close()
            bench.run(50)
            let next = bench.connector(number: 16)
            bench.run(100)
            #expect(next.isBound)
        },
    ]
}
