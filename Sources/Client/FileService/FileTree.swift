internal import CLinux
internal import Glibc

/// A served directory. Everything is opened beneath its descriptor, so that neither a name nor a symbolic link leads out
/// of it, whatever is renamed meanwhile.
package final class FileTree: Sendable {
    private let root: OpenFile

    /// A directory that cannot be served, and why.
    package struct Fault: Error, Equatable {
        package var message: String
    }

    /// Why a path gives no file.
    enum Refusal: Error, Equatable { case notFound, forbidden, busy }

    /// Opens the directory; fails where it does not exist, is none, or cannot be read.
    package init(directory: String) throws(Fault) {
        let descriptor = Glibc.open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0, let root = OpenFile(adopting: descriptor) else {
            throw Fault(message: "cannot serve files from `\(directory)`: \(String(cString: strerror(errno)))")
        }
        self.root = root
    }

    /// Opens what the path names. A link that leads out of the directory is as good as absent.
    func open(_ path: FilePath) -> Result<OpenFile, Refusal> {
        var name = Array(path.steps.joined(separator: [UInt8(ascii: "/")]))
        if name.isEmpty { name = [UInt8(ascii: ".")] }
        name.append(0)
        var descriptor: Int32 = -1
        // A rename elsewhere in the tree may disturb the kernel's walk: it then asks to be called again.
        for _ in 0..<8 {
            descriptor = name.withUnsafeBytes {
                culvert_open_beneath(root.descriptor, $0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
            guard descriptor < 0, errno == EAGAIN || errno == EINTR else { break }
        }
        if descriptor < 0, errno == ENOSYS || errno == EPERM { descriptor = walk(path) }
        guard descriptor >= 0 else { return .failure(FileTree.refusal(errno)) }
        guard let file = OpenFile(adopting: descriptor) else { return .failure(.notFound) }
        return file.kind == .other ? .failure(.forbidden) : .success(file)
    }

    /// For kernels and sandboxes without openat2: step by step, following no link at all.
    func walk(_ path: FilePath) -> Int32 {
        var descriptor = culvert_open_step(root.descriptor, ".")
        for step in path.steps where descriptor >= 0 {
            let next = (step + [0]).withUnsafeBytes {
                culvert_open_step(descriptor, $0.baseAddress!.assumingMemoryBound(to: CChar.self))
            }
            let number = errno
            close(descriptor)
            errno = number
            descriptor = next
        }
        return descriptor
    }

    private static func refusal(_ number: Int32) -> Refusal {
        switch number {
        case EACCES, EPERM: .forbidden
        case EMFILE, ENFILE, ENOMEM: .busy
        default: .notFound
        }
    }
}
