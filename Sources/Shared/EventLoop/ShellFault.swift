internal import CLinux

/// Why a loop could not be made, in words for the person who starts the process.
package struct ShellFault: Error, CustomStringConvertible, Sendable, Equatable {
    /// What was refused.
    package enum Call: String, Sendable {
        case kernelVersion = "the kernel's version"
        case setup = "io_uring_setup"
        case features = "io_uring features"
        case registerRing = "io_uring_register (ring descriptor)"
        case registerBuffers = "io_uring_register (buffer ring)"
        case enter = "io_uring_enter"
        case epoll = "epoll_create1"
        case eventfd
        case watch = "epoll_ctl"
        case memory = "mmap"
        case thread = "pthread_create"
        case signals = "pthread_sigmask"
    }

    package let call: Call
    /// The Linux error number; 0 when the kernel was not asked.
    package let error: Int32

    package init(call: Call, error: Int32) {
        self.call = call
        self.error = error
    }

    package var description: String {
        switch (call, error) {
        case (.kernelVersion, _):
            return "io_uring: this kernel is older than 6.1; use kernel 6.1 or newer, or --io poll"
        case (.features, _):
            return "io_uring: this kernel lacks a feature that 6.1 has; use kernel 6.1 or newer, or --io poll"
        case (.setup, EPERM), (.setup, EACCES), (.enter, EPERM), (.enter, EACCES), (.enter, ENOSYS):
            return "io_uring: \(call.rawValue) was refused (\(reason)); likely cause: the container's seccomp profile "
                + "(the default profiles of container runtimes forbid io_uring) or kernel.io_uring_disabled; "
                + "allow io_uring_setup, io_uring_enter and io_uring_register there, or use --io poll"
        case (.setup, ENOSYS):
            return "io_uring: this kernel has no io_uring (\(reason)), or a seccomp profile or sandbox hides it; "
                + "allow io_uring_setup, io_uring_enter and io_uring_register, or use --io poll"
        case (.setup, EINVAL):
            return "io_uring: this kernel does not know the flags that 6.1 has (\(reason)); "
                + "use kernel 6.1 or newer, or --io poll"
        case (_, ENOMEM) where call != .memory:
            return "\(call.rawValue): no memory (\(reason)); raise the locked-memory limit (ulimit -l) or the "
                + "container's memory limit, or use --io poll"
        case (_, EMFILE), (_, ENFILE):
            return "\(call.rawValue): no descriptor left (\(reason)); raise the limit of open files (ulimit -n)"
        default:
            return "\(call.rawValue) failed: \(reason)"
        }
    }

    private var reason: String { "\(String(cString: strerror(error))), error \(error)" }
}
