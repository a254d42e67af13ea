import CLinux
import EventLoop
import Glibc
import Model
import Synchronization

/// Resolves host names by the system's resolver, a few at a time, on threads that live while there is work: a name whose
/// servers are silent does not keep the others waiting. Who asks gives up by itself; the system has its own patience.
final class Resolver: Sendable {
    /// Called from another thread with the name's addresses, port 0; none when it has none.
    typealias Answer = @Sendable ([SocketAddress]) -> Void

    private struct State {
        var queue: [(name: String, answer: Answer)] = []
        var threads = 0
    }

    private let state = Mutex(State())

    /// Names that may wait; more are answered with "cannot be resolved" at once.
    private static let waitingMax = 256
    private static let threadsMax = 4
    /// Addresses of one name that are told.
    private static let addressesMax = 8

    /// Calls `answer` exactly once.
    func resolve(_ name: String, _ answer: @escaping Answer) {
        enum Next { case refuse, start, wait }
        let next: Next = state.withLock { state in
            guard state.queue.count < Self.waitingMax else { return .refuse }
            state.queue.append((name, answer))
            if state.threads == Self.threadsMax { return .wait }
            state.threads += 1
            return .start
        }
        switch next {
        case .wait: return
        case .refuse: answer([])
        case .start: start()
        }
    }

    private func start() {
        let work = Unmanaged.passRetained(self)
        var thread: UInt = 0
        let started = culvert_start_thread(
            &thread, WorkerThread.stackBytes, 1,
            { pointer in
                guard let pointer else { return nil }
                _ = culvert_name_thread("resolver")
                Unmanaged<Resolver>.fromOpaque(pointer).takeRetainedValue().work()
                return nil
            }, work.toOpaque())
        precondition(started == 0, "no thread could be started")
    }

    private func work() {
        while true {
            let job = state.withLock { state -> (name: String, answer: Answer)? in
                if state.queue.isEmpty {
                    state.threads -= 1
                    return nil
                }
                return state.queue.removeFirst()
            }
            guard let job else { return }
            job.answer(Resolver.look(up: job.name))
        }
    }

    /// The addresses of a name, IPv4 and IPv6 as the system orders them.
    private static func look(up name: String) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0, let list else { return [] }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let current = entry, found.count < addressesMax {
            if let address = address(of: current.pointee), !found.contains(address) { found.append(address) }
            entry = current.pointee.ai_next
        }
        return found
    }

    private static func address(of entry: addrinfo) -> SocketAddress? {
        guard let raw = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                SocketAddress(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr), port: 0)
            }
        case AF_INET6:
            return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { bytes in
                    SocketAddress(
                        high: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), port: 0)
                }
            }
        default: return nil
        }
    }
}
