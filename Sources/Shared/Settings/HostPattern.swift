/// The left side of an ingress rule: one host, or with a leading dot a host and every name below it.
struct HostPattern: Equatable {
    /// Lower case, without a trailing dot; `.example.com` for `*.example.com`.
    let text: String

    /// Judges a pattern as written. `*` stands only at the front and is the same as nothing (protocol
    /// ingress-sd-plugins §2.1); there is no catch-all.
    init?(_ written: String) {
        var text = written.lowercased()
        if text.hasPrefix("*") { text.removeFirst() }
        if text.hasSuffix(".") { text.removeLast() }
        let name = text.hasPrefix(".") ? text.dropFirst() : Substring(text)
        guard !name.isEmpty, name.utf8.count <= 253 else { return nil }
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy({ HostPattern.isLabel($0) }) else { return nil }
        self.text = text
    }

    /// Letters, digits, hyphens and underscores, 1 to 63 of them.
    static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
