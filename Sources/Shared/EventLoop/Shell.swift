package import Operations
package import Primitives

/// Which shell a process uses (`--io`).
package enum ShellChoice: String, Sendable, CaseIterable {
    case ring
    case poll
    /// The ring, or readiness when the kernel refuses the ring.
    case auto
}

/// The kernel as a worker's loop sees it: io_uring or epoll behind the same verbs. Made and used on one thread.
///
/// One turn: `submit` what the worker emitted, `waitForCompletions` until its next deadline, hand it every `next`.
package struct Shell: ~Copyable {
    private let ring: UnsafeMutablePointer<RingShell>?
    private let poll: UnsafeMutablePointer<PollShell>?
    /// One line for the log when `auto` had to take readiness: what was refused, and what to do.
    package let notice: String?

    /// Throws when the chosen shell cannot be made; with `auto`, only when neither can.
    ///
    /// The workers of one process must all use the same kind: resolve `auto` once, by `choose`, before they start.
    package init(_ choice: ShellChoice, _ configuration: ShellConfiguration) throws(ShellFault) {
        var ring: UnsafeMutablePointer<RingShell>?
        var notice: String?
        if choice != .poll {
            do {
                ring = try Shell.makeRing(configuration)
            } catch {
                guard choice == .auto else { throw error }
                notice = Shell.notice(of: error)
            }
        }
        poll = ring == nil ? try Shell.makePoll(configuration) : nil
        self.ring = ring
        self.notice = notice
    }

    private static func makeRing(
        _ configuration: ShellConfiguration
    ) throws(ShellFault) -> UnsafeMutablePointer<RingShell> {
        let shell = try RingShell(configuration)
        let place = UnsafeMutablePointer<RingShell>.allocate(capacity: 1)
        place.initialize(to: shell)
        return place
    }

    private static func makePoll(
        _ configuration: ShellConfiguration
    ) throws(ShellFault) -> UnsafeMutablePointer<PollShell> {
        let shell = try PollShell(configuration)
        let place = UnsafeMutablePointer<PollShell>.allocate(capacity: 1)
        place.initialize(to: shell)
        return place
    }

    deinit {
        if let ring {
            ring.deinitialize(count: 1)
            ring.deallocate()
        }
        if let poll {
            poll.deinitialize(count: 1)
            poll.deallocate()
        }
    }

    /// What `choice` comes to on this host: tried with a small ring on the calling thread, which stays free of it.
    /// `notice` is a line for the log when `auto` comes to readiness.
    package static func choose(_ choice: ShellChoice) throws(ShellFault) -> (choice: ShellChoice, notice: String?) {
        if choice == .poll { return (.poll, nil) }
        do {
            try RingSetup.probe()
            return (.ring, nil)
        } catch {
            guard choice == .auto else { throw error }
            return (.poll, notice(of: error))
        }
    }

    private static func notice(of fault: ShellFault) -> String {
        "using readiness (epoll), which costs more per request: \(fault)"
    }

    /// `.ring` or `.poll`.
    package var kind: ShellChoice { ring == nil ? .poll : .ring }

    /// What the other workers' shells need to wake this one.
    package var wakeDescriptor: Int32 {
        if let ring { return ring.pointee.wakeDescriptor }
        return poll.unsafelyUnwrapped.pointee.wakeDescriptor
    }

    /// The wake descriptors of all workers, by worker number, once all are up and before the first `.wake`.
    package mutating func connectWakes(_ descriptors: [Int32]) {
        if let ring { return ring.pointee.connectWakes(descriptors) }
        poll.unsafelyUnwrapped.pointee.connectWakes(descriptors)
    }

    /// From now on `wake` wakes this loop with a `.woken` completion of its token.
    package mutating func attach(_ wake: ExternalWake) {
        if let ring { return ring.pointee.attach(wake) }
        poll.unsafelyUnwrapped.pointee.attach(wake)
    }

    /// Takes the operations of a turn, in order, and empties the queue.
    @_noLocks
    package mutating func submit(_ queue: inout OperationQueue) {
        if let ring { return ring.pointee.submit(&queue) }
        poll.unsafelyUnwrapped.pointee.submit(&queue)
    }

    /// Submits, and waits until there is a completion or `deadline` is reached (`now` is the turn's reading of the
    /// clock). Rarely returns earlier without a completion; a caller goes round.
    @_noLocks
    package mutating func waitForCompletions(until deadline: Tick, now: Tick) {
        if let ring { return ring.pointee.waitForCompletions(until: deadline, now: now) }
        poll.unsafelyUnwrapped.pointee.waitForCompletions(until: deadline, now: now)
    }

    /// The next completion that is ready; nil when the turn has no more.
    @_noLocks
    package mutating func next() -> Completion? {
        if let ring { return ring.pointee.next() }
        return poll.unsafelyUnwrapped.pointee.next()
    }

    /// What this shell has asked of the kernel.
    package var statistics: ShellStatistics {
        @_noLocks get {
            if let ring { return ring.pointee.statistics }
            return poll.unsafelyUnwrapped.pointee.statistics
        }
    }
}
