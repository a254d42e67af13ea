import CLinux
import Foundation
import Glibc
import Logging
import Model
import Settings
import Synchronization
import Testing

@testable import ControlShell

/// A plane server that runs in this process on a thread of its own, in a directory of its own. Everything here blocks:
/// nothing depends on what else the test process is busy with.
final class RunningControl: Sendable {
    /// What a thread leaves for another one.
    final class Answer<Value: Sendable>: Sendable {
        private let value = Mutex<Value?>(nil)
        private let isThere = DispatchSemaphore(value: 0)

        func give(_ given: Value) {
            value.withLock { $0 = given }
            isThere.signal()
        }

        func take() throws -> Value {
            try #require(isThere.wait(timeout: .now() + 10) == .success, "no answer within ten seconds")
            return value.withLock { $0! }
        }
    }

    private let mailbox: PlaneMailbox
    private let result = Answer<ControlFault?>()

    init(path: String, _ configuration: ServerConfiguration) throws {
        let mailbox = try PlaneMailbox()
        self.mailbox = mailbox
        let server = PlaneServer(
            configuration: configuration, nodeName: "test", socketPath: path, mailbox: mailbox,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result = self.result
        Thread {
            do throws(ControlFault) {
                try server.serve()
                result.give(nil)
            } catch {
                result.give(error)
            }
        }.start()
    }

    func stop() throws {
        mailbox.stop()
        try end()
    }

    /// Waits for the end; throws what it ended with.
    func end() throws {
        if let fault = try result.take() { throw fault }
    }

    func status() throws -> ControlStatus {
        let answer = Answer<ControlStatus>()
        #expect(mailbox.put(.status { answer.give($0) }))
        return try answer.take()
    }

    func dump() -> Answer<ControlDump> {
        let answer = Answer<ControlDump>()
        #expect(mailbox.put(.dump { answer.give($0) }))
        return answer
    }

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
