import CLinux
import EventLoop
import Primitives
import Synchronization
import Testing

@Suite struct ThreadTests {
    @Test func aThreadRunsUnderItsNameAndIsJoined() throws {
        let name = Mutex("")
        let thread = try WorkerThread(name: "worker-11") {
            var room = [CChar](repeating: 0, count: 16)
            #expect(culvert_thread_name(&room) == 0)
            let text = room.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            name.withLock { $0 = String(decoding: text, as: UTF8.self) }
        }
        thread.join()
        #expect(name.withLock { $0 } == "worker-11")
    }

    /// The stack is what a worker may use, and only what it uses is resident.
    @Test func theStackIsDeep() throws {
        @Sendable func dig(_ depth: Int) -> Int {
            withUnsafeTemporaryAllocation(byteCount: 1_024, alignment: 8) { room in
                room[0] = UInt8(truncatingIfNeeded: depth)
                return depth == 0 ? 0 : Int(room[0] & 0) + 1 + dig(depth - 1)
            }
        }
        let counted = Counted()
        let thread = try WorkerThread(name: "deep") { counted.depth.store(dig(2_000), ordering: .releasing) }
        thread.join()
        #expect(counted.depth.load(ordering: .acquiring) == 2_000)
    }

    private final class Counted: Sendable { let depth = Atomic<Int>(0) }

    @Test func bufferMemoryIsWholePagesOfZero() throws {
        let memory = try BufferMemory(byteCount: 5_000)
        #expect(memory.base % 4_096 == 0)
        #expect(memory.byteCount == 8_192)
        let bytes = UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: memory.base), count: 8_192)
        #expect(bytes.allSatisfy { $0 == 0 })
        // Far more than the machine has: only address space.
        let large = try BufferMemory(byteCount: 1 << 40)
        UnsafeMutableRawPointer(bitPattern: large.base + (1 << 39))?.storeBytes(of: 7, as: UInt8.self)
    }

    @Test func clocksRun() {
        let first = Clock.now()
        #expect(first > .zero)
        #expect(Clock.now() >= first)
        #expect(WallClock.now() > 1_577_836_800_000)
        #expect(KernelRandom.seed() != KernelRandom.seed())
    }
}
