@testable import Primitives
@testable import Wire

/// A request head read from a text, for tests.
func readRequest(_ text: String, limit: Int = 16_000) -> HTTPRequestHead.Step {
    let all = Array(text.utf8)
    return HTTPRequestHead.read(all.span.bytes, limit: limit)
}

/// An answer head read from a text, for tests.
func readAnswer(
    _ text: String, to method: HTTPMethod = .get, askedUpgrade: Bool = false, limit: Int = 16_000
) -> HTTPAnswerHead.Step {
    let all = Array(text.utf8)
    return HTTPAnswerHead.read(all.span.bytes, limit: limit, method: method, askedUpgrade: askedUpgrade)
}

extension HTTPRequestHead.Step {
    var head: HTTPRequestHead? { if case .head(let head) = self { head } else { nil } }
    var fault: HTTPFault? { if case .fault(let fault) = self { fault } else { nil } }
    var needsMore: Bool { if case .needMore = self { true } else { false } }
}

extension HTTPAnswerHead.Step {
    var head: HTTPAnswerHead? { if case .head(let head) = self { head } else { nil } }
    var fault: HTTPFault? { if case .fault(let fault) = self { fault } else { nil } }
    var needsMore: Bool { if case .needMore = self { true } else { false } }
}

/// What came of a body read in pieces.
struct BodyReading: Equatable {
    var data: [UInt8] = []
    /// Everything covered by steps, framing included.
    var passed: [UInt8] = []
    var isDone = false
    var fault: HTTPFault?
    /// Bytes of the input that the body did not take.
    var left = 0

    /// Reads a body that arrives in `pieces`.
    static func of(_ framing: HTTPFraming, _ pieces: [[UInt8]]) -> BodyReading {
        var reading = BodyReading()
        var body = HTTPBody(framing)
        for piece in pieces {
            var cursor = 0
            loop: while true {
                switch body.next(piece.span.bytes, &cursor) {
                case .data(let offset, let count):
                    reading.data += piece[offset..<offset + count]
                    reading.passed += piece[offset..<offset + count]
                case .framing(let offset, let count):
                    reading.passed += piece[offset..<offset + count]
                case .end:
                    reading.isDone = true
                    reading.left += piece.count - cursor
                    break loop
                case .needMore:
                    break loop
                case .fault(let fault):
                    reading.fault = fault
                    return reading
                }
            }
        }
        return reading
    }

    /// As `of`, by runs.
    static func passing(_ framing: HTTPFraming, _ pieces: [[UInt8]]) -> BodyReading {
        var reading = BodyReading()
        var body = HTTPBody(framing)
        for piece in pieces {
            var cursor = 0
            switch body.pass(piece.span.bytes, &cursor) {
            case .run(let offset, let count, let isLast):
                reading.passed += piece[offset..<offset + count]
                reading.isDone = isLast
                if isLast { reading.left += piece.count - cursor }
            case .fault(let fault):
                reading.fault = fault
                return reading
            }
        }
        return reading
    }
}
