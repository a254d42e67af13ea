import CLinux
import Glibc
import Model
import Observe
import PlaneLink
import Primitives
import Testing

/// A data plane as the plane socket sees it: real connection, real descriptors, no workers.
final class FakeDataPlane {
    struct Message {
        var message: ControlToData
        var descriptor: Int32?
    }

    let descriptor: Int32
    private var reader = PlaneFrameReader()
    private var arrived: [Int32] = []
    var listeners: [(listener: PlaneListener, descriptor: Int32)] = []
    var table: RouteSnapshotView?
    var connectors: [BoundConnector] = []

    /// Connects; tries again while nobody listens yet.
    init(path: String) throws {
        var connected: Int32 = -1
        for _ in 0..<500 {
            let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 {
                connected = socket
                break
            }
            close(socket)
            // The control plane starts on a thread of its own: as a data plane does, try again in a moment.
            _ = poll(nil, 0, 10)
        }
        try #require(connected >= 0, "nobody listens on the plane socket")
        descriptor = connected
    }

    deinit {
        close(descriptor)
        for (_, socket) in listeners { close(socket) }
    }

    func send(_ message: DataToControl, descriptor shared: Int32? = nil) {
        var bytes: [UInt8] = []
        message.encode(to: &bytes)
        send(bytes, descriptor: shared)
    }

    func send(_ bytes: [UInt8], descriptor shared: Int32? = nil) {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                var vector = iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress! + start),
                    iov_len: buffer.count - start)
                return withUnsafeMutablePointer(to: &vector) { vector -> Int in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    guard var shared, start == 0 else {
                        return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                    }
                    var control = [UInt8](repeating: 0, count: culvert_control_space(1))
                    return control.withUnsafeMutableBytes {
                        message.msg_control = $0.baseAddress
                        message.msg_controllen = $0.count
                        culvert_put_descriptors(&message, &shared, 1)
                        return sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
                    }
                }
            }
            guard count > 0 else { return }
            start += count
        }
    }

    /// Hello, with counters of which the first worker has counted `requests`, and the inventory.
    func greet(
        name: String = "data-0", epoch: UInt64 = 1, workers: Int = 2, requests: UInt64 = 0,
        capabilities: PlaneCapabilities = [.access, .trust]
    ) {
        let file = culvert_memfd("counters")
        let bytes = CounterFile.bytes(workers: workers)
        ftruncate(file, off_t(bytes))
        let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)!
        let pages = CounterFile.format(UnsafeMutableRawBufferPointer(start: mapped, count: bytes), workers: workers)
        pages[0].add(.requests, requests)
        pages[workers - 1].add(.visitorsAccepted, 5)
        pages[0].add(.visitorsClosed, 2)
        pages[0].add(.noRoute, 3)
        munmap(mapped, bytes)
        send(
            .hello(
                DataHello(
                    version: .current, capabilities: capabilities, dataPlaneName: name, processEpoch: epoch,
                    workers: UInt8(workers), processID: 1, countersLayout: CounterFile.layout)), descriptor: file)
        close(file)
        for (listener, socket) in listeners { send(.listenerHeld(listener), descriptor: socket) }
        for bound in connectors { send(.connectorBound(bound)) }
        send(.inventoryEnd)
    }

    /// The next message within two seconds; nil at the end of the link.
    func next() throws -> Message? {
        while true {
            switch reader.next() {
            case .frame(let frame):
                let descriptor = frame.carriesDescriptor ? arrived.removeFirst() : nil
                guard let message = try ControlToData.decode(frame) else { continue }
                if message == .ping {
                    send(.pong)
                    continue
                }
                return Message(message: message, descriptor: descriptor)
            case .broken(let fault): throw fault
            case .needMore: break
            }
            var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            try #require(poll(&polled, 1, 2_000) == 1, "the control plane says nothing")
            if !receive() { return nil }
        }
    }

    private func receive() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var control = [UInt8](repeating: 0, count: culvert_control_space(8))
        let count = buffer.withUnsafeMutableBytes { buffer in
            control.withUnsafeMutableBytes { control in
                var vector = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
                return withUnsafeMutablePointer(to: &vector) { vector -> Int in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    let count = recvmsg(descriptor, &message, Int32(MSG_CMSG_CLOEXEC))
                    var taken = [Int32](repeating: -1, count: 8)
                    if count > 0 {
                        let number = Int(culvert_take_descriptors(&message, &taken, 8))
                        arrived += taken.prefix(number)
                    }
                    return count
                }
            }
        }
        guard count > 0 else { return false }
        reader.receive(Array(buffer[..<count]))
        return true
    }

    /// Takes everything up to the end of the table; gives the other messages.
    func takeTable() throws -> [ControlToData] {
        var others: [ControlToData] = []
        var announced: [(listener: PlaneListener, descriptor: Int32)] = []
        while let message = try next() {
            switch message.message {
            case .listener(let listener):
                announced.append((listener, try #require(message.descriptor)))
            case .listenersEnd:
                for (_, socket) in listeners { close(socket) }
                listeners = announced
            case .routesSnapshot: table = try map(try #require(message.descriptor))
            case .tableEnd(let generation):
                send(.applied(generation: generation))
                return others
            default: others.append(message.message)
            }
        }
        Issue.record("the link ended before the table")
        return others
    }

    private func map(_ file: Int32) throws -> RouteSnapshotView {
        let bytes = Int(lseek(file, 0, SEEK_END))
        let mapped = mmap(nil, bytes, PROT_READ, MAP_SHARED, file, 0)
        #expect(ftruncate(file, 0) != 0, "the table is sealed")
        close(file)
        return try RouteSnapshotView(UnsafeRawBufferPointer(start: mapped, count: bytes))
    }

    /// The next message other than `applied` matters: the answer to a bind.
    func bind(_ ask: UInt64, _ tunnel: TunnelID, host: String = "") throws -> [ControlToData] {
        send(
            .bindAsk(
                BindAsk(
                    ask: ask, connector: ConnectorID(high: 5, low: ask), tunnel: tunnel, service: ServiceIndex(0),
                    requestedHost: .init(host)!, port: 0, isUDP: false, weight: 1, source: .unknown,
                    capabilities: 0)))
        var messages: [ControlToData] = []
        while let message = try next() {
            messages.append(message.message)
            if case .bindAnswer = message.message { return messages }
        }
        return messages
    }

    /// The port of the first listener of this kind.
    func port(isTunnel: Bool) -> UInt16 {
        for (listener, _) in listeners {
            var isOfKind = false
            if case .tunnel = listener.role { isOfKind = true }
            if isOfKind == isTunnel { return UInt16(listener.address.split(separator: ":").last!)! }
        }
        return 0
    }

    /// Accepts on any of the listeners of the port within two seconds.
    func accept(port: UInt16) throws -> Int32 {
        var polled = listeners.filter { $0.listener.address.hasSuffix(":\(port)") }.map {
            pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0)
        }
        try #require(poll(&polled, nfds_t(polled.count), 2_000) > 0, "no connection waits")
        let ready = polled.first { $0.revents != 0 }!
        return Glibc.accept(ready.fd, nil, nil)
    }
}
