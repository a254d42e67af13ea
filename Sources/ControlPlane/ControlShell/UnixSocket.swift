internal import CLinux
internal import Glibc

/// Listening sockets that have a path: only their owner may connect. One that was left behind by a process that is gone
/// is replaced, one that somebody listens on is not.
enum UnixSocket {
    /// Opens one; `purpose` is what it is, for messages.
    static func listening(at path: String, as purpose: String, backlog: Int32) throws(SystemFault) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SystemFault("open", path) }
        do throws(SystemFault) {
            let address = try UnixSocket.address(path, purpose)
            try removeStale(path, address, kind, purpose)
            let before = umask(0o177)
            let bound = with(address) { bind(descriptor, $0, $1) }
            let number = errno
            umask(before)
            guard bound == 0 else { throw SystemFault("bind the \(purpose)", path, number: number) }
            guard listen(descriptor, backlog) == 0 else { throw SystemFault("listen on the \(purpose)", path) }
        } catch {
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func address(_ path: String, _ purpose: String) throws(SystemFault) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else {
            throw SystemFault("use the \(purpose) (at most \(room - 1) bytes)", path, number: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    private static func with(_ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func removeStale(
        _ path: String, _ address: sockaddr_un, _ kind: Int32, _ purpose: String
    ) throws(SystemFault) {
        let probe = socket(AF_UNIX, kind, 0)
        guard probe >= 0 else { throw SystemFault("open", path) }
        defer { close(probe) }
        if with(address, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN {
            throw SystemFault("take the \(purpose): another process listens on", path, number: EADDRINUSE)
        }
        guard errno == ECONNREFUSED else { return }
        guard unlink(path) == 0 else { throw SystemFault("remove the stale \(purpose)", path) }
    }
}
