import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// Datagrams from a local sender through a visiting client, a node and a binding client to a service, and back; and the
/// bounds on each part of the way.
@Suite struct DatagramTests {
    /// The whole way, with senders of its own.
    private final class Way {
        let world = World(seed: 5)
        let node: NodeProcess
        let binder: ClientProcess
        let visitor: VisitorProcess
        let service: SimulatedDatagramPeer
        let outside: SimulatedHost

        init(
            _ carrier: NodeProcess.Carrier = .ws, limits: [Limit: UInt64] = [:],
            adjust: (inout VisitDesk.Service) -> Void = { _ in }
        ) throws {
            node = try NodeProcess(world, seed: 5)
            binder = try ClientProcess(world, node, carrier, tunnel: Bench.tunnel, isUDP: true, seed: 6)
            let binder = binder
            try #require(world.run(milliseconds: 2_000) { binder.boundCount == 1 })
            service = world.kernel.exchangeDatagrams(on: binder.host, at: binder.target)
            let name = "\(Endpoint.label(of: Bench.tunnel).string).localhost"
            var leading = VisitorProcess.service(
                node, carrier, tunnel: Bench.tunnel, destination: name, isUDP: true)
            adjust(&leading)
            visitor = try VisitorProcess(world, services: [leading], limits: limits, seed: 7)
            outside = world.kernel.makeHost(low: 0xFFFF_0A00_0009)
        }

        func sender(_ number: UInt16 = 0) -> SimulatedDatagramPeer {
            world.kernel.exchangeDatagrams(on: outside, at: SimulatedAddress(low: outside.low, port: 20_000 + number))
        }

        /// Sends everything back that came to the service.
        @discardableResult
        func echo() -> Int {
            let came = service.take()
            for datagram in came { service.send(datagram.bytes, to: datagram.from) }
            return came.count
        }

        func count(_ reason: Reason) -> UInt64 {
            visitor.bench.counters.value(reason) + binder.bench.counters.value(reason)
        }

        func expectQuiet(location: SourceLocation = #_sourceLocation) {
            for bench in [visitor.bench, binder.bench] {
                let ledger = bench.worker.ledger
                #expect(ledger.visits == 0, sourceLocation: location)
                #expect(ledger.streams == 0, sourceLocation: location)
                #expect(ledger.datagrams == 0, sourceLocation: location)
                // The binder's carrier, and the visitor service's own socket.
                #expect(ledger.sockets == 1, sourceLocation: location)
                #expect(ledger.nodes == 0, sourceLocation: location)
                #expect(
                    ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0), sourceLocation: location
                )
                #expect(bench.port.providedDatagramCount == 8, sourceLocation: location)
            }
            #expect(world.kernel.violations == [], sourceLocation: location)
        }
    }

    /// Each datagram arrives whole, from nothing to the longest, and so does its answer.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func everyLength(carrier: NodeProcess.Carrier) throws {
        let way = try Way(carrier)
        let sender = way.sender()
        for count in [0, 1, 2, 1_400, 16_350, 16_352, 16_353, 65_507] {
            let bytes = Content.bytes(UInt64(count), count)
            sender.send(bytes, to: way.visitor.address(of: 0))
            var echoed = 0
            way.world.run(milliseconds: 1_000) {
                echoed += way.echo()
                return echoed > 0
            }
            try #require(echoed == 1, "\(count) bytes never came")
            way.world.run(milliseconds: 50)
            let answers = sender.take()
            #expect(answers.count == 1)
            expectSame(answers.first?.bytes ?? [], bytes)
            #expect(answers.first?.from == way.visitor.address(of: 0))
        }
        // Silence ends the visit, and with it everything that was held for it.
        way.world.run(milliseconds: 70_000)
        #expect(way.count(.datagramIdle) >= 1)
        way.expectQuiet()
    }

    /// Senders are told apart at both ends: each has a visit and a socket of its own.
    @Test func manySenders() throws {
        let way = try Way()
        let senders = (0..<40).map { way.sender($0) }
        for round in UInt8(0)..<3 {
            for (number, sender) in senders.enumerated() {
                sender.send([UInt8(number), round], to: way.visitor.address(of: 0))
            }
            way.world.run(milliseconds: 200)
            #expect(way.echo() == senders.count)
            way.world.run(milliseconds: 200)
            for (number, sender) in senders.enumerated() {
                #expect(sender.take().map(\.bytes) == [[UInt8(number), round]])
            }
        }
        #expect(way.visitor.bench.worker.ledger.visits == senders.count)
        #expect(way.binder.bench.worker.ledger.streams == senders.count)
        way.world.run(milliseconds: 70_000)
        way.expectQuiet()
    }

    /// Many datagrams at once: none is lost or changed as long as the kernels hold them.
    @Test(arguments: [NodeProcess.Carrier.ws, .tcp])
    func aBurst(carrier: NodeProcess.Carrier) throws {
        let way = try Way(carrier)
        let sender = way.sender()
        let sent = (0..<60).map { Content.bytes(UInt64($0), 10 + $0 * 50) }
        for bytes in sent { sender.send(bytes, to: way.visitor.address(of: 0)) }
        var came: [[UInt8]] = []
        way.world.run(milliseconds: 3_000) {
            way.echo()
            came += sender.take().map(\.bytes)
            return came.count >= sent.count
        }
        expectSame(Array(came.joined()), Array(sent.joined()))
        #expect(came.map(\.count) == sent.map(\.count))
        #expect(way.count(.datagramOverflow) == 0)
    }

    /// Without keep-alive the first answer ends the visit; the next datagram begins another.
    @Test func theFirstAnswerEnds() throws {
        let way = try Way { $0.keepsAlive = false }
        let sender = way.sender()
        for round in UInt8(1)...2 {
            sender.send([round], to: way.visitor.address(of: 0))
            way.world.run(milliseconds: 200)
            way.echo()
            way.world.run(milliseconds: 200)
            #expect(sender.take().map(\.bytes) == [[round]])
            #expect(way.visitor.bench.worker.ledger.visits == 0)
        }
        #expect(way.node.count(.linksAccepted) == 3)
    }

    /// The service's silence limit ends a visit, also one that never got an answer.
    @Test func silenceEnds() throws {
        let way = try Way { $0.idleMilliseconds = 2_000 }
        let sender = way.sender()
        sender.send([1], to: way.visitor.address(of: 0))
        way.world.run(milliseconds: 1_900)
        #expect(way.visitor.bench.worker.ledger.visits == 1)
        sender.send([2], to: way.visitor.address(of: 0))
        way.world.run(milliseconds: 1_900)
        #expect(way.visitor.bench.worker.ledger.visits == 1)
        way.world.run(milliseconds: 300)
        #expect(way.visitor.bench.worker.ledger.visits == 0)
        #expect(way.visitor.bench.counters.value(.datagramIdle) == 1)
        #expect(way.service.take().map(\.bytes) == [[1], [2]])
    }

    @Test func tooLong() throws {
        let way = try Way { $0.datagramBytesMax = 100 }
        let sender = way.sender()
        sender.send(Content.bytes(1, 101), to: way.visitor.address(of: 0))
        sender.send(Content.bytes(2, 100), to: way.visitor.address(of: 0))
        way.world.run(milliseconds: 300)
        #expect(way.service.take().map(\.bytes.count) == [100])
        #expect(way.count(.datagramTooLong) == 1)
    }

    /// More senders at once than may be opening: those beyond are not heard, the others are served.
    /// By what the service says, or by the limit.
    @Test(arguments: [true, false])
    func theBacklogIsBounded(isWritten: Bool) throws {
        let way = try Way(limits: isWritten ? [:] : [.datagramBacklogMax: 3]) { if isWritten { $0.backlogMax = 3 } }
        let senders = (0..<5).map { way.sender($0) }
        for sender in senders { sender.send([1], to: way.visitor.address(of: 0)) }
        way.world.run(milliseconds: 300)
        #expect(way.echo() == 3)
        #expect(way.count(.datagramOverflow) == 2)
        // There is room again.
        senders[4].send([4], to: way.visitor.address(of: 0))
        way.world.run(milliseconds: 300)
        #expect(way.service.take().map(\.bytes) == [[4]])
    }

    /// What a sender may have waiting is bounded while its visit opens.
    @Test func theQueueIsBounded() throws {
        let way = try Way(limits: [.datagramQueueBytesMax: 65_536])
        way.world.kernel.setDelay(microseconds: 200_000, way.visitor.host, way.node.host)
        let sender = way.sender()
        for number in 0..<4 { sender.send(Content.bytes(UInt64(number), 30_000), to: way.visitor.address(of: 0)) }
        way.world.run(milliseconds: 4_000)
        #expect(way.service.take().count == 2)
        #expect(way.count(.datagramOverflow) == 2)
    }

    /// Nobody is at the target: the stream ends, and so does the visit.
    @Test func noService() throws {
        let way = try Way()
        way.service.close()
        let sender = way.sender()
        sender.send([1], to: way.visitor.address(of: 0))
        way.world.run(milliseconds: 500)
        #expect(way.binder.bench.counters.value(.dialFailed) == 1)
        way.world.run(milliseconds: 6_000)
        way.expectQuiet()
    }
}
