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
        var host = host
        guard var address = host.withUTF8({ AddressText.read(UnsafeRawBufferPointer($0).bytes, 0, $0.count) }) else {
            return nil
        }
        address.port = port
        self = address
    }
}
