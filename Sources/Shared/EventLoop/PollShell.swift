internal import CLinux
package import Operations
package import Primitives

/// The shell over epoll, for hosts that forbid io_uring: the same operations, performed when their descriptor is ready.
///
/// An operation is tried when it is submitted and waits only if the kernel says so; epoll then tells when to try again
/// (edge-triggered, both directions of a descriptor registered at once). Each descriptor is given a bounded share of a
/// turn. Everything is in slabs keyed by descriptor: nothing is allocated after start. What a caller sees is what the
/// ring shows: completions, -ENOBUFS that ends a shot, -ECANCELED for what waits on a descriptor that is closed.
///
/// A descriptor may leave for another loop of the process and come back as another file: so a registration is renewed
/// when the first operation starts to wait, and dropped when an event finds nothing waiting. An edge is then never
/// missed, because every operation is tried before it waits.
package struct PollShell: ~Copyable {
    /// Buffers or connections that one descriptor may take in one turn before the others have theirs.
    package static var shareMax: Int { @_noLocks get { 16 } }
    static var eventsMax: Int { @_noLocks get { 256 } }

    let poll: Int32
    let wakeEvent: Int32
    let events: UnsafeMutablePointer<epoll_event>
    var descriptors: WatchedDescriptors
    var pending: PendingOperations
    var buffers: ProvidedStack
    var datagrams: ProvidedStack
    var completions: CompletionQueue
    /// Room that completions of multishot operations leave for those that must have one.
    let reserve: Int
    var wakes = Wakes()
    private var attached: [ExternalWake] = []
    package private(set) var statistics = ShellStatistics()

    /// Throws when the process has no descriptor or no address space left.
    package init(_ configuration: ShellConfiguration) throws(ShellFault) {
        let pendingMax = Int(configuration.descriptorsMax) * 2
        let reserve = pendingMax + Int(configuration.completionEntries)
        guard
            let descriptors = WatchedDescriptors(descriptorsMax: configuration.descriptorsMax),
            let pending = PendingOperations(capacity: pendingMax),
            let buffers = ProvidedStack(geometry: configuration.buffers),
            let datagrams = ProvidedStack(geometry: configuration.datagramBuffers ?? .datagrams(base: 0, count: 1)),
            let completions = CompletionQueue(capacity: reserve + Int(configuration.completionEntries))
        else { throw ShellFault(call: .memory, error: ENOMEM) }
        let poll = culvert_poll()
        guard poll >= 0 else { throw ShellFault(call: .epoll, error: -poll) }
        let wakeEvent: Int32
        do {
            wakeEvent = try Wakes.makeDescriptor()
        } catch {
            _ = culvert_close(poll)
            throw error
        }
        self.poll = poll
        self.wakeEvent = wakeEvent
        self.descriptors = descriptors
        self.pending = pending
        self.buffers = buffers
        self.datagrams = datagrams
        self.completions = completions
        self.reserve = reserve
        events = .allocate(capacity: PollShell.eventsMax)
        let watched = culvert_poll_change(
            poll, EPOLL_CTL_ADD, wakeEvent, UInt32(CULVERT_WATCH), PollShell.wakeWord)
        precondition(watched == 0, "epoll does not take an eventfd")
    }

    deinit {
        _ = culvert_close(poll)
        _ = culvert_close(wakeEvent)
        events.deallocate()
    }

    /// What other loops write to.
    package var wakeDescriptor: Int32 { wakeEvent }

    /// The wake descriptors of all workers, by worker number, once all are up.
    package mutating func connectWakes(_ descriptors: [Int32]) { wakes.connect(descriptors) }

    /// From now on `wake` wakes this loop.
    package mutating func attach(_ wake: ExternalWake) {
        attached.append(wake)
        let word = PollShell.wakeWord + 1 + UInt64(wakes.attach(wake))
        let watched = culvert_poll_change(
            poll, EPOLL_CTL_ADD, wake.descriptor, UInt32(CULVERT_WATCH), word)
        precondition(watched == 0, "epoll does not take an eventfd")
    }

    /// The next completion that is ready.
    @_noLocks
    package mutating func next() -> Completion? {
        guard let completion = completions.next() else { return nil }
        statistics.completions &+= 1
        return completion
    }

    /// Waits until there is a completion or `deadline` is reached, and performs what becomes possible meanwhile. `now` is
    /// the turn's reading of the clock.
    @_noLocks
    package mutating func waitForCompletions(until deadline: Tick, now: Tick) {
        var now = now
        while true {
            turn(timeout: timeout(until: deadline, now: now))
            if !completions.isEmpty || deadline.nanoseconds <= now.nanoseconds { return }
            now = Clock.now()
        }
    }

    /// One system call, and a share for each descriptor that is ready.
    @_noLocks
    private mutating func turn(timeout: Int32) {
        statistics.enters &+= 1
        let count = culvert_poll_wait(poll, events, Int32(PollShell.eventsMax), timeout)
        precondition(count >= 0 || count == -EINTR, "epoll_wait was refused")
        for index in 0..<max(0, count) {
            notice(culvert_event_word(events, index), culvert_event_mask(events, index))
        }
        // Those that are not done with their share are listed anew, for the next turn.
        for _ in 0..<descriptors.countWithWork {
            guard let descriptor = descriptors.nextWithWork() else { break }
            perform(descriptor)
        }
    }

    /// Milliseconds, rounded up: never before the deadline.
    @_noLocks
    private func timeout(until deadline: Tick, now: Tick) -> Int32 {
        if !completions.isEmpty || descriptors.countWithWork > 0 || deadline.nanoseconds <= now.nanoseconds {
            return 0
        }
        if deadline.nanoseconds == .max { return -1 }
        let milliseconds = (deadline.nanoseconds - now.nanoseconds - 1) / 1_000_000 + 1
        return Int32(clamping: milliseconds)
    }
}
