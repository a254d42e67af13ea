package import Model

/// What a data plane needs to take part in peer links: whose they are, and the secret by which they know each other.
/// Without it a data plane neither dials nor accepts any. Said ahead of the rows of the table of nodes, and never
/// logged. (Capability `cluster`.)
package struct PlanePeering: Hashable, Sendable {
    /// This node.
    package var node: NodeID
    package var secret: PeerSecret

    package init(node: NodeID, secret: PeerSecret) {
        self.node = node
        self.secret = secret
    }

    /// Where the data plane of a name accepts peer links from others of its node: a Unix socket beside the one that the
    /// control plane listens on.
    package static func socketPath(beside controlPath: String, plane: String) -> String {
        let folder = controlPath.lastIndex(of: "/").map { String(controlPath[...$0]) } ?? ""
        return "\(folder)\(plane).peer"
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(node)
        writer.put(secret.first)
        writer.put(secret.second)
        writer.put(secret.third)
        writer.put(secret.fourth)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        node = try reader.identity()
        let first = try reader.number(UInt64.self)
        let second = try reader.number(UInt64.self)
        let third = try reader.number(UInt64.self)
        secret = PeerSecret(words: [first, second, third, try reader.number()])
    }
}
