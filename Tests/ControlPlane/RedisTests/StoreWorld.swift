import Logging
import NIOCore
import NIOEmbedded
import Settings
import StoreVocabulary
import Testing

@testable import Redis

/// A store among servers that are only values: their answers, their faults, and an event loop whose time is given.
final class StoreWorld {
    /// A server or a sentinel.
    final class Server {
        var isDown = false
        /// Takes connections and says nothing.
        var isFrozen = false
        var isReplica = false
        var password: String?
        /// Of a sentinel.
        var master: StoreAddress?
        /// Faults instead of answers, by the command's name.
        var faults: [String: String] = [:]
        /// Connections that were made to it, the latest last.
        var channels: [(channel: EmbeddedChannel, reader: ReplyReader)] = []
        var received: [String] = []

        var living: [EmbeddedChannel] { channels.map(\.channel).filter(\.isActive) }

        func answer(_ words: [String]) -> String {
            let name = words[0]
            received.append(words.joined(separator: " "))
            if let fault = faults[name] { return "-\(fault)\r\n" }
            switch name {
            case "AUTH": return words.last == password ? "+OK\r\n" : "-WRONGPASS no\r\n"
            case "ROLE": return isReplica ? "*1\r\n$5\r\nslave\r\n" : "*1\r\n$6\r\nmaster\r\n"
            case "CLIENT" where words[1] == "ID": return ":7\r\n"
            case "SUBSCRIBE": return "*3\r\n$9\r\nsubscribe\r\n$\(words[1].utf8.count)\r\n\(words[1])\r\n:1\r\n"
            case "SENTINEL":
                guard let master else { return "*-1\r\n" }
                let port = "\(master.port)"
                return "*2\r\n$\(master.host.utf8.count)\r\n\(master.host)\r\n$\(port.utf8.count)\r\n\(port)\r\n"
            default: return "+OK\r\n"
            }
        }

        /// Says something to the connections that subscribed to a channel.
        func publish(_ channel: String, _ payload: String) throws {
            let text = "*3\r\n$7\r\nmessage\r\n$\(channel.utf8.count)\r\n\(channel)\r\n\(payload)"
            for each in subscribers where each.isActive { try each.writeInbound(ByteBuffer(string: text)) }
        }

        var subscribers: [EmbeddedChannel] = []
    }

    let loop = EmbeddedEventLoop()
    var servers: [StoreAddress: Server] = [:]
    var events: [StoreEvent] = []
    private var course: StoreCourse?

    static let first = StoreAddress(host: "10.0.0.1", port: 6_379)
    static let second = StoreAddress(host: "10.0.0.2", port: 6_379)

    static func sentinel(_ number: Int) -> StoreAddress { StoreAddress(host: "10.0.1.\(number)", port: 26_379) }

    /// One server at `first`.
    init() { servers[StoreWorld.first] = Server() }

    var server: Server { at(StoreWorld.first) }

    func at(_ address: StoreAddress) -> Server {
        if let server = servers[address] { return server }
        let server = Server()
        servers[address] = server
        return server
    }

    /// Three sentinels that name `first`.
    func sentinels() -> StoreSettings {
        var settings = StoreSettings()
        settings.addresses = (1...3).map(StoreWorld.sentinel)
        settings.sentinel = StoreSentinel(masterName: "m")
        for address in settings.addresses { at(address).master = StoreWorld.first }
        return settings
    }

    func start(_ settings: StoreSettings? = nil) throws {
        var settings = settings ?? StoreSettings()
        if settings.sentinel == nil { settings.addresses = [StoreWorld.first] }
        let way = RedisWay(settings: settings, limits: StoreLimits(), eventLoop: loop) { [unowned self] in dial($0, $2)
        }
        let course = StoreCourse(StoreID(3), way, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { 0 }
        self.course = course
        course.start { [unowned self] in events.append($0) }
        try turn()
    }

    func stop() { course?.stop() }

    func submit(_ id: UInt64, _ words: String..., milliseconds: Int = 1_000) throws {
        course?.submit(StoreBatch(id: id, commands: words.map { StoreCommand($0) }, deadlineMilliseconds: milliseconds))
        try turn()
    }

    /// Lets time pass in small steps, in which servers answer.
    func pass(milliseconds: Int) throws {
        for _ in 0..<(milliseconds / 10) {
            loop.advanceTime(by: .milliseconds(10))
            try turn()
        }
    }

    /// The events since the last look.
    func told() -> [StoreEvent] {
        defer { events = [] }
        return events
    }

    private func dial(_ address: StoreAddress, _ connection: RedisConnection) -> EventLoopFuture<any Channel> {
        guard let server = servers[address], !server.isDown else {
            return loop.makeFailedFuture(IOError(errnoCode: 111, reason: "connect"))
        }
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        do {
            channel.connect(to: try SocketAddress(ipAddress: address.host, port: Int(address.port)), promise: nil)
        } catch { return loop.makeFailedFuture(error) }
        server.channels.append((channel, ReplyReader(bytesMax: 1 << 20, elementsMax: 1_000)))
        return loop.makeSucceededFuture(channel)
    }

    /// Servers read and answer until nothing is left to say.
    func turn() throws {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for server in Array(servers.values) where !server.isFrozen {
                for (channel, reader) in server.channels where channel.isActive {
                    while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
                        buffer.withUnsafeReadableBytes { reader.feed($0) }
                    }
                    while case .reply(.list(let words), _) = reader.next() {
                        isQuiet = false
                        let texts = words.compactMap { word -> String? in
                            guard case .bytes(let bytes) = word else { return nil }
                            return String(decoding: bytes, as: UTF8.self)
                        }
                        if texts[0] == "SUBSCRIBE" { server.subscribers.append(channel) }
                        let answer = server.answer(texts)
                        if channel.isActive { try channel.writeInbound(ByteBuffer(string: answer)) }
                    }
                }
            }
        }
    }

    /// Ends every connection of a server, as when it dies.
    func kill(_ server: Server) throws {
        server.isDown = true
        for channel in server.living { channel.close(promise: nil) }
        try turn()
    }
}
