package import Model
package import PlaneLink

/// What a node says of itself under `culvert:node:<id>`, for as long as it renews it.
///
/// ```
/// {"Epoch":7,"Weight":1,"Peers":[{"Plane":"data-0","Address":"10.42.0.100:8430"}],"Entrypoints":["10.42.0.100:80"]}
/// ```
package struct NodeLease: Hashable, Sendable {
    /// The oldest start of the node whose entries hold: those of an older epoch are void.
    package var epoch: UInt64
    package var weight: UInt8
    package var peers: [PlaneNode.Peer]
    package var entrypoints: [String]

    package init(epoch: UInt64, weight: UInt8, peers: [PlaneNode.Peer], entrypoints: [String]) {
        self.epoch = epoch
        self.weight = weight
        self.peers = peers
        self.entrypoints = entrypoints
    }

    /// The key of a node's lease, and what all such keys begin with.
    package static func key(_ node: NodeID) -> String { keyPrefix + node.text }
    package static let keyPrefix = "culvert:node:"

    /// The value of the key.
    package var text: String {
        let peers = peers.map {
            "{\"Plane\":\(JSONText.quoted($0.plane)),\"Address\":\(JSONText.quoted($0.address))}"
        }
        return "{\"Epoch\":\(epoch),\"Weight\":\(weight),\"Peers\":[\(peers.joined(separator: ","))],"
            + "\"Entrypoints\":[\(entrypoints.map(JSONText.quoted).joined(separator: ","))]}"
    }

    /// The lease of a key's value; nil when it is none.
    package init?(_ bytes: [UInt8]) {
        guard let value = JSONText.read(bytes), let epoch = value["Epoch"]?.number else { return nil }
        self.epoch = epoch
        weight = UInt8(min(max(value["Weight"]?.number ?? 1, 1), 255))
        peers = (value["Peers"]?.list ?? []).prefix(PlaneNode.peersMax).compactMap { peer in
            guard let plane = peer["Plane"]?.text, let address = peer["Address"]?.text else { return nil }
            return PlaneNode.Peer(plane: plane, address: address)
        }
        entrypoints = (value["Entrypoints"]?.list ?? []).prefix(PlaneNode.peersMax).compactMap(\.text)
    }
}
