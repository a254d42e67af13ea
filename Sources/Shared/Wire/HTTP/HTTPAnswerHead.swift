package import Primitives

/// An answer's head as far as framing and forwarding need it. Any fault makes the answer a bad one (502): what our
/// visitor would understand must be what we understood.
///
/// All ranges count from the first byte of the span the head was read from.
package struct HTTPAnswerHead: BitwiseCopyable {
    /// 100 … 999.
    package private(set) var status: UInt16
    /// 0 or 1.
    package private(set) var minor: UInt8
    package private(set) var fields: HTTPFieldSum
    /// The body's framing, given the method of the request.
    package private(set) var framing: HTTPFraming
    /// Offset of the first field line.
    package private(set) var fieldsStart: UInt16
    package private(set) var byteCount: Int

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        case needMore
        case head(HTTPAnswerHead)
        case fault(HTTPFault)
    }

    /// Reads the head that starts with the first byte of `bytes`, of the answer to a request with `method` that asked
    /// for an upgrade or not. `limit` (≤ 65,535) as for requests.
    @_noLocks package static func read(
        _ bytes: borrowing RawSpan, limit: Int, method: HTTPMethod, askedUpgrade: Bool
    ) -> Step {
        precondition(limit > 0 && limit <= 65_535)
        var head: HTTPAnswerHead
        switch statusLine(bytes, limit: limit) {
        case .head(let read): head = read
        case .needMore: return incomplete(bytes, limit)
        case .fault(let fault): return .fault(fault)
        }
        var position = Int(head.fieldsStart)
        while position <= limit {
            switch HTTPFieldLine.read(bytes, at: position) {
            case .line(let field):
                guard field.next <= limit else { return .fault(.headTooLarge) }
                // A Host field means nothing in an answer and is passed on.
                if !field.isHost, let fault = head.fields.add(field, bytes) { return .fault(fault) }
                position = field.next
            case .end(let end):
                guard end <= limit else { return .fault(.headTooLarge) }
                head.byteCount = end
                if let fault = head.conclude(method: method, askedUpgrade: askedUpgrade) { return .fault(fault) }
                return .head(head)
            case .needMore:
                return incomplete(bytes, limit)
            case .fault(let fault):
                return .fault(fault)
            }
        }
        return .fault(.headTooLarge)
    }

    /// The head has not ended: more is needed, unless as much as is allowed is already there.
    @_noLocks private static func incomplete(_ bytes: borrowing RawSpan, _ limit: Int) -> Step {
        bytes.byteCount >= limit ? .fault(.headTooLarge) : .needMore
    }

    /// `HTTP/1.x SP 3DIGIT [SP reason] CRLF` (RFC 9112 §4); the space before a missing reason may be missing too, as it
    /// is with many servers.
    @_noLocks private static func statusLine(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        let count = bytes.byteCount
        // "HTTP/1."
        let letters: UInt64 = 0x2E_312F_5054_5448
        for index in 0..<min(count, 7) {
            guard ByteScan.byte(bytes, index) == UInt8(truncatingIfNeeded: letters &>> UInt64(index &* 8)) else {
                return .fault(index == 5 ? .versionNotSupported : .badStatusLine)
            }
        }
        guard count >= 14 else { return .needMore }
        let minor = ByteScan.byte(bytes, 7)
        guard HTTPBytes.isDigit(minor), ByteScan.byte(bytes, 8) == 0x20 else { return .fault(.badStatusLine) }
        var status: UInt16 = 0
        for index in 9..<12 {
            let digit = ByteScan.byte(bytes, index)
            guard HTTPBytes.isDigit(digit) else { return .fault(.badStatusLine) }
            status = status &* 10 &+ UInt16(digit &- 0x30)
        }
        guard status >= 100 else { return .fault(.badStatusLine) }
        var position = 12
        if ByteScan.byte(bytes, 12) == 0x20 {
            position = 13
            while true {
                position = HTTPBytes.firstControl(in: bytes, from: position)
                guard position < count else { return .needMore }
                guard ByteScan.byte(bytes, position) == 0x09 else { break }
                position = position &+ 1
            }
        }
        guard position &+ 1 < count else { return .needMore }
        let end = ByteScan.byte(bytes, position)
        guard end == 0x0D else { return .fault(end == 0x0A ? .bareLineFeed : .badStatusLine) }
        guard ByteScan.byte(bytes, position &+ 1) == 0x0A else { return .fault(.bareCarriageReturn) }
        guard position &+ 2 <= limit else { return .fault(.headTooLarge) }
        return .head(
            HTTPAnswerHead(
                status: status, minor: minor == 0x30 ? 0 : 1, fields: HTTPFieldSum(), framing: .none,
                fieldsStart: UInt16(position &+ 2), byteCount: 0))
    }

    /// The body's framing (RFC 9112 §6.3), and whether a 101 may be believed (RFC 9110 §15.2.2).
    @_noLocks private mutating func conclude(method: HTTPMethod, askedUpgrade: Bool) -> HTTPFault? {
        if fields.hasTransferCoding {
            if fields.hasContentLength { return .lengthAndCoding }
            if minor == 0 { return .codingInHTTP10 }
        }
        if status == 101 {
            guard askedUpgrade, minor > 0, !fields.upgrade.isEmpty, fields.options.has(.upgrade) else {
                return .upgradeNotAsked
            }
        }
        if status < 200 || status == 204 {
            // A length of 0 is harmless and seen with 204; a coding would make readers disagree.
            if fields.hasTransferCoding || fields.contentLength != 0 { return .bodyNotAllowed }
            framing = .none
        } else if status == 304 || method.isHead {
            framing = .none
        } else if fields.hasTransferCoding {
            framing = .chunked
        } else if fields.hasContentLength {
            framing = .length(fields.contentLength)
        } else {
            framing = .untilClose
        }
        return nil
    }
}

extension HTTPAnswerHead {
    package var options: HTTPConnectionOptions { @_noLocks get { fields.options } }
    /// The value of Upgrade; empty when there is none.
    package var upgrade: ByteRange { @_noLocks get { fields.upgrade } }
    /// The value of Culvert-URL; empty when there is none.
    package var culvertURL: ByteRange { @_noLocks get { fields.culvertURL } }

    /// Another head follows: 1xx other than 101.
    package var isInterim: Bool { @_noLocks get { status < 200 && status != 101 } }
    /// The connection speaks another protocol after this head.
    package var isUpgrade: Bool { @_noLocks get { status == 101 } }

    /// Whether the side that answered keeps its connection open after this answer (RFC 9112 §9.3).
    package var keepsConnection: Bool {
        @_noLocks get {
            if options.has(.close) { return false }
            if case .untilClose = framing { return false }
            return minor > 0 || options.has(.keepAlive)
        }
    }

    /// Whether the head may go to a visitor as it stands: it is HTTP/1.1, carries no field that concerned the tunnel's
    /// side only, and says of the connection what is true towards the visitor: open when `keepsVisitor`, else closing.
    /// HTTP/1.0 visitors always get a rewritten head.
    @_noLocks package func passesUnchanged(keepsVisitor: Bool, visitorMinor: UInt8) -> Bool {
        guard minor > 0, visitorMinor > 0 else { return false }
        // Interim heads say nothing of the connection; an upgrade's fields are what it is made of.
        if isUpgrade { return !options.has(.hopFields) && !options.has(.named) }
        if isInterim { return options.rawValue == 0 && fields.upgrade.isEmpty }
        guard fields.upgrade.isEmpty || options.rawValue == 0 else { return false }
        return keepsVisitor
            ? options.rawValue == 0 || options.isExactly(.present, .keepAlive)
            : options.isExactly(.present, .close)
    }
}
