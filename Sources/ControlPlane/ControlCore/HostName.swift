package import Primitives

/// A host that a client asked for, in the form in which hosts are compared: lower case, without a trailing dot.
package struct HostName: Hashable, Sendable {
    package let text: String

    /// Longest name (RFC 1035 §2.3.4) and longest label.
    package static let bytesMax = 253
    package static let labelBytesMax = 63

    /// nil for what means "no host asked for": nothing, `0.0.0.0`, `::`, anything with a colon (some client builds
    /// send `0.0.0.0::0`, protocol relay §5), other numeric addresses, and what is no host name at all.
    package init?(requested: InlineText) {
        self.init(requested.string)
    }

    /// The name in lower case and without a final dot; nil when it is no host name.
    package init?(_ written: String) {
        var text = written.lowercased()
        if text.hasSuffix(".") { text.removeLast() }
        guard !text.isEmpty, text.utf8.count <= HostName.bytesMax else { return nil }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ HostName.isLabel($0) }) else { return nil }
        guard !labels.allSatisfy({ $0.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } }) else { return nil }
        self.text = text
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...labelBytesMax).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                byte >= 97 && byte <= 122 || byte >= 48 && byte <= 57 || byte == 45 || byte == 95
            }
    }

    package var hasDot: Bool { text.utf8.contains(UInt8(ascii: ".")) }

    /// The first label, when the name lies below `domain`, which is compared on label boundaries; nil when it does not.
    package func label(below domain: String) -> Substring? {
        guard text.hasSuffix("." + domain), text.utf8.count > domain.utf8.count + 1 else { return nil }
        return text.prefix { $0 != "." }
    }
}
