@testable import Model
@testable import Primitives
@testable import Wire

/// Reads one direction of a captured conversation through all its layers, as the side that receives it would: upgrade,
/// WebSocket frames, relay message, then mux frames, or the payload itself.
///
/// Heads are gathered; everything below them is handed on in the pieces in which it came, so that every reader meets
/// every split.
struct ConversationReader {
    enum Kind { case http, bind, connect }

    enum Event: Equatable {
        case upgrade(String)
        case request(RelayCommand, RelayNetwork, TunnelID, user: String, destination: RelayAddress?)
        case response(status: UInt8, RelayAddress?, isConnector: Bool)
        case frame(SmuxStep)
        /// Payload of a stream, or of the conversation itself (stream 0), joined as long as nothing comes between.
        case data(stream: UInt32, [UInt8])
        case ping, pong
        case close(UInt16)
        case fault(String)
    }

    private(set) var events: [Event] = []
    /// What the layers carried, for comparing with what our writers make of it.
    private(set) var carried: [UInt8] = []
    private(set) var muxed: [UInt8] = []

    private let role: WebSocketReader.Role
    private let kind: Kind
    private var awaitsUpgrade: Bool
    private var webSocket: WebSocketReader?
    private var awaitsRelay: Bool
    private var smux: SmuxReader?
    private var head: [UInt8] = []

    init(role: WebSocketReader.Role, isWebSocket: Bool, kind: Kind) {
        self.role = role
        self.kind = kind
        awaitsUpgrade = isWebSocket
        webSocket = isWebSocket ? WebSocketReader(role: role) : nil
        awaitsRelay = kind != .http
    }

    mutating func feed(_ piece: [UInt8]) {
        var piece = piece
        if awaitsUpgrade {
            head += piece
            guard let count = readUpgrade() else { return }
            piece = Array(head[count...])
            head = []
            awaitsUpgrade = false
        }
        if webSocket == nil { feedCarried(piece) } else { feedFrames(piece) }
    }

    private mutating func readUpgrade() -> Int? {
        switch role {
        case .server:
            guard case .head(let read) = HTTPRequestHead.read(head.span.bytes, limit: 16_000) else { return nil }
            let path = InlineText(head.span.bytes, read.target.lower, read.target.upper) ?? InlineText()
            guard case .accept = WebSocketUpgrade.judge(read, head.span.bytes, path: path) else {
                events.append(.fault("upgrade"))
                return nil
            }
            events.append(.upgrade(path.string))
            return read.byteCount
        case .client:
            guard
                case .head(let read) = HTTPAnswerHead.read(
                    head.span.bytes, limit: 16_000, method: .get, askedUpgrade: true)
            else { return nil }
            events.append(.upgrade("\(read.status)"))
            return read.byteCount
        }
    }

    private mutating func feedFrames(_ piece: [UInt8]) {
        var memory = piece
        var cursor = 0
        while true {
            let step = memory.withUnsafeMutableBytes { webSocket!.next($0, &cursor) }
            switch step {
            case .needMore: return
            case .payload(let offset, let count): feedCarried(Array(memory[offset..<offset + count]))
            case .ping: events.append(.ping)
            case .pong: events.append(.pong)
            case .close(let code):
                events.append(.close(code))
                return
            case .broken(let fault):
                events.append(.fault("\(fault)"))
                return
            }
        }
    }

    private mutating func feedCarried(_ piece: [UInt8]) {
        carried += piece
        var piece = piece
        if awaitsRelay {
            head += piece
            guard let count = readRelay() else { return }
            piece = Array(head[count...])
            head = []
            awaitsRelay = false
            if kind == .bind { smux = SmuxReader(version: 2) }
        }
        if smux == nil { append(piece, to: 0) } else { feedMux(piece) }
    }

    private mutating func readRelay() -> Int? {
        switch role {
        case .server:
            switch RelayRequest.read(head.span.bytes, limit: 16_000) {
            case .needMore: return nil
            case .fault(let fault):
                events.append(.fault("\(fault)"))
                return nil
            case .message(let read, let count):
                events.append(
                    .request(
                        read.command, read.network, read.tunnel?.tunnelID ?? .zero, user: read.user.string,
                        destination: read.destination))
                return count
            }
        case .client:
            switch RelayResponse.read(head.span.bytes, limit: 16_000) {
            case .needMore: return nil
            case .fault(let fault):
                events.append(.fault("\(fault)"))
                return nil
            case .message(let read, let count):
                events.append(.response(status: read.status, read.source, isConnector: read.connector != nil))
                return count
            }
        }
    }

    private mutating func feedMux(_ piece: [UInt8]) {
        muxed += piece
        var cursor = 0
        while true {
            let step = smux!.next(piece.span.bytes, &cursor)
            switch step {
            case .needMore: return
            case .data(let stream, let offset, let count): append(Array(piece[offset..<offset + count]), to: stream)
            case .broken:
                events.append(.frame(step))
                return
            default: events.append(.frame(step))
            }
        }
    }

    private mutating func append(_ piece: [UInt8], to stream: UInt32) {
        if piece.isEmpty { return }
        if case .data(stream, let before)? = events.last {
            events[events.count - 1] = .data(stream: stream, before + piece)
        } else {
            events.append(.data(stream: stream, piece))
        }
    }
}

extension ConversationReader {
    /// The reader for one direction of a vector: the server's for what the dialling side sent, the client's else.
    init(for vector: Vector, direction: String) {
        let kind: Kind
        switch vector.name.prefix(2) {
        case "c-": kind = .http
        case "c2", "d-": kind = .connect
        default: kind = vector.name.hasPrefix("e-rudp-visitor") ? .connect : .bind
        }
        let isWebSocket = vector.bytes("c2s").starts(with: bytes("GET /")) && kind != .http
        self.init(role: direction == "c2s" ? .server : .client, isWebSocket: isWebSocket, kind: kind)
    }
}
