package import Model

/// One row of the table of nodes, to which the candidates of remote tunnels refer by its index.
///
/// Rows are sent before the first candidate that needs them and again whenever they change; a row with the same index
/// replaces the one before. Indices are those of one control plane process (`ControlHello.nodeEpoch`): when another
/// process answers, the data plane keeps its rows and candidates in use, finds rows again by `id`, and takes the new
/// index. A row whose `isAlive` is false makes all its candidates a last resort, without a word about each of them.
/// (Capability `cluster`.)
package struct PlaneNode: Hashable, Sendable {
    /// How a node is reached.
    package enum Kind: UInt8, Sendable, CaseIterable {
        /// By peer links to the addresses in `peers`.
        case culvert
        /// As GOST reaches it: the visitor's bytes to the address in `entrypoints` (protocol tunnel-server §9).
        case stock
        /// This node itself: its other data planes, found by their names in `peers`, whose addresses are empty.
        case own
    }

    /// One data plane of a node, where peer links to it are accepted.
    package struct Peer: Hashable, Sendable {
        /// The data plane's name.
        package var plane: String
        /// `10.42.0.100:8430`.
        package var address: String

        package init(plane: String, address: String) {
            self.plane = plane
            self.address = address
        }
    }

    package var index: UInt16
    package var id: NodeID
    package var kind: Kind
    /// Of the node's last start; peer links compare it. 0 for a stock node.
    package var epoch: UInt64
    /// Its lease is held, or, for a stock node, a young entry of it was seen not long ago; what comes from the addresses
    /// of its entrypoints is then forwarded by it.
    package var isAlive: Bool
    /// How many of the visitors it wants, relative to the others: 1 … 255.
    package var weight: UInt8
    /// At most `peersMax`; a candidate's `plane` is a place in this list.
    package var peers: [Peer]
    /// At most `peersMax`.
    package var entrypoints: [String]

    /// Data planes, and entrypoints, of one node.
    package static let peersMax = 16

    package init(
        index: UInt16, id: NodeID, kind: Kind, epoch: UInt64, isAlive: Bool, weight: UInt8, peers: [Peer],
        entrypoints: [String]
    ) {
        self.index = index
        self.id = id
        self.kind = kind
        self.epoch = epoch
        self.isAlive = isAlive
        self.weight = weight
        self.peers = peers
        self.entrypoints = entrypoints
    }

    func encode(to writer: inout PlaneByteWriter) {
        precondition(peers.count <= PlaneNode.peersMax && entrypoints.count <= PlaneNode.peersMax)
        writer.put(index)
        writer.put(id)
        writer.put(kind.rawValue)
        writer.put(epoch)
        writer.put(isAlive)
        writer.put(weight)
        writer.put(count: peers.count)
        for peer in peers {
            writer.put(peer.plane)
            writer.put(peer.address)
        }
        writer.put(count: entrypoints.count)
        for entrypoint in entrypoints { writer.put(entrypoint) }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        index = try reader.number()
        id = try reader.identity()
        guard let kind = Kind(rawValue: try reader.number()) else { throw reader.badValue }
        self.kind = kind
        epoch = try reader.number()
        isAlive = try reader.bool()
        weight = try reader.number()
        peers = []
        entrypoints = []
        let peerCount = try reader.count()
        guard peerCount <= PlaneNode.peersMax else { throw reader.badValue }
        for _ in 0..<peerCount { peers.append(Peer(plane: try reader.string(), address: try reader.string())) }
        let entrypointCount = try reader.count()
        guard entrypointCount <= PlaneNode.peersMax else { throw reader.badValue }
        for _ in 0..<entrypointCount { entrypoints.append(try reader.string()) }
    }
}
