internal import ControlCore
internal import Glibc
internal import PlaneLink
internal import Settings

/// The listening sockets of the node: a copy of every descriptor that a data plane accepts on, so that a connection
/// waits instead of being refused while the data plane is away. Owned by the plane loop's thread.
final class SocketStore {
    private struct Key: Hashable {
        var plane: String
        var id: ListenerID
    }

    private let addresses: [NodePlan.Address]
    private var descriptors: [Key: Int32] = [:]
    private var addressOf: [Key: Int] = [:]
    /// The port the kernel chose, for addresses configured with port 0: the other workers' sockets share it.
    private var chosenPorts: [Int: UInt16] = [:]
    /// Addresses at which somebody else listened when this process started. Opened only after a data plane has brought
    /// a socket of ours for them: with SO_REUSEPORT the kernel would let us share the port with a stranger.
    private(set) var contested: Set<Int> = []

    init(_ addresses: [NodePlan.Address]) { self.addresses = addresses }

    deinit { for descriptor in descriptors.values { close(descriptor) } }

    /// Sockets that are kept.
    var count: Int { descriptors.count }

    /// Looks which addresses are taken. Throws for addresses that cannot be used at all.
    func probe() throws(SystemFault) {
        contested = []
        for (index, address) in addresses.enumerated() where address.address.port != 0 && !isHeld(index) {
            do throws(SystemFault) {
                if try !ListeningSocket.isFree(address.address) { contested.insert(index) }
            } catch {
                throw SystemFault(error.operation, "\(error.subject) for \(address.title)", number: error.number)
            }
        }
    }

    private func isHeld(_ address: Int) -> Bool { addressOf.values.contains(address) }

    /// Opens the socket of an order; gives the address with the port it got.
    func open(_ order: ListenerOrder) throws(SystemFault) -> String {
        let planned = addresses[order.address]
        var address = planned.address
        if address.port == 0, let chosen = chosenPorts[order.address] { address.port = chosen }
        if contested.contains(order.address) {
            guard isHeld(order.address) else { throw SystemFault("listen on", address.written, number: EADDRINUSE) }
            contested.remove(order.address)
        }
        var isCarrier = false
        if case .tunnel = planned.role { isCarrier = true }
        let (descriptor, port) = try ListeningSocket.open(address, isCarrier: isCarrier)
        if planned.address.port == 0 { chosenPorts[order.address] = port }
        address.port = port
        keep(descriptor, Key(plane: order.plane, id: order.id), address: order.address)
        return address.text
    }

    /// Keeps a socket that a data plane brought back.
    func adopt(_ descriptor: Int32, plane: String, id: ListenerID, address: Int, text: String) {
        if addresses[address].address.port == 0, let colon = text.lastIndex(of: ":") {
            chosenPorts[address] = UInt16(text[text.index(after: colon)...])
        }
        keep(descriptor, Key(plane: plane, id: id), address: address)
    }

    private func keep(_ descriptor: Int32, _ key: Key, address: Int) {
        if let old = descriptors.updateValue(descriptor, forKey: key) { close(old) }
        addressOf[key] = address
    }

    func descriptor(plane: String, id: ListenerID) -> Int32? { descriptors[Key(plane: plane, id: id)] }

    /// Closes the sockets of these ids, or all of the data plane's.
    func close(plane: String, _ ids: [ListenerID]?) {
        for key in descriptors.keys where key.plane == plane && (ids?.contains(key.id) ?? true) {
            if let descriptor = descriptors.removeValue(forKey: key) { close(descriptor) }
            addressOf[key] = nil
        }
    }

    private func close(_ descriptor: Int32) { Glibc.close(descriptor) }
}
