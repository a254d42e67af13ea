package import Model
package import Primitives

// Relay addresses from and to text (protocol relay §4.2): cold, for configuration, logs and the admin API.

extension RelayAddress {
    /// `host:port` as both sides of the stock protocol read it: the last colon splits, IPv6 stands in brackets, a text
    /// that cannot be split is a host with port 0. Nil when the port is not a number below 65,536, or the host is longer
    /// than 255 bytes.
    package init?(_ text: String) {
        var hostText = Substring(text)
        var port: UInt16 = 0
        if let (host, portText) = RelayAddress.split(text) {
            guard let number = UInt16(portText), portText.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
                return nil
            }
            hostText = host
            port = number
        }
        if let ip = SocketAddress(host: String(hostText), port: port) {
            self.init(ip)
        } else {
            guard let name = InlineText(String(hostText)) else { return nil }
            self.init(name: name, port: port)
        }
    }

    private static func split(_ text: String) -> (Substring, Substring)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let port = text[text.index(after: colon)...]
        let host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            return (host.dropFirst().dropLast(), port)
        }
        return host.contains(":") ? nil : (host, port)
    }

    /// `192.0.2.1:80`, `[2001:db8::1]:80` or `name:80`.
    package var text: String {
        switch host {
        case .ip(let high, let low): SocketAddress(high: high, low: low, port: port).text
        case .name(let name): "\(name.string):\(port)"
        }
    }
}

extension RelayAddress {
    /// The host as text, without brackets or port.
    package var hostText: InlineText {
        switch host {
        case .ip(let high, let low):
            InlineText(SocketAddress(high: high, low: low, port: 0).hostText) ?? InlineText()
        case .name(let name): name
        }
    }
}

extension SocketAddress {
    /// An IP literal, without brackets or zone, and a port; nil for anything else.
    package init?(host: String, port: UInt16) {
        if let ipv4 = SocketAddress.ipv4(host[...]) {
            self.init(ipv4: ipv4, port: port)
        } else if let (high, low) = SocketAddress.ipv6(host) {
            self.init(high: high, low: low, port: port)
        } else {
            return nil
        }
    }

    private static func ipv4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            let digits = part.utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            // A leading zero would be octal to some readers.
            guard digits.count == 1 || part.first != "0", let number = UInt8(part) else { return nil }
            value = value << 8 | UInt32(number)
        }
        return value
    }

    private static func ipv6(_ text: String) -> (UInt64, UInt64)? {
        guard text.contains(":"), !text.contains("%") else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var rest = text[...]
        if rest.hasPrefix("::") {
            gap = 0
            rest = rest.dropFirst(2)
        } else if rest.hasPrefix(":") {
            return nil
        }
        while !rest.isEmpty {
            let part = rest.prefix { $0 != ":" }
            if part.contains(".") {
                guard part.endIndex == rest.endIndex, let ipv4 = ipv4(part) else { return nil }
                groups += [UInt16(ipv4 >> 16), UInt16(truncatingIfNeeded: ipv4)]
                break
            }
            let isHex = part.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
            guard (1...4).contains(part.utf8.count), isHex, let group = UInt16(part, radix: 16) else { return nil }
            groups.append(group)
            rest = rest[part.endIndex...]
            if rest.hasPrefix("::") {
                guard gap == nil else { return nil }
                gap = groups.count
                rest = rest.dropFirst(2)
            } else if rest.hasPrefix(":") {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { return nil }
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        let halves = stride(from: 0, to: 8, by: 4).map { start in
            groups[start..<start + 4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        }
        return (halves[0], halves[1])
    }
}
