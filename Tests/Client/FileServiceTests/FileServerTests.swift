import FileService
import Foundation
import Logging
import Testing

/// The file service behind a real socket: keep-alive, a large file whole, many requests one behind the other.
struct FileServerTests {
    @Test func aConnectionCarriesSeveralRequests() async throws {
        let files = try TemporaryTree()
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = FileServer(
            host: "127.0.0.1", port: 0, tree: try FileTree(directory: files.root), seed: 7, logger: logger,
            listening: { continuation.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let answer = try await Task.detached {
                try Self.exchange(
                    port: port,
                    "GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\n\r\n"
                        + "POST /a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
                        + "HEAD /a.txt HTTP/1.1\r\nHost: x\r\n\r\n"
                        + "GET /out HTTP/1.1\r\nHost: x\r\n\r\n"
                        + "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            }.value
            let text = String(decoding: answer, as: UTF8.self)
            let statuses = text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: true).map { $0.prefix(3) }
            #expect(statuses == ["206", "405", "200", "404", "200"])
            #expect(text.contains("\r\n\r\n234HTTP/1.1 405"))
            #expect(Array(answer.suffix(100_000)) == (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            group.cancelAll()
        }
    }

    /// Sends everything, then reads to the end.
    private static func exchange(port: Int, _ request: String) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafeBytes(of: &address) { bytes in
            connect(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
        try #require(connected == 0)
        let sent = request.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) }
        try #require(sent == request.utf8.count)
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return answer }
            answer += chunk.prefix(count)
        }
    }
}
