import CLinux
import Glibc
import Operations
import Testing

/// Sockets and files of the real kernel, made directly: what another process would hand to a worker.
enum KernelSockets {
    /// Listens on a loopback address with a port of the kernel's choice, or on an abstract Unix address.
    static func listen(_ family: DialFamily, backlog: Int32) -> Listener {
        var address = DialAddress()
        address.family = family.rawValue
        let descriptor: Int32
        switch family {
        case .ipv4:
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            bind(descriptor, &name)
            readBack(descriptor, &name)
            address.low = 0x7F00_0001
            address.port = UInt16(bigEndian: name.sin_port)
        case .ipv6:
            descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_addr = in6addr_loopback
            bind(descriptor, &name)
            readBack(descriptor, &name)
            address.low = 1
            address.port = UInt16(bigEndian: name.sin6_port)
        case .unix:
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            // An autobound abstract address: a zero byte and five hexadecimal digits.
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = CLinux.bind(descriptor, $0, 2) }
            }
            readBack(descriptor, &name)
            address.setPath(withUnsafeBytes(of: &name.sun_path) { Array($0.prefix(6)) })
        }
        #expect(CLinux.listen(descriptor, backlog) == 0)
        return Listener(descriptor: descriptor, address: address)
    }

    /// Receives datagrams at a loopback address, or (`isDual`) at every address of both families, of which the IPv4
    /// loopback is given.
    static func bindDatagram(_ family: DialFamily, isDual: Bool) -> Listener {
        var address = DialAddress()
        address.family = family.rawValue
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor: Int32
        if family == .ipv4 {
            descriptor = socket(AF_INET, type, 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            bind(descriptor, &name)
            readBack(descriptor, &name)
            address.low = 0x7F00_0001
            address.port = UInt16(bigEndian: name.sin_port)
        } else {
            descriptor = socket(AF_INET6, type, 0)
            #expect(culvert_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isDual ? 0 : 1) == 0)
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_addr = isDual ? in6addr_any : in6addr_loopback
            bind(descriptor, &name)
            readBack(descriptor, &name)
            address.family = (isDual ? DialFamily.ipv4 : .ipv6).rawValue
            address.low = isDual ? 0x7F00_0001 : 1
            address.port = UInt16(bigEndian: name.sin6_port)
        }
        return Listener(descriptor: descriptor, address: address)
    }

    private static func bind<Name>(_ descriptor: Int32, _ name: inout Name) {
        let count = socklen_t(MemoryLayout<Name>.size)
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { CLinux.bind(descriptor, $0, count) }
        }
        #expect(result == 0)
    }

    private static func readBack<Name>(_ descriptor: Int32, _ name: inout Name) {
        var count = socklen_t(MemoryLayout<Name>.size)
        let result = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &count) }
        }
        #expect(result == 0)
    }

    static func pair() -> (left: Int32, right: Int32) {
        var descriptors: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        #expect(socketpair(AF_UNIX, kind, 0, &descriptors) == 0)
        return (descriptors[0], descriptors[1])
    }

    static func file(_ bytes: [UInt8]) -> Int32 {
        let descriptor = culvert_memfd("test")
        #expect(descriptor >= 0)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        return descriptor
    }
}
