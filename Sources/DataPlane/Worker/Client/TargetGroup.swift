import Model
package import Primitives

/// The local services behind a tunnel: its forwarder's nodes, which of them a stream may go to, and which have failed
/// of late (protocol tunnel-client §5). Cold: asked once for each stream. All connections of a tunnel share one.
package final class TargetGroup {
    /// Where a local service is.
    package enum Address: Sendable, Hashable {
        /// A name or an IP address; empty is this machine.
        case host(String, port: UInt16)
        /// A stream socket's path, 1 to 107 bytes.
        case unix(InlineText)
    }

    /// One node of the forwarder.
    package struct Node: Sendable, Equatable {
        package var address: Address
        /// Nil takes the streams that no other node's filter takes.
        package var filter: HostFilter?
        package var selection = NodeSelection.Node()

        package init(_ address: Address) { self.address = address }
    }

    package let nodes: [Node]
    /// Version of the PROXY header that the service is sent first: 1 or 2, 0 for none.
    package let proxyVersion: UInt8
    var selection: NodeSelection

    /// `nodes` has 1 to `NodeSelection.countMax` elements.
    package init(_ nodes: [Node], _ strategy: NodeSelection.Strategy = .round, proxyVersion: UInt8 = 0) {
        precondition(proxyVersion <= 2)
        self.nodes = nodes
        self.proxyVersion = proxyVersion
        selection = NodeSelection(strategy, nodes.map(\.selection))
    }

    /// The nodes that may serve a stream for `host`, a bit each: those with the narrowest filter that takes it, else
    /// those without one. None: the stream is refused. The visitor chose the host, so it never says where to dial.
    package func eligible(for host: InlineText) -> UInt64 {
        let host = host.hostFolded
        var narrowest = -1
        var mask: UInt64 = 0
        for (index, node) in nodes.enumerated() {
            if let filter = node.filter, !filter.takes(host) { continue }
            let narrowness = node.filter?.narrowness ?? 0
            if narrowness > narrowest { (narrowest, mask) = (narrowness, 0) }
            if narrowness == narrowest { mask |= 1 << UInt64(index) }
        }
        return mask
    }
}

/// One stream on its way to a local service: which nodes are left to be tried.
struct TargetDial {
    let group: TargetGroup
    /// The stream's; an entry of another generation is a leftover.
    let generation: UInt32
    /// Who comes, and to what port, by the server's word.
    let visitor: SocketAddress
    let port: UInt16
    /// When the server gives up waiting.
    let deadline: Tick
    /// Nodes not tried yet, a bit each.
    var untried: UInt64
    /// The node that is being dialled, and which of its addresses.
    var node = 0
    var addressIndex = 0
    /// The name that has to be resolved first.
    var awaitedName: String?
    /// Why the last attempt came to nothing.
    var failure = Reason.dialFailed
}
