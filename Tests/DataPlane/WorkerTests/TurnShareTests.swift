import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// A turn does so much and no more: somebody's request is not behind the coming and going of all clients.
@Suite struct TurnShareTests {
    private static let clients = 600

    /// What turns did at most: links let in, links that left the tables, completions.
    private final class Turns {
        var accepted: UInt64 = 0
        var closed: UInt64 = 0
        var completions: UInt64 = 0
        private var before: (accepted: UInt64, closed: UInt64, completions: UInt64) = (0, 0, 0)

        func note(_ counters: CounterPage) {
            let now = (
                accepted: counters.value(.linksAccepted), closed: counters.value(.linksClosed),
                completions: counters.value(.completions)
            )
            accepted = max(accepted, now.accepted - before.accepted)
            closed = max(closed, now.closed - before.closed)
            completions = max(completions, now.completions - before.completions)
            before = now
        }
    }

    private func watch(_ bench: Bench) -> Turns {
        let turns = Turns()
        let node = bench.node.benches[0]
        turns.note(node.counters)
        node.beforeEnd = { _ in turns.note(node.counters) }
        return turns
    }

    /// What happens meanwhile comes to the worker at once, as to one whose thread was busy.
    private func atOnce(_ bench: Bench, _ body: () -> Void) {
        bench.node.benches[0].isFrozen = true
        body()
        bench.run(20)
        bench.node.benches[0].isFrozen = false
    }

    private func connectors(_ bench: Bench) -> [ScriptedConnector] {
        (1...TurnShareTests.clients).map { number in
            ScriptedConnector(
                bench.world, bench.node, bench.clientHost,
                tunnel: TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(number)))
        }
    }

    /// All come at once, and somebody asks in the middle of it: he is answered before they are all there.
    @Test func allClientsComeAtOnce() throws {
        let bench = try Bench()
        let visitor = bench.visitor()
        bench.run(20)
        let turns = watch(bench)
        var clients: [ScriptedConnector] = []
        // The listening socket's queue is full, and so is the worker's share of it; the visitor stands behind them.
        atOnce(bench) {
            clients = connectors(bench)
            bench.run(5)
            visitor.write(bench.get())
        }
        let node = bench.node.benches[0]
        var acceptedBefore: UInt64 = 0
        try #require(
            bench.world.run(milliseconds: 50) {
                if bench.node.count(.requests) == 0 { acceptedBefore = node.counters.value(.linksAccepted) }
                return bench.connector.streams.count == 1
            })
        #expect((1...UInt64(2 * Worker.linksPerTurnMax)).contains(acceptedBefore))
        bench.run(500)
        #expect(clients.allSatisfy { $0.isBound })
        #expect(turns.accepted <= UInt64(Worker.linksPerTurnMax))
        #expect(turns.completions <= UInt64(Worker.completionsPerTurnMax))
        #expect(node.worker.acceptedLinks.count == 0)
        for client in clients { client.peer.reset() }
        bench.run(3_000)
        #expect(node.worker.ledger.links == 1 && node.worker.ledger.tunnels == 1)
    }

    /// All go at once: they leave the tables bit by bit, and nobody is sent to one of them meanwhile.
    @Test func allClientsGoAtOnce() throws {
        let bench = try Bench()
        let clients = connectors(bench)
        bench.run(500)
        try #require(clients.allSatisfy { $0.isBound })
        let visitors = (0..<20).map { _ in bench.visitor() }
        bench.run(20)
        let turns = watch(bench)
        atOnce(bench) { for client in clients { client.peer.close() } }
        let late = clients[TurnShareTests.clients - 1]
        let host = Endpoint.label(
            of: TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(TurnShareTests.clients)))
        let node = bench.node.benches[0]
        try #require(bench.world.run(milliseconds: 50) { node.worker.lostLinks.count > 0 })
        let waiting = node.worker.lostLinks.count
        #expect(waiting > 100)
        for (number, visitor) in visitors.enumerated() {
            visitor.write(number % 2 == 0 ? bench.get() : "GET / HTTP/1.1\r\nHost: \(host.string).localhost\r\n\r\n")
        }
        bench.run(100)
        #expect(turns.closed <= UInt64(2 * Worker.linksPerTurnMax))
        #expect(node.worker.lostLinks.count == 0 && node.worker.ledger.links == 1)
        #expect(late.streams.isEmpty)
        #expect(bench.connector.streams.count == 10)
        for (number, visitor) in visitors.enumerated() { #expect((visitor.status == 503) == (number % 2 == 1)) }
        for stream in bench.connector.streams { bench.connector.send(stream, ExchangeTests.ok) }
        bench.run(50)
        for (number, visitor) in visitors.enumerated() where number % 2 == 0 {
            #expect(visitor.text == ExchangeTests.ok)
        }
        for visitor in visitors { visitor.peer.close() }
        bench.run(4_000)
        bench.expectQuiet()
    }

    /// A listener that goes while somebody waits to be let in: whoever came is let in, a share in each turn, and then its
    /// descriptor is closed.
    @Test func aListenerThatGoesMeanwhile() throws {
        let bench = try Bench()
        var links: [ScriptedVisitor] = []
        atOnce(bench) {
            links = (0..<Worker.linksPerTurnMax * 2).map { _ in
                ScriptedVisitor(bench.world, bench.node, bench.outside, port: NodeProcess.relayPort)
            }
        }
        let node = bench.node.benches[0]
        try #require(bench.world.run(milliseconds: 50) { node.worker.acceptedLinks.count > 0 })
        let listener = try #require(node.worker.listeners.first { !$0.isEntrypoint && $0.service == ServiceIndex(1) })
        node.worker.closeListener(listener.id)
        node.port.submit(&node.worker.operations)
        bench.world.run(milliseconds: 5)
        #expect(node.worker.acceptedLinks.count == 0)
        #expect(node.worker.ledger.links == Worker.linksPerTurnMax * 2 + 1)
        #expect(links.allSatisfy { !$0.isEnded })
        #expect(!node.worker.listeners.contains { $0.id == listener.id })
        for link in links { link.leave() }
        bench.run(4_000)
        bench.expectQuiet()
    }
}
