internal import CLinux

/// A thread with a name and a stack of its own, joined by whoever started it.
package struct WorkerThread: ~Copyable {
    /// As much as a main thread has; only what is used becomes resident.
    package static let stackBytes = 8 << 20

    private let thread: pthread_t

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
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        let sized = pthread_attr_setstacksize(&attributes, WorkerThread.stackBytes)
        precondition(sized == 0, "the stack is too small for the C library")
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let made = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                let start = Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue()
                _ = culvert_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard made == 0 else {
            start.release()
            throw ShellFault(call: .thread, error: made)
        }
        self.thread = thread
    }

    /// Waits until the thread has ended.
    package consuming func join() {
        let joined = pthread_join(thread, nil)
        precondition(joined == 0, "a thread was joined twice")
    }
}
