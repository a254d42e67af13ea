package import Model

/// Where else than on this data plane a tunnel has connectors, best first.
///
/// Replaces what was said of the tunnel before; without candidates nobody else has it. Sent after a lookup, and from
/// then on whenever it changes. A data plane whose own connectors fail, or that has none, tries the candidates in the
/// order of their standing, and within one standing by weight. What it finds out itself about a peer link (suspect,
/// refused) is its own knowledge and comes on top. After a new connection to the control plane, candidates from before
/// stay in use, and the tunnel is looked up again with its next visitor, who does not wait for it. (Capability
/// `cluster`.)
package struct RemoteTunnel: Hashable, Sendable {
    package var tunnel: TunnelID
    /// At most `Candidate.perTunnelMax`.
    package var candidates: [Candidate]

    package init(tunnel: TunnelID, candidates: [Candidate]) {
        self.tunnel = tunnel
        self.candidates = candidates
    }

    func encode(to writer: inout PlaneByteWriter) {
        precondition(candidates.count <= Candidate.perTunnelMax)
        writer.put(tunnel)
        writer.put(count: candidates.count)
        for candidate in candidates { candidate.encode(to: &writer) }
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        tunnel = try reader.identity()
        let count = try reader.count()
        guard count <= Candidate.perTunnelMax else { throw reader.badValue }
        candidates = []
        for _ in 0..<count { candidates.append(try Candidate(from: &reader)) }
    }
}

/// One data plane of a node that has connectors of a tunnel.
package struct Candidate: Hashable, Sendable, BitwiseCopyable {
    /// How good a candidate is; lower is better.
    package enum Standing: UInt8, Sendable, BitwiseCopyable, CaseIterable {
        case preferred
        /// There is a connector of weight 255 elsewhere, which takes all new streams (protocol tunnel-server §5).
        case outweighed
        /// It is not where it was registered, but the store may only have lost it.
        case suspect
        /// Its node's lease is gone.
        case lastResort
    }

    /// Index of its row in the table of nodes.
    package var node: UInt16
    /// Place of the data plane in the row's `peers`; of the address in `entrypoints` for a stock node.
    package var place: UInt8
    package var isUDP: Bool
    /// Sum of the weights of its connectors, 1 … 65,535.
    package var weight: UInt16
    package var standing: Standing

    /// Candidates of one tunnel that are told; beyond, the worst are left out.
    package static let perTunnelMax = 64

    package init(node: UInt16, place: UInt8, isUDP: Bool, weight: UInt16, standing: Standing) {
        self.node = node
        self.place = place
        self.isUDP = isUDP
        self.weight = weight
        self.standing = standing
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(node)
        writer.put(place)
        writer.put(isUDP)
        writer.put(weight)
        writer.put(standing.rawValue)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        node = try reader.number()
        place = try reader.number()
        isUDP = try reader.bool()
        weight = try reader.number()
        // A standing that only a newer control plane knows is not a good one.
        standing = Standing(rawValue: try reader.number()) ?? .lastResort
    }
}
