internal import CLinux

/// A thread with a name and a stack of its own, joined by whoever started it.
package struct WorkerThread: ~Copyable {
    /// As much as a main thread has; only what is used becomes resident.
    package static let stackBytes = 8 << 20

    private let thread: UInt

    /// What a thread is started with.
    private final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new thread. The kernel shows the first 15 bytes of `name`.
    package init(name: String, body: @escaping @Sendable () -> Void) throws(ShellFault) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread: UInt = 0
        let started = culvert_start_thread(
            &thread, WorkerThread.stackBytes, 0,
            { pointer in
                guard let pointer else { return nil }
                let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
                _ = culvert_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard started == 0 else {
            start.release()
            throw ShellFault(call: .thread, error: started)
        }
        self.thread = thread
    }

    /// Waits until the thread has ended.
    package consuming func join() {
        let joined = culvert_join_thread(thread)
        precondition(joined == 0, "a thread was joined twice")
    }
}
