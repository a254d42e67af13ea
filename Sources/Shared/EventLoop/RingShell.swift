internal import CLiburing
internal import CLinux
package import Operations
package import Primitives

/// The shell over io_uring: operations become submission entries, one `io_uring_enter` per turn submits them and waits.
///
/// Made and used on one thread (single issuer). Kinds that are done at once, and what goes wrong before the kernel is
/// asked, complete through `early`, before the kernel's completions.
package struct RingShell: ~Copyable {
    let ring: UnsafeMutablePointer<io_uring>
    let isRegistered: Bool
    var provided: ProvidedRings
    /// What the kernel is told of the buffers that datagrams are received into; the same for all.
    let datagramShape: UnsafeMutablePointer<msghdr>
    var tokens: DescriptorTokens
    var early: CompletionQueue
    /// Descriptor messages that are being received, with their addresses.
    var messages = TokenTable()
    /// Shots that accept, with their descriptors plus one.
    var accepts = TokenTable()
    var wakes = Wakes()
    /// Kept alive as long as the ring watches them.
    private var attached: [ExternalWake] = []
    /// Receives fill several buffers at once where the kernel can.
    let bundles: Bool
    /// What is left of a completion that filled several.
    var bundle = ReceiveBundle()
    /// Completions of the kernel that may be read, and how many of them were.
    private var ready: UInt32 = 0
    private var read: UInt32 = 0
    package internal(set) var statistics = ShellStatistics()

    /// Throws when the kernel refuses or is older than 6.1; the text says the likely cause.
    package init(_ configuration: ShellConfiguration) throws(ShellFault) {
        guard
            let tokens = DescriptorTokens(descriptorsMax: configuration.descriptorsMax),
            let early = CompletionQueue(capacity: Int(configuration.completionEntries) * 4)
        else { throw ShellFault(call: .memory, error: ENOMEM) }
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        do {
            try RingSetup.open(ring, configuration: configuration)
        } catch {
            ring.deallocate()
            throw error
        }
        do {
            provided = try ProvidedRings(ring, configuration)
        } catch {
            io_uring_queue_exit(ring)
            ring.deallocate()
            throw error
        }
        datagramShape = .allocate(capacity: 1)
        datagramShape.initialize(to: msghdr())
        self.ring = ring
        self.tokens = tokens
        self.early = early
        bundles = configuration.bundlesReceives && RingBundleProbe.passes()
        // Without its own number in the task's table the ring works as well, a little slower.
        isRegistered = io_uring_register_ring_fd(ring) == 1
    }

    deinit {
        io_uring_queue_exit(ring)
        ring.deallocate()
        datagramShape.deallocate()
    }

    /// What other rings post their wakes to.
    package var wakeDescriptor: Int32 { @_noLocks get { ring.pointee.ring_fd } }

    /// The wake descriptors of all workers, by worker number, once all are up.
    package mutating func connectWakes(_ descriptors: [Int32]) { wakes.connect(descriptors) }

    /// From now on `wake` wakes this loop.
    package mutating func attach(_ wake: ExternalWake) {
        attached.append(wake)
        _ = wakes.attach(wake)
        culvert_prep_watch(entry(), wake.descriptor, wake.token.raw)
    }

    /// Submits what is prepared and waits until there is a completion or `deadline` is reached. `now` is the turn's
    /// reading of the clock.
    @_noLocks
    package mutating func waitForCompletions(until deadline: Tick, now: Tick) {
        var now = now
        giveBack()
        while true {
            if !early.isEmpty || deadline.nanoseconds <= now.nanoseconds {
                enter(wait: 0, timeout: -1)
                return
            }
            let timeout = deadline.nanoseconds == .max ? -1 : Int64(clamping: deadline.nanoseconds - now.nanoseconds)
            enter(wait: 1, timeout: timeout)
            if skipOwn() { return }
            now = Clock.now()
        }
    }

    /// Passes over the shell's own completions; true when one of the worker's is there.
    @_noLocks
    private mutating func skipOwn() -> Bool {
        var count = culvert_ready(ring)
        while count > 0, culvert_completion(ring, 0).unsafelyUnwrapped.pointee.user_data == RingShell.ownToken {
            culvert_advance(ring, 1)
            count -= 1
        }
        return count > 0
    }

    /// The next completion that is ready.
    @_noLocks
    package mutating func next() -> Completion? {
        if let completion = early.next() {
            statistics.completions &+= 1
            return completion
        }
        if let completion = nextOfBundle() { return completion }
        while true {
            if read == ready {
                giveBack()
                ready = culvert_ready(ring)
                if ready == 0 { return nil }
            }
            let entry = culvert_completion(ring, read).unsafelyUnwrapped.pointee
            read += 1
            if let completion = interpret(entry.user_data, entry.res, entry.flags) {
                statistics.completions &+= 1
                return completion
            }
        }
    }

    /// Tells the kernel which of its completions were read.
    @_noLocks
    private mutating func giveBack() {
        if read > 0 { culvert_advance(ring, read) }
        read = 0
        ready = 0
    }

    /// One system call: submits, runs deferred work, perhaps waits.
    @_noLocks
    mutating func enter(wait: UInt32, timeout: Int64) {
        provided.publish()
        statistics.enters &+= 1
        let result = culvert_enter(ring, isRegistered ? 1 : 0, wait, timeout)
        // ETIME: the deadline. EINTR: a debugger or a stop. EBUSY, EAGAIN: completions must be read first, the entries
        // stay for the next turn. Everything else means that the ring is not what we believe.
        precondition(
            result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN,
            "io_uring_enter was refused")
    }

    /// Moves the kernel's completions out of its way, when it takes no more entries before they are read.
    @_noLocks
    mutating func drain() {
        giveBack()
        let count = culvert_ready(ring)
        for offset in 0..<count {
            let entry = culvert_completion(ring, offset).unsafelyUnwrapped.pointee
            if let completion = interpret(entry.user_data, entry.res, entry.flags) { early.append(completion) }
            while let completion = nextOfBundle() { early.append(completion) }
        }
        culvert_advance(ring, count)
    }
}

/// What a shell counts.
package struct ShellStatistics: BitwiseCopyable, Sendable {
    /// System calls that wait or submit.
    package var enters: UInt64 = 0
    package var completions: UInt64 = 0
}
