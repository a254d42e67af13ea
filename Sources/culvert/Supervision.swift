import Primitives

/// Decides when the processes of a node are started, restarted and ended. Pure: events and instants in, effects out;
/// `Supervisor` performs them.
///
///     waiting ──deadline──▶ running ──ended──▶ waiting …        a configuration fault ends everything
///        │                     │
///        └───────stop──────────┴──▶ stopping ──ended──▶ ended ; after the grace: killed
///
/// A child that ends is started again: at once, then after 0.1 s, doubling to 5 s. Ten seconds of life make good.
struct Supervision {
    static let firstDelayMilliseconds: UInt64 = 100
    static let longestDelayMilliseconds: UInt64 = 5_000
    static let goodLifeMilliseconds: UInt64 = 10_000
    /// From the polite signal to the other one, where nothing else is said.
    static let stopGraceMilliseconds: UInt64 = 5_000
    /// `EX_CONFIG` of sysexits(3): the child says that starting it again is of no use.
    static let configurationExit: Int32 = 78
    /// `EX_UNAVAILABLE` of sysexits(3): something the child needs is not to be had, as a port. At the first start a
    /// person sits there and can mend it; later it is tried again.
    static let unavailableExit: Int32 = 69

    /// How a process ended, or did not begin.
    enum Ending: Equatable {
        case exit(Int32)
        case signal(Int32)
        case notStarted(Int32)
    }

    enum Effect: Equatable {
        case start(Int)
        case terminate(Int)
        case kill(Int)
        /// Tell a person that a child ended and when it is started again.
        case report(Int, Ending, retryMilliseconds: UInt64)
        /// All children are gone; the last effect.
        case finish(Outcome)
    }

    enum Outcome: Equatable {
        case stopped
        /// The child has said why on stderr.
        case configuration(child: Int)
        /// So has this one.
        case unavailable(child: Int)
    }

    private enum Phase {
        case waiting(until: Tick)
        case running(since: Tick)
        case stopping(killAt: Tick)
        case ended
    }

    private struct Child {
        var phase: Phase
        /// Short lives in a row.
        var failures = 0
        var hasEnded = false
        var reportedDelay: UInt64?
    }

    private let stopGraceMilliseconds: UInt64
    private var children: [Child]
    private var outcome: Outcome?

    /// All children are due at once.
    init(count: Int, now: Tick, stopGraceMilliseconds: UInt64 = Supervision.stopGraceMilliseconds) {
        precondition(count > 0)
        self.stopGraceMilliseconds = stopGraceMilliseconds
        children = (0..<count).map { _ in Child(phase: .waiting(until: now)) }
    }

    /// The next instant at which `turn` has something to do.
    var nextDeadline: Tick {
        children.reduce(Tick.never) { earliest, child in
            switch child.phase {
            case .waiting(let instant), .stopping(let instant): min(earliest, instant)
            case .running, .ended: earliest
            }
        }
    }

    /// Starts what is due and kills what overstays its grace.
    mutating func turn(now: Tick) -> [Effect] {
        var effects: [Effect] = []
        for index in children.indices {
            switch children[index].phase {
            case .waiting(let due) where due <= now:
                children[index].phase = .running(since: now)
                effects.append(.start(index))
            case .stopping(let killAt) where killAt <= now:
                children[index].phase = .stopping(killAt: .never)
                effects.append(.kill(index))
            case .waiting, .running, .stopping, .ended: break
            }
        }
        return effects
    }

    /// A child that `start` asked for ended, or could not be started.
    mutating func ended(_ index: Int, _ ending: Ending, now: Tick) -> [Effect] {
        switch children[index].phase {
        case .stopping:
            children[index].phase = .ended
            return finishIfAllEnded()
        case .running(let since):
            if ending == .exit(Supervision.configurationExit) {
                children[index].phase = .ended
                return end(with: .configuration(child: index), now: now)
            }
            if ending == .exit(Supervision.unavailableExit), !children[index].hasEnded {
                children[index].phase = .ended
                return end(with: .unavailable(child: index), now: now)
            }
            children[index].hasEnded = true
            return restart(index, ending, livedMilliseconds: now.milliseconds(since: since), now: now)
        case .waiting, .ended: preconditionFailure("a process ended that was not running")
        }
    }

    /// Everything is to end.
    mutating func stop(now: Tick) -> [Effect] { end(with: .stopped, now: now) }

    private mutating func restart(
        _ index: Int, _ ending: Ending, livedMilliseconds: UInt64, now: Tick
    ) -> [Effect] {
        if livedMilliseconds >= Supervision.goodLifeMilliseconds {
            children[index].failures = 0
            children[index].reportedDelay = nil
        }
        let delay = Supervision.delay(failures: children[index].failures)
        children[index].failures += 1
        children[index].phase = .waiting(until: now.advanced(milliseconds: delay))
        // Each step is said once: a loop at the longest delay is silent after its first line.
        guard children[index].reportedDelay != delay else { return [] }
        children[index].reportedDelay = delay
        return [.report(index, ending, retryMilliseconds: delay)]
    }

    private static func delay(failures: Int) -> UInt64 {
        guard failures > 0 else { return 0 }
        return min(firstDelayMilliseconds << UInt64(min(failures - 1, 16)), longestDelayMilliseconds)
    }

    private mutating func end(with outcome: Outcome, now: Tick) -> [Effect] {
        if self.outcome == nil { self.outcome = outcome }
        var effects: [Effect] = []
        for index in children.indices {
            switch children[index].phase {
            case .waiting: children[index].phase = .ended
            case .running:
                let killAt = now.advanced(milliseconds: stopGraceMilliseconds)
                children[index].phase = .stopping(killAt: killAt)
                effects.append(.terminate(index))
            case .stopping, .ended: break
            }
        }
        return effects + finishIfAllEnded()
    }

    private func finishIfAllEnded() -> [Effect] {
        let isOver = children.allSatisfy { child in
            if case .ended = child.phase { true } else { false }
        }
        guard isOver, let outcome else { return [] }
        return [.finish(outcome)]
    }
}
