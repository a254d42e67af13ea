internal import Glibc

/// The Unix socket that data planes connect to.
final class PlaneSocket {
    let descriptor: Int32
    private let path: String

    init(path: String) throws(SystemFault) {
        self.path = path
        descriptor = try UnixSocket.listening(at: path, as: "plane socket", backlog: 16)
    }

    deinit { close(descriptor) }

    /// Removes the path: nobody shall find a socket that nobody serves.
    func unlink() { Glibc.unlink(path) }
}
