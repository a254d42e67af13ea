internal import CLinux
internal import Glibc

/// The Unix socket that data planes connect to. Only its owner may connect; a socket left behind by a process that is
/// gone is replaced, one that somebody listens on is not.
final class PlaneSocket {
    let descriptor: Int32
    private let path: String

    init(path: String) throws(SystemFault) {
        self.path = path
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw SystemFault("open", path) }
        do throws(SystemFault) {
            let address = try PlaneSocket.address(path)
            try PlaneSocket.removeStale(path, address, kind)
            let before = umask(0o177)
            let bound = PlaneSocket.with(address) { bind(descriptor, $0, $1) }
            let number = errno
            umask(before)
            guard bound == 0 else { throw SystemFault("bind the plane socket", path, number: number) }
            guard listen(descriptor, 16) == 0 else { throw SystemFault("listen on the plane socket", path) }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Removes the path: nobody shall find a socket that nobody serves.
    func unlink() { Glibc.unlink(path) }

    private static func address(_ path: String) throws(SystemFault) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else {
            throw SystemFault("use the plane socket (at most \(room - 1) bytes)", path, number: ENAMETOOLONG)
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

    private static func removeStale(_ path: String, _ address: sockaddr_un, _ kind: Int32) throws(SystemFault) {
        let probe = socket(AF_UNIX, kind, 0)
        guard probe >= 0 else { throw SystemFault("open", path) }
        defer { close(probe) }
        if with(address, { connect(probe, $0, $1) }) == 0 || errno == EAGAIN {
            throw SystemFault("take the plane socket: another culvert-control listens on", path, number: EADDRINUSE)
        }
        guard errno == ECONNREFUSED else { return }
        guard Glibc.unlink(path) == 0 else { throw SystemFault("remove the stale plane socket", path) }
    }
}
