package import Model
import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// One refusal or failure as the log tells it: why, to whom, and what it was about. Trivial: the worker only notes it,
/// the shell makes a line of it.
package struct Refusal: BitwiseCopyable, Sendable {
    package var reason: Reason
    /// `SocketAddress.unknown` when it was refused before its address was read.
    package var source = SocketAddress.unknown
    /// Zero when no tunnel was found. It is a secret: only its short form may be written.
    package var tunnel = TunnelID.zero
    /// The host that was asked for, in lower case; empty when there was none.
    package var host = InlineText()
    /// Refusals for this reason that were not recorded since the last one that was.
    package var suppressed: UInt64 = 0

    @_noLocks
    init(_ reason: Reason) { self.reason = reason }
}

/// Refusals that wait for the shell to log them: a bounded ring, and for each reason a share per window, so that a
/// flood costs a comparison each and never a line each. All its memory is taken at the start.
package struct RefusalLog: ~Copyable {
    /// Records of one reason per window, and how long a window is.
    package static var burst: UInt32 { 10 }
    package static var windowMilliseconds: UInt64 { 10_000 }
    /// Records that may wait; the shell takes them after every turn.
    package static var capacity: Int { 128 }

    // Not private: 6.3 emits broken code for a private type that a generic member of a noncopyable struct holds.
    struct Window: BitwiseCopyable {
        var start = Tick.zero
        var written: UInt32 = 0
        var suppressed: UInt64 = 0
    }

    private let windows: UnsafeMutablePointer<Window>
    private let records: UnsafeMutablePointer<Refusal>
    private var first = 0
    private var count = 0

    init() {
        windows = .allocate(capacity: Reason.allCases.count)
        windows.initialize(repeating: Window(), count: Reason.allCases.count)
        records = .allocate(capacity: RefusalLog.capacity)
    }

    deinit {
        windows.deallocate()
        records.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    /// Whether one more of `reason` is to be recorded at `now`; if not, it is counted with the next that is.
    @_noLocks
    mutating func admits(_ reason: Reason, now: Tick) -> Bool {
        let window = windows + Int(reason.rawValue)
        if now.milliseconds(since: window.pointee.start) >= RefusalLog.windowMilliseconds {
            window.pointee.start = now
            window.pointee.written = 0
        }
        guard window.pointee.written < RefusalLog.burst, count < RefusalLog.capacity else {
            window.pointee.suppressed += 1
            return false
        }
        window.pointee.written += 1
        return true
    }

    /// Records what was admitted.
    @_noLocks
    mutating func append(_ refusal: Refusal) {
        precondition(count < RefusalLog.capacity, "recorded without being admitted")
        let window = windows + Int(refusal.reason.rawValue)
        let place = records + (first + count) % RefusalLog.capacity
        place.initialize(to: refusal)
        place.pointee.suppressed = window.pointee.suppressed
        window.pointee.suppressed = 0
        count += 1
    }

    mutating func take() -> Refusal? {
        guard count > 0 else { return nil }
        defer {
            first = (first + 1) % RefusalLog.capacity
            count -= 1
        }
        return records[first]
    }
}
