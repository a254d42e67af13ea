internal import ControlCore
internal import Glibc
internal import Model
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
    /// The limit of this name, for carriers.
    private let unacknowledgedMilliseconds: UInt64
    private var descriptors: [Key: Int32] = [:]
    private var pointOf: [Key: ListenPoint] = [:]
    /// The port the kernel chose, for shared addresses configured with port 0: the other workers' sockets share it.
    private var chosenPorts: [Int: UInt16] = [:]
    /// Shared addresses at which somebody else listened when this process started. Opened only after a data plane has
    /// brought a socket of ours for them: with SO_REUSEPORT the kernel would let us share the port with a stranger.
    private(set) var contested: Set<Int> = []

    init(
        _ addresses: [NodePlan.Address],
        unacknowledgedMilliseconds: UInt64 = Limit.unacknowledgedMilliseconds.row.standard
    ) {
        self.addresses = addresses
        self.unacknowledgedMilliseconds = unacknowledgedMilliseconds
    }

    deinit { for descriptor in descriptors.values { close(descriptor) } }

    /// Sockets that are kept.
    var count: Int { descriptors.count }

    /// Looks which shared addresses are taken. Throws for addresses that cannot be used at all.
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

    private func isHeld(_ address: Int) -> Bool { pointOf.values.contains(.shared(address)) }

    /// Opens the socket of an order; gives the address with the port it got, or the path.
    func open(_ order: ListenerOrder) throws(SystemFault) -> String {
        let key = Key(plane: order.plane, id: order.id)
        switch order.point {
        case .shared(let index): return try openShared(index, key)
        case .peers(let address): return try openPeers(address, key)
        case .siblings(let path):
            let descriptor = try UnixSocket.listening(
                at: path, as: "socket for other data planes", backlog: ListeningSocket.backlog)
            keep(descriptor, key, point: order.point)
            return path
        }
    }

    private func openShared(_ index: Int, _ key: Key) throws(SystemFault) -> String {
        let planned = addresses[index]
        var address = planned.address
        if address.port == 0, let chosen = chosenPorts[index] { address.port = chosen }
        if contested.contains(index) {
            guard isHeld(index) else { throw SystemFault("listen on", address.written, number: EADDRINUSE) }
            contested.remove(index)
        }
        var unacknowledged: UInt64?
        if case .tunnel = planned.role { unacknowledged = unacknowledgedMilliseconds }
        let (descriptor, port) = try ListeningSocket.open(address, unacknowledgedMilliseconds: unacknowledged)
        if planned.address.port == 0 { chosenPorts[index] = port }
        address.port = port
        keep(descriptor, key, point: .shared(index))
        return address.text
    }

    /// A port that only this data plane has.
    private func openPeers(_ configured: ListenAddress, _ key: Key) throws(SystemFault) -> String {
        let held = pointOf.lazy.compactMap { other, point -> ListenAddress? in
            if case .peers(let address) = point, other.plane == key.plane { address } else { nil }
        }.first
        var address = configured.port == 0 ? held ?? configured : configured
        // With SO_REUSEPORT the kernel would let us share it with a stranger, or with another data plane.
        if address.port != 0, held != address, try !ListeningSocket.isFree(address) {
            throw SystemFault("listen on", address.written, number: EADDRINUSE)
        }
        let (descriptor, port) = try ListeningSocket.open(
            address, unacknowledgedMilliseconds: unacknowledgedMilliseconds)
        address.port = port
        keep(descriptor, key, point: .peers(address))
        return address.text
    }

    /// Keeps a socket that a data plane brought back.
    func adopt(_ descriptor: Int32, plane: String, id: ListenerID, point: ListenPoint, text: String) {
        if case .shared(let index) = point, addresses[index].address.port == 0, let colon = text.lastIndex(of: ":") {
            chosenPorts[index] = UInt16(text[text.index(after: colon)...])
        }
        keep(descriptor, Key(plane: plane, id: id), point: point)
    }

    private func keep(_ descriptor: Int32, _ key: Key, point: ListenPoint) {
        if let old = descriptors.updateValue(descriptor, forKey: key) { close(old) }
        pointOf[key] = point
    }

    func descriptor(plane: String, id: ListenerID) -> Int32? { descriptors[Key(plane: plane, id: id)] }

    /// Keeps a socket under another name.
    func move(plane: String, _ id: ListenerID, to heir: String, _ newID: ListenerID) {
        let key = Key(plane: plane, id: id), newKey = Key(plane: heir, id: newID)
        guard let descriptor = descriptors.removeValue(forKey: key), let point = pointOf.removeValue(forKey: key) else {
            preconditionFailure("the core moves a socket that is not kept")
        }
        keep(descriptor, newKey, point: point)
    }

    /// Closes the sockets of these ids, or all of the data plane's.
    func close(plane: String, _ ids: [ListenerID]?) {
        for key in descriptors.keys where key.plane == plane && (ids?.contains(key.id) ?? true) {
            if let descriptor = descriptors.removeValue(forKey: key) { close(descriptor) }
            // Nobody shall find a socket that nobody serves.
            if case .siblings(let path) = pointOf.removeValue(forKey: key) { unlink(path) }
        }
    }

    private func close(_ descriptor: Int32) { Glibc.close(descriptor) }
}
