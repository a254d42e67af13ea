package import Primitives

/// `filter.host` of a target: which hosts, as the server sent them, are meant for it (protocol tunnel-client §5.5).
/// Compared without regard to case, and on label boundaries: `.example.com` does not take `badexample.com`.
package struct HostFilter: Sendable, Equatable {
    /// Lower case, without a trailing dot; with a leading one it takes the name itself and every name below it.
    private let text: InlineText

    /// `*.example.com` is the same as `.example.com`. Nil for an empty text and for one beyond 255 bytes.
    package init?(_ written: String) {
        var written = Substring(written)
        if written.hasPrefix("*") { written = written.dropFirst() }
        guard let text = InlineText(String(written))?.hostFolded, !text.isEmpty, text != InlineText(".") else {
            return nil
        }
        self.text = text
    }

    private var isSuffix: Bool { text[0] == UInt8(ascii: ".") }

    /// How narrow the filter is: an exact name before every suffix, a longer suffix before a shorter one.
    package var narrowness: Int { isSuffix ? Int(text.count) : 1_024 }

    /// Whether the host, which is folded (`InlineText.hostFolded`), is meant.
    package func takes(_ host: InlineText) -> Bool {
        guard isSuffix else { return host == text }
        let whole = Int(host.count), tail = Int(text.count)
        // The name itself is the suffix without its dot.
        guard whole >= tail - 1 else { return false }
        let skipped = whole >= tail ? 0 : 1
        for index in skipped..<tail where host[whole - tail + index] != text[index] { return false }
        return true
    }
}
