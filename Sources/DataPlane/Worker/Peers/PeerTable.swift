import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The other data planes, and who we are among them, as worker 0's desk put it together from the control plane's words:
/// immutable, shared by the workers of the process, replaced as a whole. Cold: looked at when it changes and when a peer
/// link is made.
package final class PeerTable: Sendable {
    /// Another data plane: one of another node, or of this one; or a stock node.
    struct Row: Sendable {
        /// What candidates name it by; the same as long as the data plane is known.
        var number: Int
        var node: NodeID
        var plane: InlineText
        /// nil: nobody said where it accepts peer links.
        var address: DialedAddress?
        /// A stock node, whose address is its entrypoint's.
        var isStock = false
        /// Its node's lease is held.
        var isAlive: Bool
        /// Of its node, new at every start of its control plane.
        var epoch: UInt64
        /// Of its node, 1 … 255.
        var weight: UInt8
    }

    let node: NodeID
    let epoch: UInt64
    let plane: InlineText
    let secret: PeerSecret
    let rows: [Row]
    /// Where stock nodes stand; see `NodeAddresses`.
    let stockNodes: [SocketAddress]

    init(
        node: NodeID, epoch: UInt64, plane: InlineText, secret: PeerSecret, rows: [Row],
        stockNodes: [SocketAddress] = []
    ) {
        self.node = node
        self.epoch = epoch
        self.plane = plane
        self.secret = secret
        self.rows = rows
        self.stockNodes = stockNodes
    }
}
