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
    /// Many at once: more than a worker has buffers, or places.
    static let crowds = [
        Attack("700 request heads that do not end", by: .visitor, .headTimeout, [.headTimeoutMilliseconds]) { bench in
            let visitors = (0..<700).map { _ in bench.visitor() }
            for visitor in visitors { visitor.write("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 300))") }
            bench.run(200)
            #expect(visitors.allSatisfy { !$0.isEnded })
            bench.run(2_500)
            #expect(visitors.allSatisfy { $0.status == 408 })
        },
        // Too long to share a buffer with others: the oldest go.
        Attack(
            "700 request heads of 3 KB that do not end", by: .visitor, .buffersFull, buffersMax: 460
        ) { bench in
            let visitors = (0..<700).map { _ in bench.visitor() }
            for visitor in visitors { visitor.write("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 3_000))") }
            bench.run(200)
            let ended = visitors.count(where: \.isEnded)
            #expect((100...400).contains(ended))
            bench.run(2_500)
            #expect(visitors.allSatisfy { $0.isEnded })
        },
        Attack("700 BINDs that do not end", by: .client, .handshakeTimeout, [.handshakeTimeoutMilliseconds]) { bench in
            let links = (0..<700).map { _ in bench.link() }
            for link in links { link.peer.write(Array(bind().dropLast())) }
            bench.run(2_500)
            #expect(links.allSatisfy { $0.isEnded })
        },
        Attack(
            "700 requests to a service that never answers", by: .visitor, .answerTimeout,
            [.answerHeadTimeoutMilliseconds]
        ) { bench in
            let visitors = (0..<700).map { _ in bench.visitor() }
            for visitor in visitors { visitor.write(bench.bench.get()) }
            bench.run(500)
            #expect(bench.connector.streams.count == 700)
            bench.run(2_500)
            #expect(visitors.allSatisfy { $0.status == 504 })
        },
        Attack(
            "more silent connections than places", by: .visitor, .shedSilent, [.visitorsPerWorkerMax],
            with: [.visitorsPerWorkerMax: 64]
        ) { bench in
            let visitors = (0..<400).map { _ in bench.visitor() }
            bench.run(300)
            #expect(visitors.count(where: \.isEnded) >= 300)
            let late = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(late.text == ExchangeTests.ok)
        },
        Attack(
            "more connections that say nothing at the tunnel port than places", by: .anybody, .shedSilent,
            [.linksPerWorkerMax], with: [.linksPerWorkerMax: 64]
        ) { bench in
            let links = (0..<400).map {
                bench.link($0 % 2 == 0 ? NodeProcess.relayPort : NodeProcess.webSocketPort)
            }
            bench.run(300)
            #expect(links.count(where: \.isEnded) >= 300)
            let next = bench.connector(number: 9)
            bench.run(100)
            #expect(next.isBound)
        },
        Attack(
            "silent connections up to the last descriptor and beyond, on every port", by: .anybody, .shedSilent,
            [.descriptorsReserved], with: [.descriptorsReserved: 16]
        ) { bench in
            let worker = bench.node.benches[0]
            let used = worker.worker.descriptorsHeld + worker.worker.listeners.count + Worker.descriptorsBeside
            let descriptorsMax = used + 16 + 60
            worker.worker.descriptorsMax = descriptorsMax
            let visitors = (0..<150).map { _ in bench.visitor() }
            let links = (0..<150).map {
                bench.link($0 % 2 == 0 ? NodeProcess.relayPort : NodeProcess.webSocketPort)
            }
            bench.run(500)
            #expect((visitors + links).count(where: \.isEnded) >= 240)
            #expect(
                worker.worker.descriptorsHeld + worker.worker.listeners.count + Worker.descriptorsBeside
                    <= descriptorsMax - 8)
            // Whoever speaks is served.
            let late = bench.asking()
            bench.connector.send(try bench.stream(), ExchangeTests.ok)
            bench.run()
            #expect(late.text == ExchangeTests.ok)
            let next = bench.connector(number: 9)
            bench.run(200)
            #expect(next.isBound)
        },
        Attack(
            "more connections from one address than it may have", by: .visitor, .sourceFull, [.visitorsPerSourceMax],
            with: [.visitorsPerSourceMax: 16]
        ) { bench in
            let host = bench.bench.world.kernel.makeHost(low: 0xFFFF_0A00_0042)
            let visitors = (0..<200).map { _ in ScriptedVisitor(bench.bench.world, bench.node, host) }
            for visitor in visitors { visitor.write(bench.bench.get()) }
            bench.run(100)
            #expect(visitors.count { $0.status == 503 && $0.text.contains(Reason.sourceFull.label) } == 184)
            #expect(bench.connector.streams.count == 16)
        },
        Attack("200 clients that are cut and come back at once, five times", by: .client, nil, buffersMax: 128) {
            bench in
            for round in 0..<5 {
                let clients = (1...200).map { bench.connector(number: UInt64($0)) }
                bench.run(200)
                #expect(clients.allSatisfy { $0.isBound }, "round \(round)")
                for client in clients { client.peer.reset() }
            }
            bench.run(200)
            #expect(bench.ledger.connectors == 2)
        },
        Attack(
            "a body in segments of one byte, to a service that never answers", by: .visitor, .answerTimeout,
            [.answerHeadTimeoutMilliseconds]
        ) { bench in
            let visitor = bench.visitor()
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.bench.host)\r\nContent-Length: 1500\r\n\r\n")
            for _ in 0..<1_500 {
                visitor.peer.write([1])
                bench.bench.run(1)
            }
            let stream = try bench.stream()
            #expect(stream.received.count > 1_500)
            bench.run(2_500)
            #expect(visitor.status == 504)
        },
        Attack(
            "segments of one byte behind a request that is not answered", by: .visitor, .answerTimeout,
            [.answerHeadTimeoutMilliseconds]
        ) { bench in
            let visitor = bench.asking()
            for _ in 0..<1_500 {
                visitor.peer.write([UInt8(ascii: "G")])
                bench.bench.run(1)
            }
            bench.run(2_500)
            #expect(visitor.status == 504)
        },
    ]
}
