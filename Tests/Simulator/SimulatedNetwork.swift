import Primitives

/// Hosts, how far they are from each other, and who listens where.
struct SimulatedNetwork {
    /// One way between two hosts, unless set otherwise; a fifth more by chance.
    var delayMicroseconds: UInt64 = 500
    static let localMicroseconds: UInt64 = 20

    private struct Pair: Hashable {
        let low: Int
        let high: Int

        init(_ left: SimulatedHost, _ right: SimulatedHost) {
            low = min(left.index, right.index)
            high = max(left.index, right.index)
        }
    }

    private struct Place: Hashable {
        /// Unix paths are a host's own; addresses are everybody's.
        let host: Int
        let address: SimulatedAddress
    }

    private(set) var hosts: [SimulatedHost] = []
    private var delays: [Pair: UInt64] = [:]
    private var partitioned: Set<Pair> = []
    private var held: [(pair: Pair, from: SimulatedSocket, event: SimulatedEvent)] = []
    private var listeners: [Place: [SimulatedSocket]] = [:]
    /// Who receives datagrams where.
    private var bound: [SimulatedAddress: SimulatedSocket] = [:]

    mutating func makeHost(high: UInt64, low: UInt64) -> SimulatedHost {
        hosts.append(SimulatedHost(index: hosts.count, high: high, low: low))
        return hosts[hosts.count - 1]
    }

    /// The host that has the address; nil when nobody has.
    func host(of address: SimulatedAddress) -> SimulatedHost? {
        hosts.first { $0.high == address.high && $0.low == address.low } ?? loopback(address)
    }

    /// 127.0.0.0/8 and ::1 are the first host's, for tests of one host.
    private func loopback(_ address: SimulatedAddress) -> SimulatedHost? {
        let isIPv4 = address.high == 0 && address.low >> 24 == 0xFFFF_7F
        let isIPv6 = address.high == 0 && address.low == 1
        return isIPv4 || isIPv6 ? hosts.first : nil
    }

    // MARK: - Distance

    mutating func setDelay(_ microseconds: UInt64, _ left: SimulatedHost, _ right: SimulatedHost) {
        delays[Pair(left, right)] = microseconds
    }

    func nanoseconds(_ left: SimulatedHost, _ right: SimulatedHost, _ random: inout Random) -> UInt64 {
        let microseconds =
            left === right ? SimulatedNetwork.localMicroseconds : delays[Pair(left, right)] ?? delayMicroseconds
        return microseconds * 1_000 + UInt64(random.below(UInt32(microseconds * 200 + 1)))
    }

    mutating func partition(_ left: SimulatedHost, _ right: SimulatedHost) { partitioned.insert(Pair(left, right)) }

    func isPartitioned(_ left: SimulatedHost, _ right: SimulatedHost) -> Bool {
        !partitioned.isEmpty && partitioned.contains(Pair(left, right))
    }

    mutating func hold(_ event: SimulatedEvent, from socket: SimulatedSocket, to host: SimulatedHost) {
        held.append((Pair(socket.host, host), socket, event))
    }

    /// The hosts reach each other again. Returns what was held meanwhile, in order.
    mutating func heal(
        _ left: SimulatedHost, _ right: SimulatedHost
    ) -> [(from: SimulatedSocket, event: SimulatedEvent)] {
        let pair = Pair(left, right)
        partitioned.remove(pair)
        let freed = held.filter { $0.pair == pair }
        held.removeAll { $0.pair == pair }
        return freed.map { ($0.from, $0.event) }
    }

    // MARK: - Datagrams

    mutating func bind(_ socket: SimulatedSocket, at address: SimulatedAddress) {
        precondition(bound[address] == nil, "two sockets at one address")
        bound[address] = socket
    }

    mutating func unbind(_ socket: SimulatedSocket) {
        if bound[socket.name] === socket { bound[socket.name] = nil }
    }

    func receiver(at address: SimulatedAddress) -> SimulatedSocket? { bound[address] }

    // MARK: - Listeners

    private func place(_ address: SimulatedAddress, _ host: SimulatedHost) -> Place {
        Place(host: address.isUnix ? host.index : -1, address: address)
    }

    mutating func listen(_ socket: SimulatedSocket, at address: SimulatedAddress) {
        listeners[place(address, socket.host), default: []].append(socket)
    }

    mutating func unlisten(_ socket: SimulatedSocket) {
        listeners[place(socket.name, socket.host)]?.removeAll { $0 === socket }
    }

    /// Who listens there, seen from `host`; nil when nobody ever did.
    func listeners(at address: SimulatedAddress, from host: SimulatedHost) -> [SimulatedSocket]? {
        listeners[place(address, host)]
    }
}
