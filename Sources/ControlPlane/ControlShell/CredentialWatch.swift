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

    private struct Watched {
        var auther: Int
        var file: WatchedFile
    }

    private var files: [Watched]

    /// Watches the files of these authers.
    init(_ authers: [Auther]) {
        files = authers.enumerated().compactMap { index, auther in
            auther.path.map {
                Watched(auther: index, file: WatchedFile($0, periodMilliseconds: auther.reloadMilliseconds))
            }
        }
    }

    /// When `look` has something to do.
    var nextLook: Tick { files.reduce(.never) { min($0, $1.file.next) } }

    /// Reads what is due and has changed, or fails for another reason than before.
    func look(now: Tick) -> [(auther: Int, path: String, reading: Reading)] {
        var readings: [(auther: Int, path: String, reading: Reading)] = []
        for place in files.indices where files[place].file.next <= now {
            guard let reading = CredentialWatch.read(&files[place].file, now: now) else { continue }
            readings.append((files[place].auther, files[place].file.path, reading))
        }
        return readings
    }

    private static func read(_ file: inout WatchedFile, now: Tick) -> Reading? {
        let mark: FileMark
        switch file.look(now: now) {
        case .unchanged: return nil
        case .failed(let text): return failed(&file, text)
        case .changed(let changed): mark = changed
        }
        guard mark.bytes <= UInt64(ControlLimit.credentialFileBytesMax) else {
            return failed(&file, "\(file.path) is larger than \(ControlLimit.credentialFileBytesMax) bytes")
        }
        guard let bytes = FileManager.default.contents(atPath: file.path) else {
            return failed(&file, SystemFault("read", file.path).text)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return failed(&file, "\(file.path) is not UTF-8 text")
        }
        file.read(mark)
        return .read(CredentialFile(text: text))
    }

    private static func failed(_ file: inout WatchedFile, _ text: String) -> Reading? {
        file.failed(text) ? .failed(text) : nil
    }
}
