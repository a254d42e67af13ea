/// `host:port`, `:port`, `[v6]:port`, as written; nothing is resolved.
struct HostAndPort: Equatable {
    /// Without brackets; empty when only a port was written.
    var host: String
    var port: UInt16

    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.contains(":") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }) else { return nil }
        guard host.utf8.count <= HostAndPort.hostBytesMax else { return nil }
        self.host = String(host)
        self.port = port
    }

    /// The relay carries a host's length in one byte (protocol relay §4).
    static let hostBytesMax = 255

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// The text that reads back to the same value.
    var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
