internal import CLinux
internal import ControlCore
internal import Primitives

/// What tells that a file is another one than before.
struct FileMark: Equatable, Sendable {
    private var device: UInt64
    private var inode: UInt64
    private var seconds: Int64
    private var nanoseconds: Int64
    /// Its length.
    private(set) var bytes: UInt64

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

/// A file that is read again when it has changed, which is looked for at its period.
struct WatchedFile {
    /// What a look found.
    enum Look: Equatable {
        case unchanged
        /// To be read. Looked at before it is read: a change in between is found the next time.
        case changed(FileMark)
        /// Nothing can be known of it.
        case failed(String)
    }

    let path: String
    private let periodMilliseconds: UInt64
    private var mark: FileMark?
    private var failure: String?
    /// When to look again.
    private(set) var next = Tick.zero

    init(_ path: String, periodMilliseconds: UInt64) {
        self.path = path
        self.periodMilliseconds = periodMilliseconds
    }

    /// Looks whether the file has changed since it was last judged.
    mutating func look(now: Tick) -> Look {
        next = now.advanced(milliseconds: periodMilliseconds)
        guard let mark = FileMark(path) else { return .failed(SystemFault("read", path).text) }
        return mark == self.mark ? .unchanged : .changed(mark)
    }

    /// The file was read as it was at this mark.
    mutating func read(_ mark: FileMark) {
        self.mark = mark
        failure = nil
    }

    /// The file cannot be used, for a reason of its content (at this mark: it is not read again before it changes) or of
    /// the system. Gives whether the reason is another one than before.
    mutating func failed(_ text: String, at mark: FileMark? = nil) -> Bool {
        self.mark = mark
        guard failure != text else { return false }
        failure = text
        return true
    }
}
