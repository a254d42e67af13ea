package import Model

/// A data plane of another node with which one of ours has a link that takes words of control planes.
package struct LinkedPeer: Hashable, Sendable {
    package var node: NodeID
    /// The data plane's name within its node.
    package var plane: String

    package init(node: NodeID, plane: String) {
        self.node = node
        self.plane = plane
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(node)
        writer.put(plane)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        node = try reader.identity()
        plane = try reader.string()
    }
}

/// Words of this node's control plane for another node's, to be carried over the peer link to one of its data planes.
///
/// One at a time goes to each node. The data plane answers each with `peerTold`: it was taken by the other side, which
/// passes it on to its control plane, or it is not known whether it was. What they mean is `PeerWords`; data planes do
/// not look into them. (Capability `words`.)
package struct PeerTelling: Hashable, Sendable {
    /// The control plane's number for it; comes back in the answer.
    package var number: UInt64
    package var peer: LinkedPeer
    /// At most `PeerWords.bytesMax`.
    package var words: [UInt8]

    package init(number: UInt64, peer: LinkedPeer, words: [UInt8]) {
        self.number = number
        self.peer = peer
        self.words = words
    }

    func encode(to writer: inout PlaneByteWriter) {
        precondition(words.count <= PeerWords.bytesMax)
        writer.put(number)
        peer.encode(to: &writer)
        writer.put(bytes: words)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        number = try reader.number()
        peer = try LinkedPeer(from: &reader)
        words = try reader.bytes(atMost: PeerWords.bytesMax)
    }
}
