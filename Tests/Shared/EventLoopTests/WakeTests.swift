import CLinux
import EventLoop
import Operations
import Primitives
import Synchronization
import Testing

/// Loops on threads of their own that wake each other.
@Suite struct WakeTests {
    /// A loop with nothing but its wakes.
    private static func makeShell(_ choice: ShellChoice, _ memory: borrowing BufferMemory) throws(ShellFault) -> Shell {
        let geometry = BufferGeometry(
            base: memory.base, strideBytes: 4_096, headroomBytes: 0, payloadBytes: 4_096, count: 1)
        var configuration = ShellConfiguration(buffers: geometry)
        configuration.submissionEntries = 8
        configuration.completionEntries = 32
        configuration.descriptorsMax = 32_768
        return try Shell(choice, configuration)
    }

    /// The next wake; false when none comes.
    private static func waitForWake(_ shell: inout Shell, slot: UInt32) -> Bool {
        var now = Clock.now()
        let deadline = now.advanced(milliseconds: Rig.patienceMilliseconds)
        while now < deadline {
            shell.waitForCompletions(until: deadline, now: now)
            var isWoken = false
            while let completion = shell.next() {
                guard completion.token == Token(.woken, slot: slot, generation: 0) else { continue }
                guard completion.result == 0, completion.flags == 0 else { return false }
                isWoken = true
            }
            if isWoken { return true }
            now = Clock.now()
        }
        return false
    }

    /// What two threads must know of each other before they begin.
    private final class Meeting: Sendable {
        let descriptors = Mutex<[Int: Int32]>([:])
        let rounds = Mutex<[Int: Int]>([:])
        let finished = Atomic<Int>(0)
    }

    /// Ping-pong between two workers: each wakes the other when it is woken.
    @Test(arguments: [ShellChoice.ring, .poll])
    func twoLoopsWakeEachOther(choice: ShellChoice) throws {
        let meeting = Meeting()
        let rounds = 1_000
        @Sendable func run(_ index: Int) {
            guard let memory = try? BufferMemory(byteCount: 4_096), var shell = try? Self.makeShell(choice, memory)
            else { return }
            meeting.descriptors.withLock { $0[index] = shell.wakeDescriptor }
            while meeting.descriptors.withLock({ $0.count }) < 2 { sched_yield() }
            shell.connectWakes(meeting.descriptors.withLock { [$0[0]!, $0[1]!] })
            var queue = OperationQueue(capacity: 4)
            let wake = Operation(
                .wake, token: Token(.wake, slot: 0, generation: 0), descriptor: -1, length: UInt32(1 - index))
            if index == 0 { queue.append(wake) }
            var done = 0
            while done < rounds {
                shell.submit(&queue)
                guard Self.waitForWake(&shell, slot: 0) else { break }
                done += 1
                queue.append(wake)
            }
            // The last wake of the first worker has nobody who waits for it; it must not trap.
            shell.submit(&queue)
            shell.waitForCompletions(until: .zero, now: Clock.now())
            meeting.rounds.withLock { $0[index] = done }
            // A ring that is gone cannot be woken: both leave together.
            meeting.finished.add(1, ordering: .acquiringAndReleasing)
            while meeting.finished.load(ordering: .acquiring) < 2 { sched_yield() }
        }
        let first = try WorkerThread(name: "first") { run(0) }
        let second = try WorkerThread(name: "second") { run(1) }
        first.join()
        second.join()
        #expect(meeting.rounds.withLock { $0 } == [0: rounds, 1: rounds])
    }

    @Test(arguments: [ShellChoice.ring, .poll])
    func aLoopWakesItself(choice: ShellChoice) throws {
        let memory = try BufferMemory(byteCount: 4_096)
        var shell = try Self.makeShell(choice, memory)
        shell.connectWakes([shell.wakeDescriptor])
        var queue = OperationQueue(capacity: 4)
        queue.append(Operation(.wake, token: Token(.wake, slot: 0, generation: 0), descriptor: -1, length: 0))
        shell.submit(&queue)
        #expect(Self.waitForWake(&shell, slot: 0))
    }

    /// A thread without a loop wakes one, again and again, and each wake is told by its slot.
    @Test(arguments: [ShellChoice.ring, .poll])
    func threadsWakeALoop(choice: ShellChoice) throws {
        let memory = try BufferMemory(byteCount: 4_096)
        var shell = try Self.makeShell(choice, memory)
        let wakes = [try ExternalWake(slot: 1), try ExternalWake(slot: 7)]
        for wake in wakes { shell.attach(wake) }
        for round in 0..<100 {
            let wake = wakes[round % 2]
            let thread = try WorkerThread(name: "outside") { wake.signal() }
            #expect(Self.waitForWake(&shell, slot: wake.token.slot))
            thread.join()
        }
        // Signalled before it was attached: not lost.
        let early = try ExternalWake(slot: 9)
        early.signal()
        shell.attach(early)
        #expect(Self.waitForWake(&shell, slot: 9))
    }

    /// A flood of wakes while the loop does not look: it ends, and the next one is still seen.
    @Test(arguments: [ShellChoice.ring, .poll])
    func aFloodOfWakes(choice: ShellChoice) throws {
        let memory = try BufferMemory(byteCount: 4_096)
        var shell = try Self.makeShell(choice, memory)
        let wake = try ExternalWake(slot: 3)
        shell.attach(wake)
        for _ in 0..<10 {
            for _ in 0..<1_000 { wake.signal() }
            #expect(Self.waitForWake(&shell, slot: 3))
        }
    }
}
