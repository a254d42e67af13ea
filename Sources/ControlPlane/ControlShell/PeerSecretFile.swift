internal import Foundation
internal import Glibc
internal import Model
internal import Settings

/// Where the secret of peer links comes from.
enum PeerSecretFile {
    /// Largest file that is read, in bytes.
    private static let bytesMax = 4_096

    /// The secret that is configured. A node that names none has one of its own, by which only its own data planes know
    /// each other: made once and kept beside the plane socket, so that a restart of the control plane ends no link.
    static func secret(_ source: PeerSecretSource?, socketPath: String) throws(ControlFault) -> PeerSecret {
        switch source {
        case .text(let text): return PeerSecret(text: text)
        case .file(let path):
            guard let text = read(path) else {
                throw ControlFault("cannot read culvert.peers.secretFile \(path): \(SystemFault.text(errno))")
            }
            if let problem = PeerSecretSource.problem(of: text) { throw ControlFault("\(path): \(problem)") }
            return PeerSecret(text: text)
        case nil: return PeerSecret(text: try kept(beside: socketPath))
        }
    }

    /// The text of a file without the line ends behind it; nil, and `errno`, when there is none.
    private static func read(_ path: String) -> String? {
        errno = 0
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        guard bytes.count <= bytesMax, let text = String(validating: bytes, as: UTF8.self) else {
            errno = EINVAL
            return nil
        }
        let end = text.utf8.lastIndex { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return end.map { String(text[...$0]) } ?? ""
    }

    private static func kept(beside socketPath: String) throws(ControlFault) -> String {
        let folder = socketPath.lastIndex(of: "/").map { String(socketPath[...$0]) } ?? ""
        let path = folder + "peers.secret"
        if let text = read(path), PeerSecretSource.problem(of: text) == nil { return text }
        let made = (0..<4).map { _ in String(ControlClock.random(), radix: 36) }.joined(separator: "-")
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ControlFault(SystemFault("make", path).text) }
        defer { close(descriptor) }
        let count = Array(made.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count == made.utf8.count else { throw ControlFault(SystemFault("write", path).text) }
        return made
    }
}
