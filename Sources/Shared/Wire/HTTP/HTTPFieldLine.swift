import Primitives

/// One field line of a head, `name ":" OWS value OWS CRLF` (RFC 9112 §5), read strictly.
package struct HTTPFieldLine: BitwiseCopyable {
    package var name: HTTPFieldName
    package var nameStart: Int
    package var nameEnd: Int
    /// The value without the white space around it.
    package var valueStart: Int
    package var valueEnd: Int
    /// Offset after the line's CRLF.
    package var next: Int

    /// Whether this is a Host field.
    var isHost: Bool {
        @_noLocks get {
            if case .host = name { true } else { false }
        }
    }

    /// What the bytes at the offset hold.
    package enum Step: BitwiseCopyable {
        case line(HTTPFieldLine)
        /// The empty line that ends the head; the offset after it.
        case end(Int)
        case needMore
        case fault(HTTPFault)
    }

    /// Reads the line that starts at `start`.
    ///
    /// Refused: bare CR or LF, a line that starts with white space (obs-fold), white space before the colon, names
    /// that are not tokens, values with controls.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, at start: Int) -> Step {
        let count = bytes.byteCount
        guard start < count else { return .needMore }
        let end = HTTPBytes.firstNonToken(in: bytes, from: start)
        guard end < count else { return .needMore }
        let byte = ByteScan.byte(bytes, end)
        guard byte == 0x3A, end > start else { return judge(bytes, byte, at: end, start: start) }
        return readValue(bytes, nameStart: start, nameEnd: end)
    }

    /// What the first byte that is neither part of a name nor its colon means.
    @_noLocks private static func judge(
        _ bytes: borrowing RawSpan, _ byte: UInt8, at position: Int, start: Int
    ) -> Step {
        switch byte {
        case 0x0D:
            guard position &+ 1 < bytes.byteCount else { return .needMore }
            guard ByteScan.byte(bytes, position &+ 1) == 0x0A else { return .fault(.bareCarriageReturn) }
            return position == start ? .end(position &+ 2) : .fault(.noColon)
        case 0x0A:
            return .fault(.bareLineFeed)
        case 0x20, 0x09:
            return .fault(position == start ? .foldedField : .spaceBeforeColon)
        default:
            return .fault(.badFieldName)
        }
    }

    @_noLocks private static func readValue(_ bytes: borrowing RawSpan, nameStart: Int, nameEnd: Int) -> Step {
        var position = nameEnd &+ 1
        let count = bytes.byteCount
        while true {
            position = HTTPBytes.firstControl(in: bytes, from: position)
            guard position < count else { return .needMore }
            let byte = ByteScan.byte(bytes, position)
            if byte == 0x0D { break }
            if byte == 0x0A { return .fault(.bareLineFeed) }
            guard byte == 0x09 else { return .fault(.badFieldValue) }
            position = position &+ 1
        }
        guard position &+ 1 < count else { return .needMore }
        guard ByteScan.byte(bytes, position &+ 1) == 0x0A else { return .fault(.bareCarriageReturn) }
        var start = nameEnd &+ 1
        var end = position
        while start < end, isBlank(ByteScan.byte(bytes, start)) { start = start &+ 1 }
        while end > start, isBlank(ByteScan.byte(bytes, end &- 1)) { end = end &- 1 }
        return .line(
            HTTPFieldLine(
                name: HTTPFieldName(bytes, nameStart, nameEnd), nameStart: nameStart, nameEnd: nameEnd,
                valueStart: start, valueEnd: end, next: position &+ 2))
    }

    @_noLocks @inline(__always) private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
