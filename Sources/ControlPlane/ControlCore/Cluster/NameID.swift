package import Model
internal import Primitives

/// A name of an ingress as its store has it: the key of a string whose value is the tunnel.
///
/// A host below one of the ingress' domains has its first label for its key, as stock nodes look it up (protocol
/// ingress-sd-plugins §5.2, GetRule); any other host is its own key. So `dash`, `dash.gost.local` and `dash.x.gost.local`
/// are one name, with one owner, and both kinds of node reach it by all of them. Stock nodes store a host inside a domain
/// under its full text, where they do not find it again; it is looked up there as well, after the label.
package struct NameID: Hashable, Sendable {
    package var ingress: IngressIndex
    package var key: String

    package init(ingress: IngressIndex, key: String) {
        self.ingress = ingress
        self.key = key
    }

    /// The key under which a host, in lower case and without a trailing dot, is claimed.
    package static func key(of host: String, domains: [String]) -> String {
        domains.contains { isBelow(host, $0) } ? String(host.prefix { $0 != "." }) : host
    }

    /// The keys under which a host is looked up, in this order.
    package static func keys(of host: String, domains: [String]) -> [String] {
        let key = key(of: host, domains: domains)
        return key == host ? [host] : [key, host]
    }

    /// The hosts by which a key is reached: below every domain, and as it was asked for.
    package static func hosts(of key: String, requested: String, domains: [String]) -> [String] {
        if key.utf8.contains(UInt8(ascii: ".")) { return [key] }
        var hosts = domains.map { "\(key).\($0)" }
        if requested != key, !hosts.contains(requested) { hosts.append(requested) }
        return hosts
    }

    private static func isBelow(_ host: String, _ domain: String) -> Bool {
        host.utf8.count > domain.utf8.count + 1 && host.hasSuffix(domain)
            && host.utf8[host.utf8.index(host.utf8.endIndex, offsetBy: -domain.utf8.count - 1)] == UInt8(ascii: ".")
    }

    /// Spreads names over time, the same in every process.
    var hash: UInt64 { key.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } >> 7 }
}

extension TunnelID {
    /// Spreads tunnels over time, the same in every process.
    var hash: UInt64 { (low ^ high) &* 0x9E37_79B9_7F4A_7C15 >> 20 }

    /// The tunnel of a key of 36 characters; nil for other keys.
    init?(key: ArraySlice<UInt8>) {
        guard key.count == 36, key[key.startIndex + 8] == UInt8(ascii: "-") else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in key.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt64
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt64(byte) - 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt64(byte) - 87
            default: return nil
            }
            if digits < 16 { words.0 = words.0 << 4 | digit } else { words.1 = words.1 << 4 | digit }
            digits += 1
        }
        self.init(high: words.0, low: words.1)
    }
}

extension Route {
    /// The route of a name's value: a tunnel's id, with `$` before it when it is private (protocol ingress-sd-plugins §1);
    /// nil for what is neither.
    init?(value: [UInt8]) {
        let isPrivate = value.first == UInt8(ascii: "$")
        guard value.count <= 64,
            let tunnel = TunnelID(String(decoding: value.dropFirst(isPrivate ? 1 : 0), as: UTF8.self)),
            !tunnel.isZero
        else { return nil }
        self.init(tunnel: tunnel, isPrivate: isPrivate)
    }
}
