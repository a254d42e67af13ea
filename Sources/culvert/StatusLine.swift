import Glibc
import Synchronization

/// One line at the bottom of a terminal, renewed in place; what is logged goes above it.
final class StatusLine: Sendable {
    /// Nil where stderr is no terminal that can erase a line.
    static let ofTerminal: StatusLine? =
        isatty(STDERR_FILENO) != 0 && getenv("TERM").map({ String(cString: $0) != "dumb" }) == true
        ? StatusLine(write: StatusLine.writeToTerminal) : nil

    private let text = Mutex("")
    private let write: @Sendable (String) -> Void

    /// Carriage return, and the rest of the line erased (ECMA-48, EL).
    private static let erase = "\r\u{1B}[K"

    /// `write` puts bytes on the terminal; calls do not overlap.
    init(write: @escaping @Sendable (String) -> Void) { self.write = write }

    /// The line is this from now on; empty for none.
    func show(_ new: String) {
        text.withLock { text in
            guard text != new else { return }
            text = new
            write(StatusLine.erase + new)
        }
    }

    /// Does what writes whole lines to the terminal, with the status line out of its way.
    func above(_ body: () -> Void) {
        text.withLock { text in
            guard !text.isEmpty else { return body() }
            write(StatusLine.erase)
            body()
            write(text)
        }
    }

    /// Columns of the terminal; 80 where it does not say.
    static var columns: Int {
        var size = winsize()
        let result = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size)
        return result == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private static func writeToTerminal(_ text: String) {
        var text = text
        // Nobody reads a failure to show something.
        _ = text.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
