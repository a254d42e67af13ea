import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

// The addresses of those links that need one, beside the links: an address with its host is a third of a link's size.

extension Worker {
    /// The link's address; empty when it has none.
    @_noLocks
    func address(of linkSlot: UInt32) -> RelayAddress {
        let slot = links[linkSlot].pointee.address
        return slot == .max ? .empty : addresses[slot].pointee
    }

    /// Gives the link an address, in place of the one it had.
    @_noLocks
    mutating func setAddress(_ linkSlot: UInt32, _ address: RelayAddress) {
        let link = links[linkSlot]
        if link.pointee.address != .max {
            addresses[link.pointee.address].pointee = address
            return
        }
        guard let slot = addresses.take(address) else { preconditionFailure("more addresses than links") }
        link.pointee.address = slot
    }

    /// The link needs its address no more.
    @_noLocks
    mutating func forgetAddress(_ linkSlot: UInt32) {
        let slot = links[linkSlot].pointee.address
        guard slot != .max else { return }
        links[linkSlot].pointee.address = .max
        addresses.give(slot)
    }
}
