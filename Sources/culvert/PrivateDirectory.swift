import CLinux
import Foundation

/// Directories and files that only their owner may read: they hold tunnel ids, which are secrets.
enum PrivateDirectory {
    struct Fault: Error, Equatable {
        var message: String
    }

    /// Makes the directory, and those above it, with mode 0700. One that exists must be a directory of ours into which
    /// nobody else can write: another user may have put a link there.
    static func make(_ path: String) -> Result<Void, Fault> {
        let above = (path as NSString).deletingLastPathComponent
        if access(above, F_OK) != 0 {
            if case .failure(let fault) = make(above) { return .failure(fault) }
        }
        if mkdir(path, 0o700) == 0 { return .success(()) }
        guard errno == EEXIST else {
            return .failure(Fault(message: "cannot make \(path): \(String(cString: strerror(errno)))"))
        }
        return culvert_is_private_directory(path) != 0
            ? .success(())
            : .failure(Fault(message: "\(path) is not a directory of yours alone: remove it, or `chmod 700` it"))
    }

    /// Writes a file of mode 0600, whole or not at all. Without `replacing`, a file that exists stays as it is, and the
    /// result is false.
    static func write(_ text: String, to path: String, replacing: Bool) -> Result<Bool, Fault> {
        let draft = path + ".\(getpid()).new"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        func fault() -> Fault { Fault(message: "cannot write \(path): \(String(cString: strerror(errno)))") }
        guard descriptor >= 0 else { return .failure(fault()) }
        defer { unlink(draft) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = fault()
                close(descriptor)
                return .failure(reason)
            }
            written += count
        }
        guard fsync(descriptor) == 0, close(descriptor) == 0 else { return .failure(fault()) }
        if replacing { return rename(draft, path) == 0 ? .success(true) : .failure(fault()) }
        if link(draft, path) == 0 { return .success(true) }
        return errno == EEXIST ? .success(false) : .failure(fault())
    }
}
