import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Whether a data plane is to end, as its desk knows it.
enum LeaveState: Equatable {
    case no
    /// The control plane was told, and has until then to say what comes of it.
    case asked(until: Tick)
    case draining
}

// Leaving. Whether there is anybody to take over only the control plane knows: `drain` or `dismissed`. Where it is away,
// silent or of an older kind there is nobody, and the process ends at once, as it would if it were killed.

extension PlaneDesk {
    /// How long the control plane may take to answer.
    static var leavePatienceMilliseconds: UInt64 { 1_000 }

    /// The process was asked to end.
    func leaveNode(_ now: Tick) {
        guard leave == .no else { return }
        guard isConnected, controlCapabilities.contains(.leaving) else { return effects.append(.end) }
        send(.leaving)
        leave = .asked(until: now.advanced(milliseconds: PlaneDesk.leavePatienceMilliseconds))
    }

    /// Others take our place.
    func drain() {
        guard leave != .draining else { return }
        leave = .draining
        effects.append(.drain)
    }

    /// Nobody takes our place, as far as anybody can say. A drain that has begun goes on.
    func leaveUnanswered() {
        guard case .asked = leave else { return }
        leave = .no
        effects.append(.end)
    }

    /// Time passed.
    func advanceLeave(_ now: Tick) {
        if case .asked(let until) = leave, until <= now { leaveUnanswered() }
    }
}
