import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Visitors on their way to another worker: those that leave in the middle of it, and those that lose something.
@Suite struct MoveTests {
    /// Writes a request and leaves a moment later.
    private final class LeavingVisitor: Scripted {
        private let peer: SimulatedPeer
        private let leaves: Tick
        private let isPolite: Bool
        private var isGone = false

        init(_ bench: Bench, afterMicroseconds: UInt64, isPolite: Bool) {
            peer = bench.world.kernel.connect(
                from: bench.outside, to: bench.node.address(NodeProcess.entrypointPort))
            leaves = Tick(nanoseconds: bench.world.now.nanoseconds + afterMicroseconds * 1_000)
            self.isPolite = isPolite
            peer.write(Array(bench.get().utf8))
            bench.world.add(self)
        }

        var nextAct: Tick { isGone ? .never : leaves }

        func act(_ now: Tick) {
            _ = peer.take()
            guard !isGone, now >= leaves else { return }
            isGone = true
            if isPolite { peer.close() } else { peer.reset() }
        }
    }

    /// At every moment of the way: before the accept, in the first worker, between the two, in the second.
    @Test(arguments: [true, false])
    func aMoveThatEndsEarly(_ isPolite: Bool) throws {
        let bench = try Bench(workers: 3)
        for microseconds in stride(from: UInt64(0), to: 6_000, by: 20) {
            _ = LeavingVisitor(bench, afterMicroseconds: microseconds, isPolite: isPolite)
        }
        bench.run(20)
        // Who closed politely has still asked.
        for stream in bench.connector.streams { bench.connector.send(stream, ExchangeTests.ok) }
        bench.run(8_000)
        #expect(bench.node.count(.visitorsMoved) > 50)
        #expect(bench.node.count(.visitorsAccepted) == bench.node.count(.visitorsClosed))
        bench.expectQuiet()
    }

    /// A connection whose requests go round the workers: from its third move on nothing of it is cancelled any more, and
    /// every request, bodies included, comes whole to the host it is for.
    @Test func aRestlessVisitor() throws {
        let bench = try Bench(workers: 3)
        let connectors = (1...6).map { number in
            ScriptedConnector(
                bench.world, bench.node, bench.clientHost,
                tunnel: TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(number)))
        }
        try #require(bench.world.run(milliseconds: 1_000) { connectors.allSatisfy(\.isBound) })
        let hosts = (1...6).map { number in
            let tunnel = TunnelID(high: 0xBBBB_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(number))
            return "\(Endpoint.label(of: tunnel).string).localhost"
        }
        let visitor = bench.visitor()
        let body = [UInt8](repeating: 5, count: 100_000)
        for round in 0..<30 {
            let connector = connectors[round % 6]
            let isPost = round % 4 == 3
            let before = connector.streams.count
            visitor.forget()
            visitor.write(
                "\(isPost ? "POST" : "GET") /\(round) HTTP/1.1\r\nHost: \(hosts[round % 6])\r\n"
                    + (isPost ? "Content-Length: \(body.count)\r\n\r\n" : "\r\n"))
            if isPost { visitor.peer.write(body) }
            bench.run(50)
            let stream = try #require(connector.streams.last)
            #expect(connector.streams.count <= before + 1)
            let text = String(decoding: stream.received, as: UTF8.self)
            #expect(text.contains(" /\(round) HTTP/1.1"))
            if isPost { #expect(stream.received.suffix(body.count) == body[...]) }
            connector.send(stream, ExchangeTests.ok)
            bench.run(20)
            #expect(visitor.text == ExchangeTests.ok)
        }
        #expect(bench.node.count(.visitorsMoved) > 10)
        visitor.peer.close()
        bench.run(100)
        for connector in connectors { connector.peer.close() }
        bench.run(8_000)
        bench.expectQuiet()
    }

    private func parcel(_ bench: WorkerBench, _ text: String) throws -> Parcel {
        let taken = bench.worker.buffers.take()
        let buffer = try #require(taken)
        let address = bench.worker.buffers.pointer(buffer: buffer, offset: BufferStore.headroom)
        address.copyMemory(from: Array(text.utf8), byteCount: text.utf8.count)
        return Parcel(address: UInt(bitPattern: address), count: UInt32(text.utf8.count), buffer: buffer)
    }

    /// The new worker has no buffer for part of what the visitor had sent: a request with a hole would be another
    /// request. The visitor is not adopted; the next one is.
    @Test func aHoleInAMovedVisitorsBytes() throws {
        let bench = try Bench(workers: 2)
        let (from, to) = (bench.node.benches[0], bench.node.benches[1])
        for isBroken in [true, false] {
            // The first piece fills a buffer, so that the second needs one.
            let fill = isBroken ? "X: \(String(repeating: "x", count: BufferStore.payload - 27))\r\n" : ""
            let pieces = ["GET / HTTP/1.1\r\n\(fill)Host: ", bench.host, "\r\n\r\n"]
            let before = bench.connector.streams.count
            let pair = bench.node.process.makePair()
            for (number, piece) in pieces.enumerated() {
                var taken: [UInt32] = []
                if isBroken, number == 1 {
                    while let buffer = to.worker.buffers.take() { taken.append(buffer) }
                }
                to.worker.takeBytes(try parcel(from, piece), from: 0)
                for buffer in taken { to.worker.buffers.release(buffer) }
            }
            let visitor = Visitor(
                socket: .max, service: ServiceIndex(0), ingress: IngressIndex(0), now: bench.world.now)
            to.worker.adoptVisitor(VisitorMove(descriptor: pair.left, visitor: visitor), from: 0)
            to.turn(bench.world.now)
            bench.run(50)
            #expect(bench.node.count(.buffersFull) == 1)
            #expect(to.worker.incoming[0].isEmpty)
            #expect(to.worker.ledger.visitors + from.worker.ledger.visitors == (isBroken ? 0 : 1))
            #expect(bench.connector.streams.count == before + (isBroken ? 0 : 1))
            // The visitor's address is nobody's here.
            let begin = String(bench.get().dropLast())
            #expect(bench.connector.streams.allSatisfy { $0.text.hasPrefix(begin) && $0.text.hasSuffix("\r\n\r\n") })
        }
    }

    /// Worker 0, which asks the control plane, does not run: the client is not kept waiting for ever, and what is
    /// granted to it afterwards is taken back.
    @Test func aBindThatIsNeverAnswered() throws {
        let bench = try Bench(workers: 2, limits: [.handshakeTimeoutMilliseconds: 2_000])
        bench.node.benches[0].isFrozen = true
        let tunnel = TunnelID(high: 0xEEEE_0000_0000_4000, low: 0x8000_0000_0000_0001)
        let clients = (0..<8).map { _ in ScriptedConnector(bench.world, bench.node, bench.clientHost, tunnel: tunnel) }
        bench.run(1_500)
        let waiting = bench.node.benches[1].worker.ledger.links
        #expect(clients.allSatisfy { !$0.isBound })
        bench.run(1_000)
        #expect(bench.node.count(.bindTimeout) >= 1)
        #expect(clients.contains { $0.peer.isEnded || $0.peer.isReset })
        #expect(bench.node.benches[1].worker.ledger.links < waiting)
        bench.node.benches[0].isFrozen = false
        bench.run(200)
        // Those that the frozen worker had accepted are bound now; nobody is registered twice or without a link.
        let bound = clients.count { $0.isBound && !$0.peer.isEnded && !$0.peer.isReset }
        for client in clients { client.leave() }
        #expect(bench.node.benches[0].worker.ledger.connectors == bound + 1)
        bench.run(200)
        bench.expectQuiet()
        #expect(bench.node.benches.allSatisfy { $0.worker.ledger.connectors == 1 })
    }

    /// The buffers run out in the middle of a payload: what is copied is not queued again.
    @Test func aPayloadThatIsHalfCopied() throws {
        let bench = try Bench().node.benches[0]
        var queue = SliceQueue()
        let content = Content.bytes(1, 4 * 10 + BufferStore.payload - 100 + 5_000)
        var position = 0
        // Four pieces that do not touch, then a buffer of the queue's own with room for 100 bytes.
        for _ in 0..<4 {
            let piece = bench.worker.buffers.cutArena(10)
            let slice = try #require(piece)
            bench.worker.buffers.bytes(slice).copyBytes(from: content[position..<position + 10])
            bench.worker.buffers.append(&queue, slice)
            position += 10
        }
        let own = BufferStore.payload - 100
        let isCopied = content[position..<position + own].withUnsafeBytes {
            bench.worker.buffers.appendCopy(&queue, $0)
        }
        #expect(isCopied)
        position += own
        let taking = bench.worker.buffers.take()
        let buffer = try #require(taking)
        let payload = Slice(buffer: buffer, offset: UInt32(BufferStore.headroom), count: 5_000)
        bench.worker.buffers.bytes(payload).copyBytes(from: content[position...])
        var taken: [UInt32] = []
        while let buffer = bench.worker.buffers.take() { taken.append(buffer) }
        bench.worker.keep(&queue, payload)
        #expect(queue.byteCount == content.count)
        var seen: [UInt8] = []
        var cursor = queue.head
        while let slice = bench.worker.buffers.next(&cursor) { seen += Array(bench.worker.buffers.bytes(slice)) }
        #expect(seen == content)
        bench.worker.buffers.clear(&queue)
        bench.worker.buffers.release(buffer)
        for buffer in taken { bench.worker.buffers.release(buffer) }
        let ledger = bench.worker.ledger
        #expect(ledger.nodes == 0)
        #expect(ledger.buffersInUse == ledger.buffersWithShell + (ledger.hasArena ? 1 : 0))
    }
}
