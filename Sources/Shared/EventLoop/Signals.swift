internal import CLinux
internal import Synchronization

/// Signals as events of a loop: blocked in every thread, taken by one thread that waits for them and wakes a loop.
package enum Signals {
    /// Blocks SIGTERM, SIGINT, SIGHUP and SIGPIPE in the calling thread and in all that it will start. Called before
    /// any thread is.
    package static func block() {
        let blocked = culvert_block_signals()
        precondition(blocked == 0, "signals cannot be blocked")
    }
}

/// Which signals came since they were last taken.
package struct SignalSet: OptionSet, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let terminate = SignalSet(rawValue: 1 << UInt64(SIGTERM))
    package static let interrupt = SignalSet(rawValue: 1 << UInt64(SIGINT))
    package static let hangUp = SignalSet(rawValue: 1 << UInt64(SIGHUP))
}

/// Where the signals that came are noted: looked at in every turn of a loop, so a word in memory and no object.
package struct SignalFlags: BitwiseCopyable, @unchecked Sendable {
    private let came: UnsafeMutablePointer<Atomic<UInt64>>

    /// Lives as long as the process.
    fileprivate init() {
        came = .allocate(capacity: 1)
        came.initialize(to: Atomic(0))
    }

    /// What came since the last call.
    @_noLocks package func take() -> SignalSet {
        guard came.pointee.load(ordering: .relaxed) != 0 else { return SignalSet(rawValue: 0) }
        return SignalSet(rawValue: came.pointee.exchange(0, ordering: .acquiringAndReleasing))
    }

    fileprivate func note(_ signal: Int32) {
        came.pointee.bitwiseOr(1 << UInt64(signal), ordering: .acquiringAndReleasing)
    }
}

/// The thread that waits for signals and wakes a loop. It lives as long as the process.
package final class SignalThread: Sendable {
    /// What came and was not taken yet.
    package let flags = SignalFlags()
    /// Attach it to the loop that is to hear of signals.
    package let wake: ExternalWake

    /// `slot` comes back in the completion's token. `Signals.block` was called before.
    package init(slot: UInt32) throws(ShellFault) {
        wake = try ExternalWake(slot: slot)
        var thread: UInt = 0
        let started = culvert_start_thread(
            &thread, WorkerThread.stackBytes, 1,
            { pointer in
                guard let pointer else { return nil }
                _ = culvert_name_thread("signals")
                Unmanaged<SignalThread>.fromOpaque(pointer).takeRetainedValue().run()
            }, Unmanaged.passRetained(self).toOpaque())
        guard started == 0 else {
            Unmanaged.passUnretained(self).release()
            throw ShellFault(call: .thread, error: started)
        }
    }

    private func run() -> Never {
        while true {
            let signal = culvert_wait_signal()
            guard signal > 0, signal != SIGPIPE else { continue }
            flags.note(signal)
            wake.signal()
        }
    }
}
