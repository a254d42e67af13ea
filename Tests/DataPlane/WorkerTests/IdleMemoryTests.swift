import Model
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Memory of buffers that a burst needed and nobody needs any more.
@Suite struct IdleMemoryTests {
    /// Uploads that the far side does not take hold buffers; when they have gone these are given back, and what comes
    /// afterwards finds its bytes as ever.
    @Test func itGoesBackAfterABurst() throws {
        let bench = try Bench()
        bench.connector.peer.pauseReading()
        let slow = (0..<8).map { _ in bench.visitor() }
        for visitor in slow {
            visitor.write("POST / HTTP/1.1\r\nHost: \(bench.host)\r\nContent-Length: 600000\r\n\r\n")
            visitor.peer.write([UInt8](repeating: 7, count: 600_000))
        }
        bench.run(200)
        let worker = bench.node.benches[0]
        try #require(worker.worker.buffers.buffersInUse - worker.worker.buffersWithShell > 24)
        for visitor in slow { visitor.peer.reset() }
        bench.connector.peer.resumeReading()
        let before = bench.world.kernel.releasedBytes
        for _ in 0..<150 {
            bench.run(100)
            bench.connector.peer.write(bench.connector.frame(.keepAlive, 0))
        }
        #expect(worker.worker.buffers.buffersToSpare(reserve: 16) == 0)
        #expect(bench.world.kernel.releasedBytes - before >= 8 * BufferStore.stride)
        #expect(worker.worker.memoryDeadline == .never)
        let visitor = bench.visitor()
        visitor.write(bench.get("/again"))
        bench.run()
        let body = [UInt8](repeating: 9, count: 250_000)
        bench.connector.send(
            try bench.stream(8), Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
        bench.run(200)
        #expect(visitor.received.suffix(body.count) == body[...])
    }

    /// Only what was not needed in between is given back, once, bottom first; what is needed again has memory again.
    @Test func whatWasNeededStays() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64 * BufferStore.stride, alignment: 4_096)
        defer { memory.deallocate() }
        var store = BufferStore(base: memory, capacity: 64)
        let taken = (0..<40).map { _ in store.take()! }
        for buffer in taken { store.release(buffer) }
        store.beginLook()
        let needed = (0..<10).map { _ in store.take()! }
        for buffer in needed { store.release(buffer) }
        var given: [UInt32] = []
        while let buffer = store.takeIdle(reserve: 4) { given.append(buffer) }
        #expect(given == Array(taken.prefix(26)))
        #expect(store.buffersToSpare(reserve: 4) == 10)
        store.beginLook()
        while let buffer = store.takeIdle(reserve: 4) { given.append(buffer) }
        #expect(given.count == 36 && Set(given).count == 36)
        #expect(store.buffersToSpare(reserve: 4) == 0)
        // A burst as large as the first takes them out of the bare part again.
        for buffer in (0..<40).map({ _ in store.take()! }) { store.release(buffer) }
        #expect(store.buffersToSpare(reserve: 4) == 36)
    }
}
