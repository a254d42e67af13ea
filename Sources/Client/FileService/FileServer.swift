internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix

/// Serves the files of one directory over HTTP until it is shut down. The transport is Hummingbird's; what is answered is
/// `FileResponder`'s.
package struct FileServer: Sendable {
    /// Connections at once; further ones wait in the kernel's backlog.
    static let connectionsMax = 512
    /// Reads of the disk at once: each holds one chunk.
    static let chunkBytes = 256 << 10
    static let idleSecondsMax: Int64 = 75
    /// Longest request head.
    static let headBytesMax = 32 << 10

    private let host: String
    private let port: Int
    private let responder: FileResponder
    private let logger: Logger
    private let listening: @Sendable (Int) -> Void

    /// - Parameters:
    ///   - host: Where to listen; empty is every address, IPv6 and IPv4.
    ///   - seed: Random; makes the boundary between parts of an answer unguessable.
    ///   - listening: Called once with the port, which matters where 0 was asked for.
    package init(
        host: String, port: UInt16, tree: FileTree, seed: UInt64, logger: Logger,
        listening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.host = host.isEmpty ? FileServer.everyAddress : host
        self.port = Int(port)
        responder = FileResponder(tree: tree, boundary: "part-" + String(seed, radix: 16))
        self.logger = logger
        self.listening = listening
    }

    /// `::` takes IPv4 too; it does not exist where IPv6 is switched off.
    private static var everyAddress: String {
        let hasIPv6 = (try? System.enumerateDevices())?.contains { $0.address?.protocol == .inet6 } ?? false
        return hasIPv6 ? "::" : "0.0.0.0"
    }

    /// Serves until the task is cancelled or its service group shuts down gracefully.
    package func run() async throws {
        let responder = responder
        let listening = listening
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                try await FileServer.respond(to: request, with: responder)
            },
            server: .http1(
                configuration: .init(
                    idleTimeout: .seconds(FileServer.idleSecondsMax),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: FileServer.headBytesMax, maxHeaderListSize: FileServer.headBytesMax,
                        maxHeaderFieldCount: 100))),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(FileServer.connectionsMax)),
            onServerRunning: { channel in listening(channel.localAddress?.port ?? 0) },
            logger: logger)
        try await application.run()
    }

    private static func respond(to request: Request, with responder: FileResponder) async throws -> Response {
        var asked = FileResponder.Request(method: request.method.rawValue, target: request.head.path ?? "")
        asked.range = request.headers[.range]
        asked.ifRange = request.headers[.ifRange]
        asked.ifNoneMatch = request.headers[.ifNoneMatch]
        asked.ifModifiedSince = request.headers[.ifModifiedSince]
        let answer = try await NIOThreadPool.singleton.runIfActive { [asked] in responder.answer(asked) }
        var fields = HTTPFields()
        for (name, value) in answer.fields {
            guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
            fields[name] = value
        }
        fields[.contentLength] = String(answer.length)
        guard !answer.parts.isEmpty else { return Response(status: .init(code: answer.status), headers: fields) }
        return Response(
            status: .init(code: answer.status), headers: fields,
            body: ResponseBody(contentLength: Int(answer.length)) { writer in
                for part in answer.parts { try await write(part, to: &writer) }
                try await writer.finish(nil)
            })
    }

    /// Sends a part, a chunk at a time: the next is read when the last was taken.
    private static func write(_ part: FileAnswer.Part, to writer: inout any ResponseBodyWriter) async throws {
        switch part {
        case .bytes(let bytes): try await writer.write(ByteBuffer(bytes: bytes))
        case .file(let file, let range):
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = Int(min(UInt64(chunkBytes), range.upperBound - offset))
                let chunk = try await NIOThreadPool.singleton.runIfActive { [offset] in
                    var buffer = ByteBuffer()
                    try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { memory in
                        try file.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(count)))
                    }
                    return buffer
                }
                // The file was cut while it was sent: the promised length cannot be kept, so the connection ends.
                guard chunk.readableBytes > 0 else { throw Shortened() }
                offset += UInt64(chunk.readableBytes)
                try await writer.write(chunk)
            }
        }
    }

    /// A file became shorter than what its answer promised.
    private struct Shortened: Error {}
}
