import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// The tables of RFC 9112 §6.3 and §9.3 through a whole worker, each cell with a visitor of its own: method × version ×
/// framing × Connection for requests, method × status × both versions × framing × Connection for answers. What is to be
/// forwarded is compared as bytes; what is expected is spelled out here from the RFC.
@Suite struct FramingTableTests {
    enum Field: String, CaseIterable, Sendable {
        case none = ""
        case length0 = "Content-Length: 0\r\n"
        case length5 = "Content-Length: 5\r\n"
        case chunked = "Transfer-Encoding: chunked\r\n"
        case both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"

        var body: String {
            switch self {
            case .none, .length0: ""
            case .length5: "hello"
            case .chunked, .both: "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n"
            }
        }
    }

    enum Connection: String, CaseIterable, Sendable {
        case none = ""
        case close = "Connection: close\r\n"
        case keepAlive = "Connection: keep-alive\r\n"
        case both = "Connection: keep-alive, close\r\n"

        func keeps(_ minor: Int) -> Bool {
            switch self {
            case .close, .both: false
            case .keepAlive: true
            case .none: minor == 1
            }
        }
    }

    /// A message as bytes: head with its empty line, and what stands behind it.
    private static func parts(_ text: String) -> (head: String, body: String) {
        guard let end = text.firstRange(of: "\r\n\r\n") else { return (text, "") }
        return (String(text[..<end.upperBound]), String(text[end.upperBound...]))
    }

    private static func hasField(_ head: String, _ name: String, _ value: String) -> Bool {
        head.lowercased().contains("\r\n\(name): \(value)\r\n")
    }

    static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"]

    @Test(arguments: methods, [0, 1])
    func requests(_ method: String, _ minor: Int) throws {
        let bench = try Bench()
        for field in Field.allCases {
            for connection in Connection.allCases {
                try request(bench, method, minor, field, connection)
            }
        }
        bench.run(5_000)
        bench.expectQuiet()
    }

    private func request(
        _ bench: Bench, _ method: String, _ minor: Int, _ field: Field, _ connection: Connection
    ) throws {
        let cell = Comment(rawValue: "\(method) HTTP/1.\(minor) \(field) \(connection)")
        let before = bench.connector.streams.count
        let visitor = bench.visitor()
        visitor.write(
            "\(method) /a HTTP/1.\(minor)\r\nHost: \(bench.host)\r\n\(field.rawValue)\(connection.rawValue)\r\n"
                + field.body + bench.get("/behind"))
        bench.run(5)
        defer { visitor.leave() }
        if field == .both || (field == .chunked && minor == 0) {
            #expect(visitor.status == 400, cell)
            #expect(visitor.peer.isEnded, cell)
            #expect(bench.connector.streams.count == before, cell)
            return
        }
        let stream = try bench.stream(before)
        let first = Self.parts(stream.text)
        #expect(first.head.hasPrefix("\(method) /a HTTP/1.1\r\n"), cell)
        #expect(first.body == field.body, cell)
        #expect(Self.hasField(first.head, "transfer-encoding", "chunked") == (field == .chunked), cell)
        #expect(first.head.lowercased().contains("content-length") == (field == .length0 || field == .length5), cell)
        let count = stream.received.count
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
        bench.connector.send(stream, method == "HEAD" ? answer : answer + "ok")
        bench.run(5)
        let keeps = connection.keeps(minor)
        #expect(visitor.status == 200, cell)
        #expect(Self.parts(visitor.text).body == (method == "HEAD" ? "" : "ok"), cell)
        #expect(Self.hasField(Self.parts(visitor.text).head, "connection", "close") == !keeps, cell)
        #expect(visitor.peer.isEnded == !keeps, cell)
        // What stands behind is the next request, exactly when the connection is kept.
        let behind = String(decoding: stream.received[count...], as: UTF8.self)
        #expect(behind == (keeps ? bench.forwarded("/behind") : ""), cell)
        #expect(bench.connector.streams.count == before + 1, cell)
    }

    static let statuses = [200, 201, 204, 206, 301, 304, 400, 404, 426, 500, 503]

    @Test(arguments: ["GET", "HEAD", "POST"], statuses)
    func answers(_ method: String, _ status: Int) throws {
        let bench = try Bench()
        for (visitorMinor, minor) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
            for field in Field.allCases {
                for connection in Connection.allCases {
                    try answer(bench, method, status, visitorMinor, minor, field, connection)
                }
            }
        }
        bench.run(5_000)
        bench.expectQuiet()
    }

    private func answer(
        _ bench: Bench, _ method: String, _ status: Int, _ visitorMinor: Int, _ minor: Int, _ field: Field,
        _ connection: Connection
    ) throws {
        let head = "HTTP/1.\(minor) \(status) Any\r\n\(field.rawValue)\(connection.rawValue)\r\n"
        let cell = Comment(rawValue: "\(method) HTTP/1.\(visitorMinor), \(head)")
        let visitor = bench.visitor()
        let number = bench.connector.streams.count
        visitor.write("\(method) /a HTTP/1.\(visitorMinor)\r\nHost: \(bench.host)\r\n\r\n")
        bench.run(5)
        defer { visitor.leave() }
        let stream = try bench.stream(number)
        let isBodiless = status == 204 || status == 304 || method == "HEAD"
        let isBad =
            field == .both || (field == .chunked && minor == 0)
            || (status == 204 && (field == .chunked || field == .length5))
        let isDelimited = field != .none || isBodiless
        let body = isBodiless ? "" : field == .none ? "until the end" : field.body
        bench.connector.send(stream, head + (isBad ? "" : body))
        bench.run(5)
        if isBad {
            #expect(visitor.status == 502, cell)
            #expect(stream.isFinished, cell)
            return
        }
        let seen = Self.parts(visitor.text)
        #expect(visitor.status == status, cell)
        let isUnchunked = visitorMinor == 0 && field == .chunked && !isBodiless
        #expect(seen.body == (isUnchunked ? "hello" : body), cell)
        #expect(
            Self.hasField(seen.head, "transfer-encoding", "chunked") == (field == .chunked && visitorMinor == 1), cell)
        let keeps = visitorMinor == 1 && isDelimited
        #expect(Self.hasField(seen.head, "connection", "close") == !keeps, cell)
        if !isDelimited {
            #expect(!visitor.peer.isEnded, cell)
            bench.connector.finish(stream)
            bench.run(5)
        }
        #expect(visitor.peer.isEnded == !keeps, cell)
        #expect(!visitor.peer.isReset, cell)
        guard keeps else { return #expect(stream.isFinished, cell) }
        // The next request goes to the same stream, exactly when its origin keeps it.
        visitor.forget()
        visitor.write(bench.get("/next"))
        bench.run(5)
        let next = try bench.stream(bench.connector.streams.count - 1)
        #expect((next.id == stream.id) == connection.keeps(minor), cell)
        #expect(next.text.hasSuffix(bench.forwarded("/next")), cell)
        bench.connector.send(next, ExchangeTests.ok)
        bench.run(5)
        #expect(visitor.text == ExchangeTests.ok, cell)
    }
}
