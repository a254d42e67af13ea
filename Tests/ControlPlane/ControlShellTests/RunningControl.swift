import ControlShell
import Glibc
import Logging
import Model
import Settings
import Testing

/// A plane server that runs in this process, in a directory of its own.
final class RunningControl: Sendable {
    let path: String
    let mailbox: PlaneMailbox
    private let task: Task<Void, any Error>

    init(path: String, _ configuration: ServerConfiguration) throws {
        self.path = path
        let mailbox = try PlaneMailbox()
        self.mailbox = mailbox
        let server = PlaneServer(
            configuration: configuration, nodeName: "test", socketPath: path, mailbox: mailbox,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        task = Task { try await server.run() }
    }

    func stop() async throws {
        mailbox.stop()
        try await task.value
    }

    func end() async throws { try await task.value }

    static func path() -> String {
        var name = Array("/tmp/culvert-test-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&name))
        return directory + "/plane"
    }

    /// One tcp service with an entrypoint, both on the loopback address.
    static func configuration(tunnelPort: UInt16 = 0, entrypointPort: UInt16 = 0) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        var ingress = IngressTable(name: "ingress-0")
        ingress.dynamic = DynamicIngress()
        ingress.rules = [
            IngressRule(host: ".fixed.example", route: Route(tunnel: TunnelID(high: 1, low: 1), isPrivate: false))
        ]
        configuration.ingresses = [ingress]
        var service = TunnelService(
            name: "service-0", address: ListenAddress(host: "127.0.0.1", port: tunnelPort), carrier: .tcp, ingress: 0)
        service.entrypoints = [
            Entrypoint(address: ListenAddress(host: "127.0.0.1", port: entrypointPort), ingress: 0)
        ]
        configuration.services = [service]
        return configuration
    }
}

/// A connection to a loopback port; -1 when it is refused.
func dial(_ port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port)
    let result = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    if result == 0 { return descriptor }
    close(descriptor)
    return -1
}

func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32 {
    var value: Int32 = -1
    var length = socklen_t(4)
    getsockopt(descriptor, level, name, &value, &length)
    return value
}
