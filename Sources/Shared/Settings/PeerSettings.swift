/// How the data planes of a cluster link with each other: `culvert: {peers: {addr, advertisedHost, secret}}`.
package struct PeerSettings: Hashable, Sendable {
    /// Where the first data plane of the node accepts other nodes' links; the next ones have the ports behind it. Port 0:
    /// ports that the kernel chooses.
    package var address = ListenAddress(host: "", port: PeerSettings.standardPort)
    /// The IP address at which other nodes reach this one; nil: none was named.
    package var advertisedHost: String?
    package var secret: PeerSecretSource

    package static let standardPort: UInt16 = 8_430
    /// Ports from the address' own on that data planes may take.
    package static let portsMax: UInt16 = 16

    package init(secret: PeerSecretSource) { self.secret = secret }

    /// What other nodes are told: the advertised address, or the one that is listened on; nil where both are open.
    package var reachableHost: String? {
        if let advertisedHost { return advertisedHost }
        return ["", "0.0.0.0", "::"].contains(address.host) ? nil : address.host
    }
}

/// Where the secret stands that the data planes of a cluster know each other by. Never printed.
package enum PeerSecretSource: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    case text(String)
    /// The first line of a file.
    case file(path: String)

    /// Length of a secret, in bytes.
    package static let bytes: ClosedRange<Int> = 16...1_024

    /// What is wrong with a secret, without a word of it; nil when nothing is.
    package static func problem(of secret: String) -> String? {
        if bytes.contains(secret.utf8.count) { return nil }
        return "the secret has \(secret.utf8.count) bytes, and needs \(bytes.lowerBound) to \(bytes.upperBound): "
            + "`openssl rand -base64 32` makes one"
    }

    package var description: String {
        switch self {
        case .text: "a secret"
        case .file(let path): "the secret in \(path)"
        }
    }

    package var debugDescription: String { description }
}
