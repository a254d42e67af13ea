package import Primitives
package import Simulator

/// A customer's service: answers every complete request by a body that follows from the request's path and body, framed
/// as the path asks. A path is `/<number>/<bytes>/<framing>/<delay in ms>`.
package final class ScriptedOrigin: Scripted {
    /// How an answer's body is framed.
    package enum Framing: String, CaseIterable, Sendable { case length, chunked, close }

    private struct Connection {
        var peer: SimulatedPeer
        var reader = MessageReader(answers: false)
        /// What is still to be written, and when; `closes` ends the connection.
        var waiting: [(time: Tick, bytes: [UInt8], closes: Bool)] = []
        /// Nothing more is read; ends when everything is written.
        var isClosing = false
        var isClosed = false
    }

    private let world: World
    private let listener: SimulatedPeerListener
    private var connections: [Connection] = []
    /// Requests that were complete.
    package private(set) var answered: [String] = []
    /// Connections that ended inside a request.
    package private(set) var cutShort = 0

    package convenience init(_ world: World, _ client: ClientProcess) {
        self.init(world, on: client.host, at: client.target)
    }

    /// Where somebody else than a client of ours reaches it.
    package init(_ world: World, on host: SimulatedHost, at address: SimulatedAddress) {
        self.world = world
        listener = world.kernel.listen(on: host, at: address)
        world.add(self)
    }

    /// The body that answers a request.
    package static func body(_ path: String, _ request: [UInt8]) -> [UInt8] {
        let parts = path.split(separator: "/")
        return Content.bytes(Content.hash(path.utf8) ^ Content.hash(request), Int(parts[1])!)
    }

    package var nextAct: Tick {
        connections.reduce(.never) { $1.isClosed ? $0 : min($0, $1.waiting.first?.time ?? .never) }
    }

    package func act(_ now: Tick) {
        while let peer = listener.accept() { connections.append(Connection(peer: peer)) }
        for index in connections.indices where !connections[index].isClosed { serve(&connections[index], now) }
    }

    private func serve(_ connection: inout Connection, _ now: Tick) {
        connection.reader.feed(connection.peer.take())
        while let request = connection.reader.next(isEnded: false) { answer(request, &connection, now) }
        while let first = connection.waiting.first, first.time <= now {
            connection.waiting.removeFirst()
            if !connection.peer.isReset { connection.peer.write(first.bytes) }
            if first.closes { connection.isClosing = true }
        }
        if connection.isClosing, connection.peer.unsentCount == 0 { return close(&connection) }
        let isIdle = connection.waiting.isEmpty && connection.peer.unsentCount == 0
        if connection.peer.isReset || (connection.peer.isEnded && isIdle) {
            if connection.reader.unreadCount > 0 { cutShort += 1 }
            close(&connection)
        }
    }

    private func close(_ connection: inout Connection) {
        connection.isClosed = true
        connection.peer.close()
    }

    private func answer(_ request: MessageReader.Message, _ connection: inout Connection, _ now: Tick) {
        let path = request.words[1]
        answered.append(path)
        let parts = path.split(separator: "/")
        let body = ScriptedOrigin.body(path, request.body)
        var head = "HTTP/1.1 200 OK\r\nX-Path: \(path)\r\n"
        var pieces: [[UInt8]]
        let half = body.count / 2
        let framing = Framing(rawValue: String(parts[2]))!
        switch framing {
        case .length:
            head += "Content-Length: \(body.count)\r\n\r\n"
            pieces = [Array(body[..<half]), Array(body[half...])]
        case .chunked:
            head += "Transfer-Encoding: chunked\r\n\r\n"
            pieces = [body[..<half], body[half...]].filter { !$0.isEmpty }.map {
                Array("\(String($0.count, radix: 16))\r\n".utf8) + $0 + Array("\r\n".utf8)
            }
            pieces.append(Array("0\r\n\r\n".utf8))
        case .close:
            head += "Connection: close\r\n\r\n"
            pieces = [Array(body[..<half]), Array(body[half...])]
        }
        pieces.insert(Array(head.utf8), at: 0)
        let delay = UInt64(parts[3])!
        var time = connection.waiting.last?.time ?? now
        for (number, piece) in pieces.enumerated() {
            time = time.advanced(milliseconds: delay)
            connection.waiting.append((time, piece, framing == .close && number == pieces.count - 1))
        }
    }
}
