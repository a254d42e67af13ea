package import Model
internal import Primitives

/// What a plane believes, as a canonical text: sorted, without anything that only one of the planes knows, so that
/// the text of the control plane and that of its data plane are equal when the planes agree.
///
/// Whole tunnel ids are secrets: a tunnel is its short form and a 32-bit hash. Lists longer than `linesMax` are given
/// as their count and digest only.
package struct DumpText: Sendable {
    private var connectors: [String] = []
    private var routes: [String] = []
    private var routeCount = 0
    private var digest: UInt64 = 0
    private var rules = ""

    /// Routes and connectors that are listed one by one, each.
    package static let linesMax = 20_000
    /// Longest piece of a dump in one message, in bytes.
    package static let pieceBytesMax = 32_768

    package init() {}

    /// A connector.
    package mutating func add(_ bound: BoundConnector) {
        var line = "connector \(bound.connector.shortText) tunnel \(DumpText.tunnel(bound.tunnel))"
        line += " service \(bound.service.rawValue) host "
        bound.grantedHost.withBytes { DumpText.append($0, to: &line) }
        line += bound.isUDP ? " udp" : " tcp"
        line += " weight \(bound.weight) from \(bound.source.text)"
        connectors.append(line)
    }

    /// A route: a wildcard's `name` is without its dot, as in `RouteKey`.
    package mutating func add(
        ingress: IngressIndex, isWildcard: Bool, name: UnsafeRawBufferPointer, route: Route
    ) {
        var line = "route \(ingress.rawValue) \(isWildcard ? "." : "")"
        DumpText.append(name, to: &line)
        line += " tunnel \(DumpText.tunnel(route.tunnel))\(route.isPrivate ? " private" : "")"
        routeCount += 1
        // A sum does not depend on the order in which the planes keep their routes.
        digest &+= DumpText.hash(line)
        if routes.count <= DumpText.linesMax { routes.append(line) }
    }

    /// All fixed rules, in a table of their own. A long one is its count and the checksum of its header, which is random: the
    /// planes have the same file or another one, and need not read a million lines to say which.
    package mutating func add(rules: RouteSnapshotView) {
        guard rules.count > DumpText.linesMax else {
            _ = rules.forEach { add(ingress: $0, isWildcard: $1, name: $2, route: $3) }
            return
        }
        self.rules = "rules \(rules.count) table \(String(rules.checksum, radix: 16))\n"
    }

    /// The text: connectors, then routes, each sorted.
    package consuming func finish() -> String {
        var text = "connectors \(connectors.count)\n"
        for line in connectors.sorted().prefix(DumpText.linesMax) { text += line + "\n" }
        text += rules
        text += "routes \(routeCount) digest \(String(digest, radix: 16))\n"
        guard routes.count <= DumpText.linesMax else { return text }
        for line in routes.sorted() { text += line + "\n" }
        return text
    }

    /// The text in pieces that fit into a message each, cut between lines; at least one piece.
    package static func pieces(_ text: String) -> [String] {
        var pieces: [String] = []
        var piece: [UInt8] = []
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
            if piece.count + line.count + 1 > pieceBytesMax, !piece.isEmpty {
                pieces.append(String(decoding: piece, as: UTF8.self))
                piece = []
            }
            piece.append(contentsOf: line)
            piece.append(UInt8(ascii: "\n"))
        }
        pieces.append(String(decoding: piece, as: UTF8.self))
        return pieces
    }

    /// `381433e1…#9f2c01aa`: enough to tell tunnels apart, useless to bind one.
    package static func tunnel(_ tunnel: TunnelID) -> String {
        var state = tunnel.high &* 0x9E37_79B9_7F4A_7C15 ^ tunnel.low
        state = (state ^ state >> 32) &* 0xD6E8_FEB8_6659_FD93
        return tunnel.shortText + "#" + String(UInt32(truncatingIfNeeded: state >> 32), radix: 16)
    }

    private static func append(_ bytes: UnsafeRawBufferPointer, to line: inout String) {
        if bytes.isEmpty { line += "-" }
        for byte in bytes {
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") {
                line.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                line += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
    }

    /// FNV-1a, 64 bits.
    private static func hash(_ line: String) -> UInt64 {
        line.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
