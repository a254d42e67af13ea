import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Visitor services by TCP: a local connection, a link with CONNECT, a connector's stream. The node and both ends are
/// looked at.
@Suite struct VisitTests {
    /// A node with a scripted connector, a visiting client, and local visitors.
    private struct Visiting {
        let bench: Bench
        let visitor: VisitorProcess

        init(
            _ carrier: NodeProcess.Carrier = .ws, capabilities: RelayCapabilities = [], limits: [Limit: UInt64] = [:],
            adjust: (inout VisitDesk.Service, Bench) -> Void = { _, _ in }
        ) throws {
            bench = try Bench(capabilities: capabilities)
            var service = VisitorProcess.service(
                bench.node, carrier, tunnel: Bench.tunnel, destination: bench.host)
            adjust(&service, bench)
            visitor = try VisitorProcess(bench.world, services: [service], limits: limits, seed: 7)
        }

        func connect() -> SimulatedPeer {
            bench.world.kernel.connect(from: visitor.host, to: visitor.address(of: 0))
        }

        func count(_ reason: Reason) -> UInt64 { visitor.bench.counters.value(reason) }

        /// Nothing is left at the client.
        func expectQuiet(location: SourceLocation = #_sourceLocation) {
            let ledger = visitor.bench.worker.ledger
            #expect(ledger.visits == 0, sourceLocation: location)
            #expect(ledger.links == 0, sourceLocation: location)
            #expect(ledger.sockets == 0, sourceLocation: location)
            #expect(ledger.nodes == 0, sourceLocation: location)
            #expect(
                ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0), sourceLocation: location)
            #expect(bench.world.kernel.violations == [], sourceLocation: location)
        }
    }

    /// What the visitor sends arrives with its address and the host it asked for; the answer comes back.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func thereAndBack(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier)
        let local = visiting.connect()
        local.write(Array("question".utf8))
        visiting.bench.run()
        let stream = try visiting.bench.stream()
        #expect(stream.text == "question")
        #expect(stream.header?.source?.socketAddress?.high == 0)
        #expect(stream.header?.source?.socketAddress?.low == visiting.visitor.host.low)
        #expect(stream.header?.source?.port != 0)
        #expect(stream.header?.destination?.text == "\(visiting.bench.host):0")
        visiting.bench.connector.send(stream, "answer")
        visiting.bench.run()
        #expect(local.take() == Array("answer".utf8))
        visiting.bench.connector.finish(stream)
        visiting.bench.run()
        #expect(local.isEnded)
        #expect(!local.isReset)
        local.close()
        visiting.bench.run(4_000)
        visiting.expectQuiet()
        visiting.bench.expectQuiet()
    }

    /// What is large passes in both directions at once, over a link whose other end takes its time.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func muchInBothDirections(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier)
        let local = visiting.connect()
        let request = Content.bytes(1, 3_000_000), answer = Content.bytes(2, 3_000_000)
        local.write(request)
        visiting.bench.run()
        visiting.bench.connector.send(try visiting.bench.stream(), answer)
        var received: [UInt8] = []
        visiting.bench.world.run(milliseconds: 20_000) {
            received += local.take()
            return received.count >= answer.count && visiting.bench.connector.streams[0].received.count >= request.count
        }
        expectSame(received, answer)
        expectSame(try visiting.bench.stream().received, request)
    }

    /// A visitor that does not read holds its server back, and nothing is lost when it reads again.
    @Test func aVisitorThatDoesNotRead() throws {
        let visiting = try Visiting(limits: [.visitorQueueBytesMax: 65_536])
        let local = visiting.connect()
        local.pauseReading()
        local.write([1])
        visiting.bench.run()
        let answer = Content.bytes(3, 4_000_000)
        visiting.bench.connector.send(try visiting.bench.stream(), answer)
        visiting.bench.run(3_000)
        let held = visiting.visitor.bench.worker.ledger
        #expect((held.buffersInUse - held.buffersWithShell) * BufferStore.stride < 1_000_000)
        local.resumeReading()
        var received: [UInt8] = []
        visiting.bench.world.run(milliseconds: 20_000) {
            received += local.take()
            return received.count >= answer.count
        }
        expectSame(received, answer)
    }

    /// The end of what the visitor sends is passed on at once by a server of ours; the answer still comes.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func halfClose(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier, capabilities: .halfClose)
        let local = visiting.connect()
        local.write(Array("all".utf8))
        local.endWriting()
        visiting.bench.run(100)
        let stream = try visiting.bench.stream()
        #expect(stream.text == "all")
        #expect(stream.isHalfClosed)
        visiting.bench.run(8_000)
        visiting.bench.connector.send(stream, "late")
        visiting.bench.connector.finish(stream)
        visiting.bench.run(100)
        #expect(local.take() == Array("late".utf8))
        #expect(local.isEnded)
        visiting.bench.run(4_000)
        visiting.expectQuiet()
    }

    /// A server that may be a stock one does not hear of the end while an answer comes, and then is left.
    @Test func halfCloseAtAStockServer() throws {
        let world = World(seed: 1)
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0032)
        let listener = world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: 7_000))
        var service = VisitDesk.Service(
            name: "v", tunnel: Bench.tunnel,
            servers: [VisitorProcess.server(host: "10.0.0.50", port: 7_000, .tcp)], destination: "service.host")!
        service.keepsAlive = true
        let visitor = try VisitorProcess(world, services: [service], seed: 1)
        let local = world.kernel.connect(from: visitor.host, to: visitor.address(of: 0))
        local.write(Array("all".utf8))
        local.endWriting()
        world.run(milliseconds: 50)
        let server = try #require(listener.accept())
        let step = server.take().withUnsafeBytes { RelayRequest.read(RawSpan(_unsafeBytes: $0), limit: 16_000) }
        guard case .message(let request, _) = step else {
            Issue.record("no CONNECT")
            return
        }
        #expect(request.command == .connect)
        #expect(request.network == .tcp)
        #expect(request.tunnel?.tunnelID == Bench.tunnel)
        #expect(request.destination?.text == "service.host:0")
        #expect(request.source?.socketAddress?.low == visitor.host.low)
        server.write([1, 0, 0, 0] + Array("early".utf8))
        world.run(milliseconds: 50)
        #expect(local.take() == Array("early".utf8))
        #expect(server.take() == Array("all".utf8))
        for _ in 0..<4 {
            world.run(milliseconds: 4_000)
            #expect(!server.isEnded)
            server.write([9])
        }
        world.run(milliseconds: 7_000)
        #expect(server.isEnded || server.isReset)
        #expect(local.take() == [9, 9, 9, 9])
        #expect(local.isEnded)
        #expect(!local.isReset)
        world.run(milliseconds: 3_000)
        #expect(visitor.bench.worker.ledger.sockets == 0)
    }

    /// A refusal ends the local connection, is counted, and is told once with its number.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func refused(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier) { service, _ in service.destination = RelayAddress("nobody.localhost")! }
        let locals = (0..<3).map { _ in visiting.connect() }
        visiting.bench.run(2_000)
        for local in locals { #expect(local.isEnded || local.isReset) }
        #expect(visiting.count(.connectRefused) == 3)
        #expect(visiting.bench.node.count(.noRoute) == 3)
        let events = visiting.visitor.desk.visits.events
        #expect(events.allSatisfy { $0.failure == .refused(status: RelayStatus.hostUnreachable.number) })
        #expect(events.reduce(0) { $0 + $1.count } == 3)
        #expect(events.count <= 2)
        for local in locals { local.close() }
        visiting.bench.run(4_000)
        visiting.expectQuiet()
    }

    /// The first server is not there: the second one is dialled, and stays the first for the next visit.
    @Test func theNextServer() throws {
        let visiting = try Visiting { service, _ in
            service.servers.insert(VisitorProcess.server(host: "10.0.0.1", port: 1, .ws), at: 0)
        }
        let together = [visiting.connect(), visiting.connect()]
        for local in together { local.write([1]) }
        visiting.bench.run(100)
        for number in 0..<2 { #expect(try visiting.bench.stream(number).received == [1]) }
        #expect(visiting.count(.dialFailed) == 2)
        for local in together { local.reset() }
        visiting.bench.run(100)
        let second = visiting.connect()
        second.write([2])
        visiting.bench.run(100)
        #expect(try visiting.bench.stream(2).received == [2])
        #expect(visiting.count(.dialFailed) == 2)
    }

    @Test func noServer() throws {
        let visiting = try Visiting { service, _ in
            service.servers = [VisitorProcess.server(host: "10.0.0.1", port: 1, .ws)]
        }
        let local = visiting.connect()
        visiting.bench.run(100)
        #expect(local.isEnded || local.isReset)
        #expect(visiting.visitor.desk.visits.events.map(\.failure) == [.ended(.dialFailed)])
        local.close()
        visiting.bench.run(4_000)
        visiting.expectQuiet()
    }

    /// A server that never answers the CONNECT is given up.
    @Test func aSilentServer() throws {
        let world = World(seed: 1)
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0032)
        let listener = world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: 7_000))
        let service = VisitDesk.Service(
            name: "v", tunnel: Bench.tunnel,
            servers: [VisitorProcess.server(host: "10.0.0.50", port: 7_000, .tcp)], destination: "")!
        let visitor = try VisitorProcess(world, services: [service], seed: 1)
        let local = world.kernel.connect(from: visitor.host, to: visitor.address(of: 0))
        world.run(milliseconds: 9_500)
        #expect(listener.accept() != nil)
        #expect(!local.isEnded)
        world.run(milliseconds: 1_000)
        #expect(local.isEnded || local.isReset)
        #expect(visitor.bench.counters.value(.dialTimeout) == 1)
    }

    /// The server breaks while it answers: the local connection is reset, not ended.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func aCutAnswer(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier)
        let local = visiting.connect()
        local.write([1])
        visiting.bench.run()
        visiting.bench.connector.send(try visiting.bench.stream(), "half an ans")
        visiting.bench.run()
        // Bytes that the node has not read make the kernel reset what it closes.
        visiting.bench.connector.grantsWindows = false
        local.write(Content.bytes(1, 3_000_000))
        visiting.bench.run(500)
        visiting.bench.node.process.kill()
        visiting.bench.run(1_000)
        #expect(local.isReset)
        visiting.bench.run(4_000)
        visiting.expectQuiet()
    }

    /// A visitor that is gone takes its stream along at once: nobody waits for a grace.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func aVisitorThatLeaves(carrier: NodeProcess.Carrier) throws {
        let visiting = try Visiting(carrier, capabilities: .halfClose)
        let local = visiting.connect()
        local.write([1])
        visiting.bench.run()
        local.reset()
        visiting.bench.run(50)
        let stream = try visiting.bench.stream()
        #expect(stream.isFinished || stream.resetReason != nil)
        visiting.expectQuiet()
        visiting.bench.expectQuiet()
    }
}
