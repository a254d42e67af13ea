package import Model

/// One connector as service discovery holds it: a field of its tunnel's hash, named by the connector's id
/// (protocol ingress-sd-plugins §5.3).
///
/// ```
/// {"Node":"…","Network":"tcp","Address":"10.42.0.100:80","Renew":1700000000,"Epoch":7,"Plane":"data-0","Weight":1}
/// ```
///
/// The first four members are those of stock nodes, in their order; ours stand behind them, where stock nodes do not
/// look.
package struct DiscoveryEntry: Hashable, Sendable {
    /// What a Culvert node says more.
    package struct Extra: Hashable, Sendable {
        /// Of the node's start in which the entry was written.
        package var epoch: UInt64
        /// The data plane that holds the connector.
        package var plane: String
        package var weight: UInt8

        package init(epoch: UInt64, plane: String, weight: UInt8) {
            self.epoch = epoch
            self.plane = plane
            self.weight = weight
        }
    }

    package var node: NodeID
    package var isUDP: Bool
    /// Of the node's entrypoint, as stock nodes dial it; empty where it is not known, which stock nodes pass over.
    package var address: String
    /// When it was last renewed, in seconds since 1970 by the clock of its node.
    package var renew: UInt64
    /// nil: written by a stock node.
    package var extra: Extra?

    package init(node: NodeID, isUDP: Bool, address: String, renew: UInt64, extra: Extra?) {
        self.node = node
        self.isUDP = isUDP
        self.address = address
        self.renew = renew
        self.extra = extra
    }

    /// The value of the field.
    package var text: String {
        let network = isUDP ? "udp" : "tcp"
        var text = "{\"Node\":\"\(node.text)\",\"Network\":\"\(network)\",\"Address\":\(JSONText.quoted(address))"
        text += ",\"Renew\":\(renew)"
        if let extra {
            text += ",\"Epoch\":\(extra.epoch),\"Plane\":\(JSONText.quoted(extra.plane)),\"Weight\":\(extra.weight)"
        }
        return text + "}"
    }

    /// The entry of a field's value; nil for what stock nodes would not use either: no node, no address
    /// (protocol ingress-sd-plugins §5.3, Get), or no JSON.
    package init?(_ bytes: [UInt8]) {
        guard let value = JSONText.read(bytes), let nodeText = value["Node"]?.text, !nodeText.isEmpty,
            let address = value["Address"]?.text, !address.isEmpty || value["Epoch"]?.number != nil
        else { return nil }
        // Stock nodes use UUIDs; any other name of a node is still one node.
        node = NodeID(nodeText) ?? NodeID(name: nodeText)
        isUDP = value["Network"]?.text == "udp"
        self.address = address
        renew = value["Renew"]?.number ?? 0
        guard let epoch = value["Epoch"]?.number, let plane = value["Plane"]?.text else { return }
        let weight = value["Weight"]?.number ?? 1
        extra = Extra(epoch: epoch, plane: plane, weight: UInt8(min(max(weight, 1), 255)))
    }
}
