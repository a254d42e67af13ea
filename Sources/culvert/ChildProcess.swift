import CLinux
import Glibc

/// A process to start: its file and arguments.
struct ChildCommand: Equatable, Sendable {
    /// For messages: `culvert-data data-0`.
    var name: String
    var file: String
    /// Without the file itself.
    var arguments: [String]
}

/// A started process. It has our stdout and stderr and no other descriptor, its own process group, so that a terminal's
/// interrupt reaches only us, and the signals as a fresh process has them.
///
/// The kernel ends a supervised child when the *thread* that started it ends: `start` belongs on a thread that lives as
/// long as the process.
struct ChildProcess: ~Copyable {
    let id: pid_t
    /// Readable when the process has ended.
    let descriptor: Int32

    /// Starts the process, or says why the kernel would not.
    static func start(_ command: ChildCommand) -> Result<ChildProcess, StartFault> {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        culvert_close_from(&actions, 3)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var id: pid_t = 0
        let arguments = ([command.file] + command.arguments).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let result = posix_spawn(&id, command.file, &actions, &attributes, arguments, environ)
        guard result == 0 else { return .failure(StartFault(number: result)) }
        let descriptor = culvert_pidfd(id)
        guard descriptor >= 0 else {
            let number = errno
            kill(id, SIGKILL)
            waitpid(id, nil, 0)
            return .failure(StartFault(number: number))
        }
        return .success(ChildProcess(id: id, descriptor: descriptor))
    }

    private init(id: pid_t, descriptor: Int32) {
        self.id = id
        self.descriptor = descriptor
    }

    /// The kernel's error number.
    struct StartFault: Error {
        var number: Int32
    }

    func send(_ signal: Int32) { kill(id, signal) }

    /// How it ended, once its descriptor is readable; no zombie is left.
    consuming func reap() -> Supervision.Ending {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        close(descriptor)
        let signal = status & 0x7F
        return signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
    }
}
