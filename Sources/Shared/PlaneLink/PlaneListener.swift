package import Model

/// The number the control plane gave to one listening socket; the same on every message about it.
package struct ListenerID: Hashable, Sendable, BitwiseCopyable {
    package var rawValue: UInt32
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// One listening socket and who accepts on it. The message that carries it carries its descriptor as well.
package struct PlaneListener: Hashable, Sendable {
    /// What the peers of a port are.
    package enum Role: Hashable, Sendable {
        /// Tunnel clients (and relay visitors) of the service.
        case tunnel(ServiceIndex)
        /// Visitors; hosts are looked up in the ingress, metrics are the service's.
        case entrypoint(ServiceIndex, IngressIndex)
        /// Other data planes. Told to data planes of the capability `cluster` only.
        case peers
    }

    package var id: ListenerID
    package var role: Role
    /// Which worker accepts here: every address has one socket per worker.
    package var worker: WorkerIndex
    /// The address as configured, with the kernel's port where port 0 was asked for: for logs and for adoption by a
    /// restarted control plane, which compares it with its configuration.
    package var address: String

    package init(id: ListenerID, role: Role, worker: WorkerIndex, address: String) {
        self.id = id
        self.role = role
        self.worker = worker
        self.address = address
    }

    func encode(to writer: inout PlaneByteWriter) {
        writer.put(id.rawValue)
        switch role {
        case .tunnel(let service):
            writer.put(UInt8(0))
            writer.put(service.rawValue)
            writer.put(UInt16(0))
        case .entrypoint(let service, let ingress):
            writer.put(UInt8(1))
            writer.put(service.rawValue)
            writer.put(ingress.rawValue)
        case .peers:
            writer.put(UInt8(2))
            writer.put(UInt16(0))
            writer.put(UInt16(0))
        }
        writer.put(worker.rawValue)
        writer.put(address)
    }

    init(from reader: inout PlaneByteReader) throws(PlaneFault) {
        id = ListenerID(try reader.number())
        let role = try reader.number(UInt8.self)
        let service = ServiceIndex(try reader.number())
        let ingress = IngressIndex(try reader.number())
        switch role {
        case 0: self.role = .tunnel(service)
        case 1: self.role = .entrypoint(service, ingress)
        case 2: self.role = .peers
        default: throw reader.badValue
        }
        worker = WorkerIndex(try reader.number())
        guard Int(worker.rawValue) < WorkerIndex.countMax else { throw reader.badValue }
        address = try reader.string()
    }
}
