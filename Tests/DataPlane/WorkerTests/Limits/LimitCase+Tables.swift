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
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.visitorsFull.label))
            let secure = bench.visitor()
            secure.peer.write([0x16, 3, 1])
            bench.run()
            #expect(secure.received.first == 0x15)
            for (number, visitor) in visitors.enumerated() {
                bench.connector.send(try bench.stream(number), ExchangeTests.ok)
                bench.run(10)
                #expect(visitor.text == ExchangeTests.ok)
            }
            // Now they are between two requests: who has been so for longest makes room.
            bench.run(200)
            let next = bench.asking()
            bench.connector.send(try bench.stream(15), ExchangeTests.ok)
            bench.run()
            #expect(next.text == ExchangeTests.ok)
            #expect(visitors.map(\.isEnded) == [true] + [Bool](repeating: false, count: 14))
            #expect(bench.node.count(.shedSilent) == 1)
        },
        LimitCase(.linksPerWorkerMax, 16) { bench in
            // Two connectors are there.
            let links = (0..<14).map { _ in bench.link() }
            bench.run()
            let late = bench.link()
            late.peer.write([1])
            bench.run()
            // Who has been silent for longest makes room.
            #expect(!late.isEnded)
            #expect(links.count(where: \.isEnded) == 1)
            for link in links { link.peer.write([1]) }
            bench.run(200)
            let connector = bench.connector(number: 1)
            let upgrade = bench.link(NodeProcess.webSocketPort)
            upgrade.write(LimitBench.upgrade)
            bench.run(100)
            #expect(connector.response?.status == RelayStatus.serviceUnavailable.rawValue)
            #expect(upgrade.status == 503)
            #expect(upgrade.text.hasSuffix(Reason.linksFull.label))
            late.peer.close()
            bench.run()
            let next = bench.connector(number: 2)
            bench.run(100)
            #expect(next.isBound)
        },
        LimitCase(.descriptorsReserved, 16) { bench in
            let silent = bench.visitor()
            bench.run()
            let worker = bench.node.benches[0]
            let used = worker.worker.descriptorsHeld + worker.worker.listeners.count + Worker.descriptorsBeside
            worker.worker.descriptorsMax = used + 16 + 1
            let first = bench.asking()
            #expect(first.received.isEmpty && !first.isEnded && !silent.isEnded)
            let second = bench.asking()
            #expect(second.received.isEmpty && !second.isEnded && silent.isEnded)
            bench.run(200)
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.descriptorsFull.label))
            #expect(!first.isEnded && !second.isEnded)
        },
        LimitCase(.streamsPerWorkerMax, 16) { bench in
            let visitors = (0..<15).map { _ in bench.asking() }
            #expect(visitors.allSatisfy { $0.received.isEmpty })
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.streamsFull.label))
            bench.connector.send(try bench.stream(0), ExchangeTests.ok)
            bench.run()
            let next = bench.asking()
            bench.connector.send(try bench.stream(15), ExchangeTests.ok)
            bench.run()
            #expect(next.text == ExchangeTests.ok)
        },
        LimitCase(.streamsPerConnectorMax, 1) { bench in
            let visitor = bench.asking()
            let late = bench.asking()
            #expect(late.status == 503)
            #expect(late.text.contains(Reason.streamsFull.label))
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok)
            // Its stream is kept for its next request, as long as nobody else needs one.
            let next = bench.asking()
            bench.connector.send(try bench.stream(1), ExchangeTests.ok)
            bench.run()
            #expect(next.text == ExchangeTests.ok)
            #expect(bench.isFinished())
            visitor.write(bench.bench.get("/again"))
            bench.run()
            bench.connector.send(try bench.stream(2), ExchangeTests.ok)
            bench.run()
            #expect(visitor.text == ExchangeTests.ok + ExchangeTests.ok)
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
        // More movers than parcels, and none comes home: `AwaitedWayTests` has the rest.
        LimitCase(.moveTimeoutMilliseconds, 200, workers: 2) { bench in
            for worker in bench.node.benches {
                while worker.worker.parcels.room > ParcelPool.reserved {
                    _ = worker.worker.parcels.pack([0 as UInt8], count: 1)
                }
            }
            let visitors = (0..<8).map { _ in bench.visitor() }
            for visitor in visitors { visitor.write(bench.bench.get()) }
            bench.run(100)
            #expect(visitors.allSatisfy { $0.received.isEmpty && !$0.isEnded })
            bench.run(300)
            let refused = visitors.filter { $0.status == 503 && $0.text.contains(Reason.workerBusy.label) }
            #expect(!refused.isEmpty && refused.count + bench.connector.streams.count == 8)
        },
    ]
}
