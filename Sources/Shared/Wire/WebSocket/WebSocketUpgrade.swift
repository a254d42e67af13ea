package import Model
package import Primitives

/// The WebSocket handshake, both sides (RFC 6455 §4, protocol transports §5).
package enum WebSocketUpgrade {
    /// A Sec-WebSocket-Key: the base64 text of 16 bytes.
    package struct Key: Sendable, BitwiseCopyable {
        var text: InlineArray<24, UInt8>

        /// The key of 16 random bytes, each half as a big-endian number; take them from the kernel.
        @_noLocks package init(high: UInt64, low: UInt64) {
            text = InlineArray<24, UInt8>(repeating: 0)
            var raw = InlineArray<16, UInt8>(repeating: 0)
            for index in 0..<8 {
                raw[index] = UInt8(truncatingIfNeeded: high &>> UInt64((7 &- index) &* 8))
                raw[8 &+ index] = UInt8(truncatingIfNeeded: low &>> UInt64((7 &- index) &* 8))
            }
            var letters = text
            withUnsafeMutableBytes(of: &letters) { target in
                var writer = ByteWriter(target)
                withUnsafeBytes(of: raw) { Base64.encode($0.bytes, to: &writer) }
            }
            text = letters
        }

        /// The key in `bytes[lower ..< upper]`, or nil when that is not the base64 text of 16 bytes.
        init?(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) {
            guard upper &- lower == 24 else { return nil }
            var scratch = InlineArray<16, UInt8>(repeating: 0)
            var isGood = false
            withUnsafeMutableBytes(of: &scratch) { target in
                var writer = ByteWriter(target)
                isGood = Base64.decode(bytes, lower, upper, to: &writer) && writer.finished == 16
            }
            guard isGood else { return nil }
            text = InlineArray<24, UInt8>(repeating: 0)
            for index in 0..<24 { text[index] = ByteScan.byte(bytes, lower &+ index) }
        }

        /// What proves that the other side read the key: base64(SHA-1(key + GUID)), 28 letters.
        var acceptance: InlineArray<28, UInt8> {
            var input = InlineArray<60, UInt8>(repeating: 0)
            var output = InlineArray<28, UInt8>(repeating: 0)
            withUnsafeMutableBytes(of: &input) { target in
                var writer = ByteWriter(target)
                withUnsafeBytes(of: text) { writer.copy($0) }
                writer.text("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
            }
            let digest = withUnsafeBytes(of: input) { SHA1.digest(of: $0.bytes) }
            withUnsafeMutableBytes(of: &output) { target in
                var writer = ByteWriter(target)
                withUnsafeBytes(of: digest) { Base64.encode($0.bytes, to: &writer) }
            }
            return output
        }
    }

    // MARK: Server

    /// The judgement of a request on a WebSocket port.
    package enum Judgement: Sendable {
        case accept(Key)
        /// Status 400, 404 or 405.
        case refuse(status: Int, Reason)
    }

    /// Judges a request whose head was read from the start of `bytes`. The path must equal `path` exactly, a query is
    /// ignored; then the upgrade's fields decide, then the method.
    package static func judge(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, path: borrowing InlineText
    ) -> Judgement {
        guard isPath(head, bytes, path) else { return .refuse(status: 404, .wrongPath) }
        guard head.asksUpgrade, names(bytes, head.upgrade, "websocket") else {
            return .refuse(status: 400, .badUpgrade)
        }
        guard case .get = head.method else { return .refuse(status: 405, .badUpgrade) }
        var key: Key?
        var isVersion13 = false
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            switch line.name {
            case .webSocketKey:
                guard key == nil, let read = Key(bytes, line.valueStart, line.valueEnd) else {
                    return .refuse(status: 400, .badUpgrade)
                }
                key = read
            case .webSocketVersion:
                isVersion13 = ByteScan.equalsIgnoringCase(bytes, line.valueStart, line.valueEnd, "13")
            default: continue
            }
        }
        guard let key, isVersion13 else { return .refuse(status: 400, .badUpgrade) }
        // A body would be read as frames.
        guard head.framing == .none || head.framing == .length(0) else { return .refuse(status: 400, .badUpgrade) }
        return .accept(key)
    }

    /// Writes the 101, with `extra` (complete field lines, or empty); the number of bytes, or nil when they do not fit.
    package static func writeAcceptance(
        of key: Key, extra: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        writer.text("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.text("Sec-WebSocket-Accept: ")
        withUnsafeBytes(of: key.acceptance) { writer.copy($0) }
        writer.text("\r\n")
        writer.copy(extra)
        writer.text("\r\n")
        return writer.finished
    }

    /// Writes the refusal of a request, as a stock server does, or with the reason where a stock server would have none
    /// to give (503); the connection closes after it. The number of bytes, or
    /// nil when they do not fit; 256 bytes always do.
    package static func writeRefusal(
        status: Int, _ reason: Reason, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        let body: StaticString
        switch status {
        case 404:
            writer.text("HTTP/1.1 404 Not Found\r\n")
            body = "404 page not found\n"
        case 405:
            writer.text("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n")
            body = "Method Not Allowed\n"
        case 503:
            writer.text("HTTP/1.1 503 Service Unavailable\r\n")
            body = reason.text
        default:
            writer.text("HTTP/1.1 400 Bad Request\r\nSec-Websocket-Version: 13\r\n")
            body = "Bad Request\n"
        }
        writer.text("Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n")
        writer.text("Connection: close\r\nContent-Length: ")
        writer.decimal(UInt64(body.utf8CodeUnitCount))
        writer.text("\r\n\r\n")
        writer.text(body)
        return writer.finished
    }

    // MARK: Client

    /// Writes the client's request for `path` at `host` (with its port, as written), with `extra` (complete field
    /// lines, or empty); the number of bytes, or nil when they do not fit.
    package static func writeRequest(
        path: borrowing InlineText, host: borrowing InlineText, key: Key, extra: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        writer.text("GET ")
        writer.text(path)
        writer.text(" HTTP/1.1\r\nHost: ")
        writer.text(host)
        writer.text("\r\nUser-Agent: culvert\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ")
        withUnsafeBytes(of: key.text) { writer.copy($0) }
        writer.text("\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n")
        writer.copy(extra)
        writer.text("\r\n")
        return writer.finished
    }

    /// What a server answered to our request.
    package enum Answer: Sendable {
        case needMore
        /// The connection speaks WebSocket after `byteCount` bytes; `culvertURL` is the value of the field of that name,
        /// by offset in the bytes given, empty when there is none.
        case accepted(byteCount: Int, culvertURL: ByteRange)
        /// Another status than 101.
        case refused(status: Int)
        case fault(HTTPFault)
    }

    /// Judges the answer that starts with the first byte of `bytes`, to a request sent with `key`.
    package static func judgeAnswer(_ bytes: borrowing RawSpan, limit: Int, key: Key) -> Answer {
        let head: HTTPAnswerHead
        switch HTTPAnswerHead.read(bytes, limit: limit, method: .get, askedUpgrade: true) {
        case .needMore: return .needMore
        case .fault(let fault): return .fault(fault)
        case .head(let read): head = read
        }
        guard head.isUpgrade else { return .refused(status: Int(head.status)) }
        guard names(bytes, head.upgrade, "websocket") else { return .fault(.upgradeNotAsked) }
        let expected = key.acceptance
        var isProven = false
        var position = Int(head.fieldsStart)
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            guard case .webSocketAccept = line.name else { continue }
            guard !isProven, line.valueEnd &- line.valueStart == 28 else { return .fault(.upgradeNotAsked) }
            for index in 0..<28 where ByteScan.byte(bytes, line.valueStart &+ index) != expected[index] {
                return .fault(.upgradeNotAsked)
            }
            isProven = true
        }
        guard isProven else { return .fault(.upgradeNotAsked) }
        return .accepted(byteCount: head.byteCount, culvertURL: head.culvertURL)
    }

    // MARK: Both

    /// Whether the list in `range` has `token` (lower case) among its elements.
    private static func names(_ bytes: borrowing RawSpan, _ range: ByteRange, _ token: StaticString) -> Bool {
        var position = range.lower
        while let element = HTTPListElement.next(bytes, &position, limit: range.upper) {
            if ByteScan.equalsIgnoringCase(bytes, element.start, element.end, token) { return true }
        }
        return false
    }

    private static func isPath(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, _ path: borrowing InlineText
    ) -> Bool {
        let start = head.line.isAbsolute ? head.line.authority.upper : head.target.lower
        var end = start
        while end < head.target.upper, ByteScan.byte(bytes, end) != 0x3F { end = end &+ 1 }
        guard end &- start == Int(path.count) else { return false }
        for index in 0..<Int(path.count) where ByteScan.byte(bytes, start &+ index) != path[index] { return false }
        return true
    }
}
