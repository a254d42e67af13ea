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
    private static let remote = TunnelID(high: 0xFA12_0000_0000_4000, low: 0x8000_0000_0000_0001)

    /// The bench's node is in a cluster; the other data plane, `peer`, is a script that dials it.
    private static func meet(_ bench: LimitBench) -> (control: ScriptedControl, peer: ScriptedPeer) {
        let control = ScriptedControl(
            bench.bench.world, bench.node.host, node: ScriptedControl.row(0),
            rows: [ScriptedControl.row(7, address: "")], secret: ClusterBench.secret)
        bench.node.listenForPeers()
        bench.run(700)
        control.hosts["far.example"] = remote
        control.tunnels[remote] = [ScriptedControl.candidate(7)]
        return (control, peer(bench))
    }

    /// The bench's node is in a cluster with a stock node that has the tunnel.
    private static func meet(_ bench: LimitBench, stockNodeAt address: String) {
        let control = ScriptedControl(
            bench.bench.world, bench.node.host, node: ScriptedControl.row(0),
            rows: [ScriptedControl.stockRow(7, at: address)], secret: ClusterBench.secret)
        control.hosts["far.example"] = remote
        control.tunnels[remote] = [ScriptedControl.candidate(7)]
        bench.run(700)
    }

    private static func peer(_ bench: LimitBench, number: Int = 7) -> ScriptedPeer {
        let peer = ScriptedPeer(
            bench.bench.world, bench.node, bench.bench.outside, number: number, secret: ClusterBench.secret)
        bench.run(50)
        return peer
    }

    private static func asking(_ bench: LimitBench, _ host: String) -> ScriptedVisitor {
        let visitor = bench.visitor()
        visitor.write("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        return visitor
    }

    /// What concerns other data planes.
    static let cluster = [
        LimitCase(.peerHeartbeatMilliseconds, 100) { bench in
            let (_, peer) = meet(bench)
            let before = peer.keepAlives
            bench.run(1_000)
            #expect(peer.keepAlives - before >= 8 && peer.keepAlives - before <= 11)
        },
        LimitCase(.peerSilenceMilliseconds, 600) { bench in
            let (_, peer) = meet(bench)
            peer.beats = false
            bench.run(500)
            #expect(!peer.isEnded)
            bench.run(500)
            #expect(peer.isEnded)
        },
        LimitCase(.peerSuspectMilliseconds, 1_000) { bench in
            let (control, first) = meet(bench)
            control.send([.node(ScriptedControl.row(8, address: ""))])
            let second = peer(bench, number: 8)
            control.tunnels[remote] = [
                ScriptedControl.candidate(7), ScriptedControl.candidate(8, standing: .suspect),
            ]
            let visitor = asking(bench, "far.example")
            bench.run(50)
            try #require(first.streams.count == 1 && second.streams.isEmpty)
            first.beats = false
            bench.run(800)
            #expect(second.streams.isEmpty)
            bench.run(400)
            #expect(second.streams.count == 1 && visitor.status == nil)
        },
        LimitCase(.unacknowledgedMilliseconds, 1_000, with: [.peerSilenceMilliseconds: 60_000]) { bench in
            let world = bench.bench.world
            let other = try NodeProcess(world, seed: 9, number: 3)
            other.listenForPeers()
            // Only the bench's node knows of the other, and dials it.
            let controls = [
                ScriptedControl(
                    world, other.host, node: ScriptedControl.row(3), rows: [], secret: ClusterBench.secret),
                ScriptedControl(
                    world, bench.node.host, node: ScriptedControl.row(0), rows: [ScriptedControl.row(3)],
                    secret: ClusterBench.secret),
            ]
            bench.run(1_500)
            try #require(controls.allSatisfy(\.isMet) && bench.ledger.peerLinks == 1)
            world.kernel.partition(bench.node.host, other.host)
            bench.run(900)
            #expect(bench.node.count(.peerLinksClosed) == 0)
            bench.run(600)
            #expect(bench.node.count(.peerLinksClosed) == 1)
            other.process.kill()
            world.kernel.heal(bench.node.host, other.host)
            bench.run(100)
        },
        LimitCase(.peerLinksPerWorkerMax, 16) { bench in
            let (_, first) = meet(bench)
            let peers = [first] + (0..<16).map { _ in peer(bench) }
            #expect(peers[..<16].allSatisfy { $0.isProven && !$0.isEnded })
            #expect(!peers[16].isProven && peers[16].isEnded)
        },
        LimitCase(.streamsPerPeerLinkMax, 2) { bench in
            let (_, peer) = meet(bench)
            let streams = (0..<3).map { _ in peer.open(Bench.tunnel) }
            bench.run()
            #expect(streams[0].isAccepted && streams[1].isAccepted)
            #expect(streams[2].refusal == ForwardRefusal(.streamsFull, isUntouched: true))
            #expect(bench.connector.streams.count == 2)
        },
        LimitCase(.forwardTimeoutMilliseconds, 100) { bench in
            let (_, peer) = meet(bench)
            peer.manner = .ignores
            let visitor = asking(bench, "far.example")
            bench.run(80)
            #expect(visitor.status == nil && peer.streams.count == 1)
            bench.run(60)
            #expect(visitor.status == 504 && visitor.text.contains(Reason.forwardTimeout.label))
            // It is told that nobody waits any more.
            #expect(peer.streams[0].refusal?.reason == Reason.forwardTimeout.rawValue)
        },
        LimitCase(.forwardsPendingMax, 16, with: [.forwardTimeoutMilliseconds: 2_000]) { bench in
            let (_, peer) = meet(bench)
            peer.manner = .ignores
            let visitors = (0..<17).map { _ in
                let visitor = asking(bench, "far.example")
                bench.run(10)
                return visitor
            }
            bench.run(50)
            #expect(visitors[..<16].allSatisfy { $0.status == nil })
            #expect(visitors[16].status == 503 && visitors[16].text.contains(Reason.streamsFull.label))
        },
        LimitCase(.lookupTimeoutMilliseconds, 200) { bench in
            let (control, _) = meet(bench)
            control.answer = .nothing
            let visitor = asking(bench, "nobody.example")
            bench.run(150)
            #expect(visitor.status == nil && control.lookups.count == 1)
            bench.run(100)
            #expect(visitor.status == 504 && visitor.text.contains(Reason.lookupTimeout.label))
        },
        LimitCase(.lookupsPendingMax, 16) { bench in
            let (control, _) = meet(bench)
            control.answer = .nothing
            let visitors = (0..<17).map { asking(bench, "nobody-\($0).example") }
            bench.run(50)
            #expect(visitors.count { $0.status == nil } == 16)
            #expect(visitors.count { $0.status == 502 } == 1)
        },
        LimitCase(.remoteTunnelsMax, 16) { bench in
            let (control, peer) = meet(bench)
            for number in 0..<40 {
                let tunnel = TunnelID(high: 0xFA12_0000_0000_4001, low: UInt64(number + 1))
                control.hosts["far-\(number).example"] = tunnel
                control.tunnels[tunnel] = [ScriptedControl.candidate(7)]
                let visitor = asking(bench, "far-\(number).example")
                bench.run(20)
                // Every visitor is served, and what was asked for longest ago is forgotten.
                #expect(peer.streams.count == number + 1)
                visitor.peer.reset()
            }
            #expect(bench.node.benches[0].worker.peers.directory.count == 16)
        },
        LimitCase(.stockLinksPerWorkerMax, 16) { bench in
            let stock = ScriptedStockNode(
                bench.bench.world, on: bench.bench.world.kernel.makeHost(low: 0xFFFF_0A00_004D))
            meet(bench, stockNodeAt: ClusterBench.stockAddress)
            let visitors = (0..<17).map { _ in
                let visitor = asking(bench, "far.example")
                bench.run(10)
                return visitor
            }
            #expect(stock.conversations.count == 16 && visitors[..<16].allSatisfy { $0.status == nil })
            #expect(visitors[16].status == 503 && visitors[16].text.contains(Reason.peersUnreachable.label))
        },
        LimitCase(.stockForwardTimeoutMilliseconds, 200) { bench in
            // Nobody is there who could refuse.
            meet(bench, stockNodeAt: "10.0.0.99:80")
            let visitor = asking(bench, "far.example")
            bench.run(190)
            #expect(visitor.status == nil)
            // Deadlines are looked at every 64 ms.
            bench.run(90)
            #expect(visitor.status == 504 && visitor.text.contains(Reason.forwardTimeout.label))
        },
        LimitCase(.drainGraceMilliseconds, 1_000, isOfClient: true) { bench in
            // Another data plane: nobody of this one would be unharmed.
            let world = bench.bench.world
            let node = try NodeProcess(world, seed: 9, limits: [.drainGraceMilliseconds: 1_000], number: 3)
            let connector = ScriptedConnector(world, node, bench.bench.clientHost, tunnel: Bench.tunnel)
            try #require(world.run(milliseconds: 1_000) { connector.isBound })
            let visitor = ScriptedVisitor(world, node, bench.bench.outside)
            visitor.write("GET / HTTP/1.1\r\nHost: \(bench.bench.host)\r\n\r\n")
            bench.run(50)
            try #require(connector.streams.count == 1)
            // Its answer never comes: the data plane leaves all the same.
            node.benches[0].worker.drainAll()
            node.benches[0].turn(world.now)
            bench.run(900)
            #expect(!visitor.isEnded)
            bench.run(200)
            #expect(visitor.isEnded)
            bench.expectCountedAndLogged(.shutdown, at: node.benches[0])
            bench.run(1_000)
            let isOver = node.benches[0].worker.isOver
            #expect(isOver)
            node.process.kill()
        },
    ]
}
