import Testing

@testable import Wire

/// The tables of RFC 9112 §6.3 and §9.3, each cell a test: method × version × framing × Connection for requests, and
/// with status for answers. What is expected is spelled out here from the RFC, independently of the code.
@Suite struct HTTPFramingTableTests {
    enum Field: String, CaseIterable, Sendable {
        case none = ""
        case length0 = "Content-Length: 0\r\n"
        case length5 = "Content-Length: 5\r\n"
        case chunked = "Transfer-Encoding: chunked\r\n"
        case both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
    }

    enum Connection: String, CaseIterable, Sendable {
        case none = ""
        case close = "Connection: close\r\n"
        case keepAlive = "Connection: keep-alive\r\n"
        case both = "Connection: keep-alive, close\r\n"
    }

    static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"]

    private func keeps(_ minor: Int, _ connection: Connection) -> Bool {
        switch connection {
        case .close, .both: false
        case .keepAlive: true
        case .none: minor == 1
        }
    }

    @Test(arguments: methods, [0, 1]) func requests(method: String, minor: Int) {
        for field in Field.allCases {
            for connection in Connection.allCases {
                let source =
                    "\(method) / HTTP/1.\(minor)\r\nHost: a\r\n\(field.rawValue)\(connection.rawValue)\r\n"
                let step = readRequest(source)
                let cell = Comment(rawValue: source)
                switch (field, minor) {
                case (.both, _): #expect(step.fault == .lengthAndCoding, cell)
                case (.chunked, 0): #expect(step.fault == .codingInHTTP10, cell)
                default:
                    let expected: HTTPFraming =
                        switch field {
                        case .none: .none
                        case .length0: .length(0)
                        case .length5: .length(5)
                        default: .chunked
                        }
                    #expect(step.head?.framing == expected, cell)
                    #expect(step.head?.keepsConnection == keeps(minor, connection), cell)
                }
            }
        }
    }

    static let statuses = [100, 102, 103, 200, 204, 206, 301, 304, 400, 404, 426, 500, 503, 599, 999]

    @Test(arguments: [HTTPMethod.get, .head, .post, .put, .delete, .options, .other], statuses)
    func answers(method: HTTPMethod, status: Int) {
        for minor in [0, 1] {
            for field in Field.allCases {
                for connection in Connection.allCases {
                    let source = "HTTP/1.\(minor) \(status) Any\r\n\(field.rawValue)\(connection.rawValue)\r\n"
                    let step = readAnswer(source, to: method)
                    let cell = Comment(rawValue: "\(method) \(source)")
                    let hasNoBody = status < 200 || status == 204
                    if field == .both {
                        #expect(step.fault == .lengthAndCoding, cell)
                    } else if field == .chunked, minor == 0 {
                        #expect(step.fault == .codingInHTTP10, cell)
                    } else if hasNoBody, field == .chunked || field == .length5 {
                        #expect(step.fault == .bodyNotAllowed, cell)
                    } else {
                        let expected: HTTPFraming =
                            switch field {
                            case _ where hasNoBody || status == 304 || method == .head: .none
                            case .none: .untilClose
                            case .length0: .length(0)
                            case .length5: .length(5)
                            default: .chunked
                            }
                        #expect(step.head?.framing == expected, cell)
                        let stays = keeps(minor, connection) && expected != .untilClose
                        #expect(step.head?.keepsConnection == stays, cell)
                        #expect(step.head?.isInterim == (status < 200), cell)
                    }
                }
            }
        }
    }

    /// When a head may go to an HTTP/1.1 visitor as it stands: exactly when what it says of the connection is true.
    @Test(arguments: [true, false], [0, 1]) func passing(keepsVisitor: Bool, minor: Int) {
        for field in [Field.length5, .chunked, .none] where !(field == .chunked && minor == 0) {
            for connection in Connection.allCases {
                let source = "HTTP/1.\(minor) 200 OK\r\n\(field.rawValue)\(connection.rawValue)\r\n"
                let expected =
                    minor == 1
                    && (keepsVisitor ? connection == .none || connection == .keepAlive : connection == .close)
                let head = readAnswer(source).head
                #expect(
                    head?.passesUnchanged(keepsVisitor: keepsVisitor, visitorMinor: 1) == expected,
                    Comment(rawValue: source))
                #expect(head?.passesUnchanged(keepsVisitor: keepsVisitor, visitorMinor: 0) == false)
            }
        }
    }
}
