package import Primitives

/// What a request's head says of the nodes that it has passed, when one node hands it to another as stock nodes do
/// (protocol tunnel-server §8.3, §9).
///
/// ```
/// Gost-Forwarded-Node: <nodes before>, <this node>
/// Gost-Sid: <20 characters>                               (one that is there already stays)
/// Culvert-Forwarded-Node: <Culvert nodes before>, <this node>
/// Connection: close                                       (not where the request asks for another protocol)
/// ```
///
/// A stock node looks for its own id in the first, and puts that in place of the others when it hands the request on. The
/// third passes it untouched, as everything does that it does not know: a request that comes back is known by it.
package struct HTTPNodeFields: Sendable, BitwiseCopyable {
    /// The node that hands on, as nodes write it: a UUID.
    package var node: InlineText
    /// Where `Gost-Sid` is made from: 100 random bits.
    package var session: (high: UInt64, low: UInt64)

    package init(node: InlineText, session: (high: UInt64, low: UInt64)) {
        self.node = node
        self.session = session
    }

    /// Most bytes by which a head grows, beside `node` twice and a comma for each line that is joined with another.
    package static var growthBytesMax: Int { 128 }

    /// Writes `head`, read from the start of `bytes`, with these fields; the number of bytes, or nil when they do not fit
    /// in `target`. The head is one that `HTTPRequestRewriter` wrote: nothing of its visitor's hop is in it but, where it
    /// asks for that, the wish for another protocol.
    package func write(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        var runStart = 0
        var position = head.line.next
        var hasSession = false
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            switch Field(line, bytes) {
            case .forwarded, .culvertForwarded:
                writer.copy(bytes, runStart, position)
                runStart = line.next
            case .ofHop where !head.asksUpgrade:
                writer.copy(bytes, runStart, position)
                runStart = line.next
            case .session: hasSession = hasSession || line.valueEnd > line.valueStart
            case .ofHop, .other: break
            }
            position = line.next
        }
        writer.copy(bytes, runStart, position)
        writer.text("Gost-Forwarded-Node: ")
        HTTPNodeFields.copyList(.forwarded, head, bytes, to: &writer)
        writer.text(node)
        writer.text("\r\n")
        if !hasSession { writeSession(to: &writer) }
        writer.text("Culvert-Forwarded-Node: ")
        HTTPNodeFields.copyList(.culvertForwarded, head, bytes, to: &writer)
        writer.text(node)
        writer.text(head.asksUpgrade ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
        return writer.finished
    }

    /// The values of every line of a field, each with a comma behind it: several lines are one list (RFC 9110 §5.3), of
    /// which stock nodes read the first line only.
    private static func copyList(
        _ field: Field, _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, to writer: inout ByteWriter
    ) {
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            guard Field(line, bytes) == field, line.valueEnd > line.valueStart else { continue }
            writer.copy(bytes, line.valueStart, line.valueEnd)
            writer.text(", ")
        }
    }

    /// As stock nodes make them: 20 characters of base32 with the digits before the letters.
    private func writeSession(to writer: inout ByteWriter) {
        writer.text("Gost-Sid: ")
        for place in 0..<20 {
            let half = place < 12 ? session.high : session.low
            let digit = UInt8(truncatingIfNeeded: half >> UInt64(place % 12 * 5)) & 31
            writer.byte(digit < 10 ? 0x30 + digit : 0x61 - 10 + digit)
        }
        writer.text("\r\n")
    }

    // MARK: What others wrote

    /// Whether the request was handed on by `node`.
    @_noLocks package static func names(
        _ node: borrowing InlineText, _ head: HTTPRequestHead, _ bytes: borrowing RawSpan
    ) -> Bool {
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            guard case .forwardedNode = line.name else { continue }
            var at = line.valueStart
            while let element = HTTPListElement.next(bytes, &at, limit: line.valueEnd) {
                if isEqual(bytes, element, node) { return true }
            }
        }
        return false
    }

    @_noLocks private static func isEqual(
        _ bytes: borrowing RawSpan, _ element: HTTPListElement, _ node: borrowing InlineText
    ) -> Bool {
        guard element.end &- element.start == Int(node.count), node.count > 0 else { return false }
        for index in 0..<Int(node.count) where ByteScan.byte(bytes, element.start &+ index) != node[index] {
            return false
        }
        return true
    }

    /// Whether a Culvert node handed the request on to a stock one.
    @_noLocks package static func hasPassedNode(_ head: HTTPRequestHead, _ bytes: borrowing RawSpan) -> Bool {
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            if Field.isCulvertForwarded(line, bytes) { return true }
        }
        return false
    }

    /// The lines that are told apart here.
    private enum Field {
        case other
        /// Gost-Forwarded-Node.
        case forwarded
        /// Culvert-Forwarded-Node.
        case culvertForwarded
        /// Gost-Sid.
        case session
        /// Of the connection on which the head came.
        case ofHop

        init(_ line: HTTPFieldLine, _ bytes: borrowing RawSpan) {
            switch line.name {
            case .forwardedNode: self = .forwarded
            case .connection, .keepAlive, .proxyConnection: self = .ofHop
            case .other:
                if Field.isCulvertForwarded(line, bytes) {
                    self = .culvertForwarded
                } else if ByteScan.equalsIgnoringCase(bytes, line.nameStart, line.nameEnd, "gost-sid") {
                    self = .session
                } else {
                    self = .other
                }
            default: self = .other
            }
        }

        @_noLocks static func isCulvertForwarded(_ line: HTTPFieldLine, _ bytes: borrowing RawSpan) -> Bool {
            ByteScan.equalsIgnoringCase(bytes, line.nameStart, line.nameEnd, "culvert-forwarded-node")
        }
    }
}
