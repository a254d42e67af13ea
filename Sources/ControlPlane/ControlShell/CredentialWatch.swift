internal import CLinux
internal import ControlCore
internal import Foundation
internal import Primitives
internal import Settings

/// The files of credentials: read at the start, and again when they change, which is looked for at each file's period.
/// Owned by the plane loop's thread; a file on a network that hangs keeps that thread, and nobody who is served.
final class CredentialWatch {
    /// What became of a file.
    enum Reading: Equatable {
        case read(CredentialFile)
        /// It cannot be read; what was read before stays in force.
        case failed(String)
    }

    /// What tells that a file is another one than before.
    private struct Mark: Equatable {
        var device: UInt64
        var inode: UInt64
        var bytes: UInt64
        var seconds: Int64
        var nanoseconds: Int64

        /// nil, and `errno`, when nothing can be known of the file.
        init?(_ path: String) {
            var mark = culvert_file_mark()
            guard culvert_mark_file(path, &mark) == 0 else { return nil }
            device = mark.device
            inode = mark.inode
            bytes = mark.bytes
            seconds = mark.seconds
            nanoseconds = mark.nanoseconds
        }
    }

    private struct Watched {
        var auther: Int
        var path: String
        var periodMilliseconds: UInt64
        var mark: Mark?
        var failure: String?
        var next = Tick.zero
    }

    private var files: [Watched]

    /// Watches the files of these authers.
    init(_ authers: [Auther]) {
        files = authers.enumerated().compactMap { index, auther in
            auther.path.map {
                Watched(auther: index, path: $0, periodMilliseconds: auther.reloadMilliseconds)
            }
        }
    }

    /// When `look` has something to do.
    var nextLook: Tick { files.reduce(.never) { min($0, $1.next) } }

    /// Reads what is due and has changed, or fails for another reason than before.
    func look(now: Tick) -> [(auther: Int, path: String, reading: Reading)] {
        var readings: [(auther: Int, path: String, reading: Reading)] = []
        for place in files.indices where files[place].next <= now {
            files[place].next = now.advanced(milliseconds: files[place].periodMilliseconds)
            guard let reading = CredentialWatch.read(&files[place]) else { continue }
            readings.append((files[place].auther, files[place].path, reading))
        }
        return readings
    }

    private static func read(_ file: inout Watched) -> Reading? {
        // Looked at before it is read: a change in between is found the next time.
        guard let mark = Mark(file.path) else { return failed(&file, SystemFault("read", file.path).text) }
        guard mark != file.mark else { return nil }
        guard mark.bytes <= UInt64(ControlLimit.credentialFileBytesMax) else {
            return failed(&file, "\(file.path) is larger than \(ControlLimit.credentialFileBytesMax) bytes")
        }
        guard let bytes = FileManager.default.contents(atPath: file.path) else {
            return failed(&file, SystemFault("read", file.path).text)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return failed(&file, "\(file.path) is not UTF-8 text")
        }
        file.mark = mark
        file.failure = nil
        return .read(CredentialFile(text: text))
    }

    private static func failed(_ file: inout Watched, _ text: String) -> Reading? {
        file.mark = nil
        guard file.failure != text else { return nil }
        file.failure = text
        return .failed(text)
    }
}
