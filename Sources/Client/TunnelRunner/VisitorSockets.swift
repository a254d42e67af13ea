import CLinux
import Glibc
import Operations
package import Settings

/// The local sockets of a client's visitor services: opened before anything runs, so that a port that is taken is told at
/// once; the runner's worker then owns them.
package struct VisitorSockets: Sendable {
    /// Why one could not be opened, in words for whoever chose the port.
    package struct Fault: Error, Equatable {
        package var message: String
    }

    /// One service's socket.
    struct Opened: Sendable {
        var descriptor: Int32
        var family: DialFamily
    }

    /// By service, in their order.
    let opened: [Opened]

    /// Connections that may wait to be accepted.
    private static let backlog: Int32 = 1_024

    /// Opens and binds a socket for every service, listening where it is for connections.
    package init(_ services: [VisitorService]) throws(Fault) {
        var opened: [Opened] = []
        do throws(Fault) {
            for service in services { opened.append(try VisitorSockets.open(service)) }
        } catch {
            for socket in opened { close(socket.descriptor) }
            throw error
        }
        self.opened = opened
    }

    /// The first address of the service's host that can be bound; every address of both families for none.
    private static func open(_ service: VisitorService) throws(Fault) -> Opened {
        let type = Int32(service.isUDP ? SOCK_DGRAM.rawValue : SOCK_STREAM.rawValue)
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = type
        var number: Int32 = EADDRNOTAVAIL
        // A kernel without IPv6: every address is every IPv4 address.
        for host in service.address.host.isEmpty ? ["::", "0.0.0.0"] : [service.address.host] {
            var list: UnsafeMutablePointer<addrinfo>?
            guard getaddrinfo(host, "\(service.address.port)", &hints, &list) == 0 else { continue }
            defer { freeaddrinfo(list) }
            var entry = list
            while let current = entry {
                let result = open(current.pointee, service)
                if result >= 0 {
                    return Opened(descriptor: result, family: current.pointee.ai_family == AF_INET ? .ipv4 : .ipv6)
                }
                number = -result
                entry = current.pointee.ai_next
            }
            if number != EAFNOSUPPORT && number != EADDRNOTAVAIL { break }
        }
        let host = service.address.host.contains(":") ? "[\(service.address.host)]" : service.address.host
        throw Fault(
            message: "\(service.name): cannot listen at \(service.isUDP ? "udp" : "tcp")://\(host):"
                + "\(service.address.port): \(String(cString: strerror(number))); choose another address or port")
    }

    /// A descriptor, or an error number, negated.
    private static func open(_ entry: addrinfo, _ service: VisitorService) -> Int32 {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(entry.ai_family, entry.ai_socktype | flags, 0)
        guard descriptor >= 0 else { return -errno }
        if entry.ai_family == AF_INET6 {
            let isOnly: Int32 = service.address.host.isEmpty ? 0 : 1
            _ = culvert_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isOnly)
        }
        // Accepted connections inherit what is set here.
        culvert_tune_socket(descriptor)
        if !service.isUDP { _ = culvert_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
        guard bind(descriptor, entry.ai_addr, entry.ai_addrlen) == 0,
            service.isUDP || listen(descriptor, backlog) == 0
        else {
            let number = errno
            close(descriptor)
            return -number
        }
        return descriptor
    }
}
