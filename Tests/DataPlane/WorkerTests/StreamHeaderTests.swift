import Model
import Observe
import Primitives
import Simulator
import Testing
import Wire
import Worker
import World

/// The header that begins a stream at our client: one that does not come has a deadline.
@Suite struct StreamHeaderTests {
    private func frame(_ command: SmuxCommand, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: SmuxHeader.byteCount)
        bytes.withUnsafeMutableBytes {
            SmuxHeader.write(
                to: $0.baseAddress!, version: 2, command: command, length: UInt16(payload.count), stream: stream)
        }
        return bytes + payload
    }

    /// Bytes that come now and then do not put it off; other streams of the session live on.
    @Test func aHeaderThatNeverComes() throws {
        let world = World(seed: 1)
        let host = world.kernel.makeHost(low: 0xFFFF_0A00_0032)
        let listener = world.kernel.listen(on: host, at: SimulatedAddress(low: host.low, port: 7_000))
        let process = world.kernel.makeProcess(on: world.kernel.makeHost(low: 0xFFFF_0A00_0100))
        let plan = ClientDesk.Plan(
            name: "p", tunnel: Bench.tunnel, servers: [VisitorProcess.server(host: "10.0.0.50", port: 7_000, .tcp)],
            targetHost: "10.0.1.0", targetPort: 3_000)
        let desk = ClientDesk(plans: [plan], seed: 1)
        let bench = try WorkerBench(world.kernel, process, seed: 1) { $0.client = desk }
        world.add(bench)
        world.run(milliseconds: 50)
        let server = try #require(listener.accept())
        #expect(!server.take().isEmpty)
        server.write([1, 0, 0, 0] + frame(.open, 3) + frame(.open, 5))
        for byte in [UInt8(1), 0, 0] {
            world.run(milliseconds: 3_000)
            server.write(frame(.data, 3, [byte]) + frame(.keepAlive, 0))
        }
        #expect(bench.worker.ledger.streams == 2)
        server.write(frame(.open, 7))
        world.run(milliseconds: 1_500)
        #expect(bench.counters.value(.streamHeaderTimeout) == 2)
        #expect(bench.worker.ledger.streams == 1)
        var reader = SmuxReader(version: 2)
        var cursor = 0
        var finished: [UInt32] = []
        let bytes = server.take()
        while cursor < bytes.count {
            let step = bytes.withUnsafeBytes { reader.next(RawSpan(_unsafeBytes: $0), &cursor) }
            if case .finish(let id) = step { finished.append(id) }
            if case .needMore = step { break }
        }
        #expect(finished.sorted() == [3, 5])
        server.write(frame(.keepAlive, 0))
        world.run(milliseconds: 9_000)
        #expect(bench.counters.value(.streamHeaderTimeout) == 3)
        #expect(bench.worker.ledger.links == 1)
    }
}
