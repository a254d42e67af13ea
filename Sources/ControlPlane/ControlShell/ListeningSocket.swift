internal import CLinux
internal import Glibc
package import Settings

/// Opens the TCP sockets that data planes accept on. Whatever is set here is inherited by the connections accepted
/// from them, so that workers need no system call for it.
package enum ListeningSocket {
    /// Connections that may wait to be accepted: also what a data plane's restart may cost nobody.
    static let backlog: Int32 = 4_096
    /// A peer that is gone without a word is noticed after 15 + 3 × 5 s of silence; one of a carrier by data that stays
    /// unacknowledged as well.
    static let keepAliveIdleSeconds: Int32 = 15
    static let keepAliveIntervalSeconds: Int32 = 5
    static let keepAliveCount: Int32 = 3
    /// Unsent bytes that a connection keeps in the kernel (design §3.4): little on a carrier, where a small frame waits
    /// behind them; on a visitor's, so that one that does not read holds some hundred KiB instead of 4 MiB.
    static let carrierUnsentBytes: Int32 = 32_768
    static let visitorUnsentBytes: Int32 = 131_072

    /// Whether nobody listens at the address: bound for a moment without sharing the port.
    package static func isFree(_ address: ListenAddress) throws(SystemFault) -> Bool {
        let descriptor = try socket(for: address).descriptor
        defer { Glibc.close(descriptor) }
        do throws(SystemFault) {
            try bind(descriptor, try resolve(address), address)
            return true
        } catch {
            if error.number == EADDRINUSE { return false }
            throw error
        }
    }

    /// A listening socket that shares its port with the sockets of the other workers. Gives the descriptor and the
    /// port, which the kernel chose where `address` has none. `unacknowledgedMilliseconds` is the limit of this name, for
    /// a carrier's connections; nil: visitors come here.
    static func open(
        _ address: ListenAddress, unacknowledgedMilliseconds: UInt64?
    ) throws(SystemFault) -> (Int32, UInt16) {
        let (descriptor, target) = try socket(for: address)
        do throws(SystemFault) {
            guard culvert_set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) == 0 else {
                throw SystemFault("share the port of", address.written)
            }
            setOptions(descriptor, unacknowledgedMilliseconds)
            try bind(descriptor, target, address)
            guard listen(descriptor, backlog) == 0 else { throw SystemFault("listen on", address.written) }
            return (descriptor, try port(of: descriptor, address))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func setOptions(_ descriptor: Int32, _ unacknowledgedMilliseconds: UInt64?) {
        let tcp = Int32(IPPROTO_TCP)
        _ = culvert_set_option(descriptor, tcp, TCP_NODELAY, 1)
        _ = culvert_set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        _ = culvert_set_option(descriptor, tcp, TCP_KEEPIDLE, keepAliveIdleSeconds)
        _ = culvert_set_option(descriptor, tcp, TCP_KEEPINTVL, keepAliveIntervalSeconds)
        _ = culvert_set_option(descriptor, tcp, TCP_KEEPCNT, keepAliveCount)
        _ = culvert_set_option(
            descriptor, tcp, TCP_NOTSENT_LOWAT,
            unacknowledgedMilliseconds == nil ? visitorUnsentBytes : carrierUnsentBytes)
        guard let unacknowledgedMilliseconds else { return }
        // Not on entrypoints: the kernel counts a window that stays closed as well, and a visitor may pause a download
        // for as long as it likes.
        _ = culvert_set_option(descriptor, tcp, TCP_USER_TIMEOUT, Int32(unacknowledgedMilliseconds))
    }

    /// A socket address of either family, with its length.
    struct Target {
        var storage = sockaddr_storage()
        var length: socklen_t
        var family: Int32
    }

    private static func socket(for address: ListenAddress) throws(SystemFault) -> (descriptor: Int32, target: Target) {
        var target = try resolve(address)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        var descriptor = Glibc.socket(target.family, kind, 0)
        if descriptor < 0, errno == EAFNOSUPPORT, address.host.isEmpty {
            // A kernel without IPv6: every address is every IPv4 address.
            target = try resolve(ListenAddress(host: "0.0.0.0", port: address.port))
            descriptor = Glibc.socket(target.family, kind, 0)
        }
        guard descriptor >= 0 else { throw SystemFault("open a socket for", address.written) }
        _ = culvert_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if target.family == AF_INET6 {
            _ = culvert_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, address.host.isEmpty ? 0 : 1)
        }
        return (descriptor, target)
    }

    /// The first address of the host; every address of both families for none.
    private static func resolve(_ address: ListenAddress) throws(SystemFault) -> Target {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | (address.host.isEmpty ? AI_NUMERICHOST : 0)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_family = address.host.isEmpty ? AF_INET6 : AF_UNSPEC
        var found: UnsafeMutablePointer<addrinfo>?
        let host = address.host.isEmpty ? "::" : address.host
        guard getaddrinfo(host, "\(address.port)", &hints, &found) == 0, let first = found else {
            throw SystemFault("find the host of", address.written, number: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        var target = Target(length: first.pointee.ai_addrlen, family: first.pointee.ai_family)
        withUnsafeMutableBytes(of: &target.storage) {
            $0.copyMemory(
                from: UnsafeRawBufferPointer(start: first.pointee.ai_addr, count: Int(first.pointee.ai_addrlen)))
        }
        return target
    }

    private static func bind(_ descriptor: Int32, _ target: Target, _ address: ListenAddress) throws(SystemFault) {
        let result = withUnsafePointer(to: target.storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, target.length) }
        }
        guard result == 0 else { throw SystemFault("bind", address.written) }
    }

    private static func port(of descriptor: Int32, _ address: ListenAddress) throws(SystemFault) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { throw SystemFault("read the port of", address.written) }
        // Port and family stand at the same place in both families' addresses.
        return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
    }
}

extension ListenAddress {
    /// As a person would write it.
    var written: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
