import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// Visitors that a stock node forwards to our entrypoints because service discovery said that their tunnel is here
// (protocol tunnel-server §9). They are known by the address that they come from, which the control plane told; a PROXY
// header's word does not make anybody one of them.
//
//     HTTP with Gost-Forwarded-Node   served as any other request
//     a raw ClientHello               by its name, as any other
//     a relay CONNECT                 login and host were judged at the node's tunnel port: served by its tunnel's id,
//                                     also where `entrypoint.relay` is off
//
// None of them is forwarded again: this node's connectors take it, on whichever of its data planes, or nobody does. So
// there is one hop, and no loop, however old what the other node knows of us is. HTTP without that field is a visitor's
// own who lives beside the node, and goes wherever it has to.

extension Worker {
    /// Finds out whether a visitor comes from another node, once its address is known.
    @_noLocks
    mutating func recognise(_ slot: UInt32) {
        let visitor = visitors[slot]
        guard visitor.pointee.origin == .unknown else { return }
        visitor.pointee.origin = peers.nodeAddresses.contains(visitor.pointee.source) ? .node : .visitor
    }
}
