import CLinux
import EventLoop
import Glibc
import Model
import Synchronization

/// Resolves host names by the system's resolver, one after the other, on a thread that lives while there is work.
final class Resolver: Sendable {
    private struct State {
        var queue: [(name: String, answer: @Sendable (SocketAddress?) -> Void)] = []
        var isRunning = false
    }

    private let state = Mutex(State())

    /// Names that may wait; more are answered with "cannot be resolved" at once.
    private static let waitingMax = 256

    /// Calls `answer` from another thread, with port 0; nil when the name has no address.
    func resolve(_ name: String, _ answer: @escaping @Sendable (SocketAddress?) -> Void) {
        enum Next { case refuse, start, wait }
        let next: Next = state.withLock { state in
            guard state.queue.count < Self.waitingMax else { return .refuse }
            state.queue.append((name, answer))
            if state.isRunning { return .wait }
            state.isRunning = true
            return .start
        }
        switch next {
        case .wait: return
        case .refuse: answer(nil)
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
            let job = state.withLock { state -> (name: String, answer: @Sendable (SocketAddress?) -> Void)? in
                if state.queue.isEmpty {
                    state.isRunning = false
                    return nil
                }
                return state.queue.removeFirst()
            }
            guard let job else { return }
            job.answer(Resolver.look(up: job.name))
        }
    }

    /// The first address of a name, IPv4 or IPv6 as the system orders them.
    private static func look(up name: String) -> SocketAddress? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0, let list else { return nil }
        defer { freeaddrinfo(list) }
        var entry: UnsafeMutablePointer<addrinfo>? = list
        while let current = entry {
            if let address = address(of: current.pointee) { return address }
            entry = current.pointee.ai_next
        }
        return nil
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
