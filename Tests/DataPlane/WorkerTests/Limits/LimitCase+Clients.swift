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
    /// A tunnel client's datagrams and headers: what a client bounds itself.
    static let clients = [
        LimitCase(.streamHeaderTimeoutMilliseconds, 500, isOfClient: true) { bench in
            let kernel = bench.bench.world.kernel
            let host = kernel.makeHost(low: 0xFFFF_0A00_0032)
            let listener = kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: 7_000))
            let process = kernel.makeProcess(on: kernel.makeHost(low: 0xFFFF_0A00_0133))
            let plan = ClientDesk.Plan(
                name: "p", tunnel: Bench.tunnel, servers: [VisitorProcess.server(host: "10.0.0.50", port: 7_000, .tcp)],
                targetHost: "10.0.1.51", targetPort: 3_000)
            let desk = ClientDesk(plans: [plan], seed: 1)
            let client = try WorkerBench(kernel, process, seed: 1) { setup in
                var limits = Limits()
                limits.set(.streamHeaderTimeoutMilliseconds, to: 500)
                setup.client = desk
                setup.table = NodeTable(services: [], dynamicDomains: [], limits: limits, nodeName: "")
            }
            bench.bench.world.add(client)
            bench.run(50)
            let server = try #require(listener.accept())
            server.write([1, 0, 0, 0] + bench.connector.frame(.open, 3))
            bench.run(300)
            #expect(client.worker.ledger.streams == 1)
            bench.run(500)
            #expect(client.worker.ledger.streams == 0)
            bench.expectCountedAndLogged(.streamHeaderTimeout, at: client)
            process.kill()
        },
        LimitCase(.leaveGraceMilliseconds, 300, isOfClient: true) { bench in
            let tunnel = TunnelID(high: 0xEEEE_0000_0000_4000, low: 0x8000_0000_0000_0001)
            let client = try ClientProcess(
                bench.bench.world, bench.node, .tcp, number: 8, tunnel: tunnel, limits: [.leaveGraceMilliseconds: 300],
                seed: 8)
            let service = bench.bench.world.kernel.listen(on: client.host, at: client.target)
            bench.run(500)
            try #require(client.boundCount == 1)
            let visitor = bench.visitor()
            visitor.write("GET / HTTP/1.1\r\nHost: \(Endpoint.label(of: tunnel).string).localhost\r\n\r\n")
            bench.run(50)
            #expect(client.bench.worker.ledger.streams == 1)
            // The service never answers: the client leaves all the same.
            client.bench.worker.leaveAll()
            client.bench.turn(bench.bench.world.now)
            bench.run(200)
            #expect(client.bench.worker.ledger.streams == 1)
            bench.run(300)
            #expect(client.bench.worker.ledger.streams == 0)
            #expect(client.bench.counters.value(.shutdown) == 1)
            #expect(visitor.status == 503)
            visitor.peer.close()
            service.accept()?.close()
            bench.run(50)
            client.process.kill()
        },
        LimitCase(.datagramIdleMilliseconds, 1_000, isOfClient: true) { bench in
            let (binder, visitor, service) = try datagramWay(bench, binderLimits: [.datagramIdleMilliseconds: 1_000])
            let sender = datagramSender(bench, 0)
            sender.send([1], to: visitor.address(of: 0))
            bench.run(500)
            #expect(service.take().count == 1)
            #expect(binder.bench.worker.ledger.streams == 1)
            bench.run(1_500)
            #expect(binder.bench.worker.ledger.streams == 0)
            bench.expectCountedAndLogged(.datagramIdle, at: binder.bench)
            binder.process.kill()
            visitor.process.kill()
        },
        LimitCase(.datagramQueueBytesMax, 65_536, isOfClient: true) { bench in
            let (binder, visitor, service) = try datagramWay(bench, visitorLimits: [.datagramQueueBytesMax: 65_536])
            bench.bench.world.kernel.setDelay(microseconds: 200_000, visitor.host, bench.node.host)
            let sender = datagramSender(bench, 0)
            for number in 0..<4 { sender.send(Content.bytes(UInt64(number), 30_000), to: visitor.address(of: 0)) }
            bench.run(4_000)
            #expect(service.take().count == 2)
            #expect(visitor.bench.counters.value(.datagramOverflow) == 2)
            bench.expectCountedAndLogged(.datagramOverflow, at: visitor.bench)
            binder.process.kill()
            visitor.process.kill()
        },
        LimitCase(.datagramBacklogMax, 1, isOfClient: true) { bench in
            let (binder, visitor, service) = try datagramWay(bench, visitorLimits: [.datagramBacklogMax: 1])
            for number in 0..<3 { datagramSender(bench, UInt16(number)).send([1], to: visitor.address(of: 0)) }
            bench.run(500)
            #expect(service.take().count == 1)
            #expect(visitor.bench.counters.value(.datagramOverflow) == 2)
            bench.expectCountedAndLogged(.datagramOverflow, at: visitor.bench)
            // There is room again.
            datagramSender(bench, 7).send([1], to: visitor.address(of: 0))
            bench.run(500)
            #expect(service.take().count == 1)
            binder.process.kill()
            visitor.process.kill()
        },
    ]

    private static func datagramSender(_ bench: LimitBench, _ number: UInt16) -> SimulatedDatagramPeer {
        bench.bench.world.kernel.exchangeDatagrams(
            on: bench.bench.outside, at: SimulatedAddress(low: bench.bench.outside.low, port: 20_000 + number))
    }

    /// A binding client with a service, and a visiting client, both for datagrams, through the bench's node.
    private static func datagramWay(
        _ bench: LimitBench, binderLimits: [Limit: UInt64] = [:], visitorLimits: [Limit: UInt64] = [:]
    ) throws -> (ClientProcess, VisitorProcess, SimulatedDatagramPeer) {
        let world = bench.bench.world
        let tunnel = TunnelID(high: 0xFFFF_0000_0000_4000, low: 0x8000_0000_0000_0001)
        let binder = try ClientProcess(
            world, bench.node, .tcp, number: 9, tunnel: tunnel, isUDP: true, limits: binderLimits, seed: 6)
        bench.run(500)
        try #require(binder.boundCount == 1)
        let service = world.kernel.exchangeDatagrams(on: binder.host, at: binder.target)
        let visiting = VisitorProcess.service(
            bench.node, .tcp, tunnel: tunnel, destination: "\(Endpoint.label(of: tunnel).string).localhost",
            isUDP: true)
        let visitor = try VisitorProcess(world, services: [visiting], limits: visitorLimits, seed: 7)
        bench.run(50)
        return (binder, visitor, service)
    }
}
