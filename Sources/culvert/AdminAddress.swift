import ArgumentParser
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Where a node serves its pages, and how to fetch one.
struct AdminAddress: Equatable {
    /// Longest page that is read.
    static let bytesMax = 256 << 20
    static let timeoutSeconds: Int64 = 10

    var host: String
    var port: Int

    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// `http://host[:port][/]`.
    init?(url: String) {
        guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host, !host.isEmpty,
            parts.path.isEmpty || parts.path == "/"
        else { return nil }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? 80
    }

    /// The page's text. Anything but 200 is said on stderr and ends the program with 1.
    func page(_ path: String) async throws -> String {
        do {
            let answer = try await fetch(path)
            guard answer.status == .ok else {
                throw failure("http://\(host):\(port)\(path) answers \(answer.status): \(answer.text)")
            }
            return answer.text
        } catch let error as ExitCode {
            throw error
        } catch {
            throw failure("http://\(host):\(port)\(path) does not answer: \(error)")
        }
    }

    private func failure(_ message: String) -> ExitCode {
        FileHandle.standardError.write(Data(("culvert: " + message + "\n").utf8))
        return .failure
    }

    private struct Answer {
        var status = HTTPResponseStatus.internalServerError
        var text = ""
    }

    /// The page is longer than anybody wants to read.
    private struct TooLong: Error {}
    private struct TimedOut: Error {}

    private func fetch(_ path: String) async throws -> Answer {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(AdminAddress.timeoutSeconds))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask {
                try await channel.executeThenClose { inbound, outbound in
                    let fields: HTTPHeaders = ["Host": "\(host):\(port)", "Connection": "close"]
                    try await outbound.write(
                        .head(HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: fields)))
                    try await outbound.write(.end(nil))
                    return try await AdminAddress.collect(inbound)
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(AdminAddress.timeoutSeconds))
                throw TimedOut()
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw TimedOut() }
            return answer
        }
    }

    private static func collect(_ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Answer
    {
        var answer = Answer()
        var body = ByteBuffer()
        for try await part in inbound {
            switch part {
            case .head(let head): answer.status = head.status
            case .body(var bytes):
                guard body.readableBytes + bytes.readableBytes <= bytesMax else { throw TooLong() }
                body.writeBuffer(&bytes)
            case .end:
                answer.text = String(decoding: body.readableBytesView, as: UTF8.self)
                return answer
            }
        }
        throw ChannelError.eof
    }
}
