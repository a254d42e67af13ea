import CLinux
import Glibc
import Settings
import Testing

@testable import ControlShell

@Suite struct ListeningSocketTests {
    private func option(_ descriptor: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, Int32(IPPROTO_TCP), name, &value, &length) == 0 ? value : -1
    }

    /// What the connections inherit: a visitor that pauses its download is not given up, a tunnel client that
    /// acknowledges nothing is.
    @Test(arguments: [12_345, nil] as [UInt64?]) func onlyCarriersAreTimed(milliseconds: UInt64?) throws {
        let (descriptor, port) = try ListeningSocket.open(
            ListenAddress(host: "127.0.0.1", port: 0), unacknowledgedMilliseconds: milliseconds)
        defer { close(descriptor) }
        #expect(port > 0)
        #expect(option(descriptor, TCP_USER_TIMEOUT) == Int32(milliseconds ?? 0))
        #expect(option(descriptor, TCP_NODELAY) == 1)
        #expect(option(descriptor, TCP_NOTSENT_LOWAT) == (milliseconds == nil ? 131_072 : 32_768))
    }
}
