package import Primitives

/// A request's head as far as routing and framing need it: ranges into the bytes it was read from, no copies.
///
/// `read` judges in one pass and refuses everything that two readers could understand differently (RFC 9112 §11.2).
/// All ranges count from the first byte of the span the head was read from.
package struct HTTPRequestHead: BitwiseCopyable {
    package private(set) var line: HTTPRequestLine
    package private(set) var fields: HTTPFieldSum
    package private(set) var framing: HTTPFraming
    /// Bytes of the head with the empty lines before it and the one after it.
    package private(set) var byteCount: Int

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        case needMore
        case head(HTTPRequestHead)
        case fault(HTTPFault)
    }

    /// Empty lines that are skipped before a request line (RFC 9112 §2.2 asks for at least one).
    package static var emptyLinesMax: Int { @_noLocks get { 2 } }

    /// Reads the head that starts with the first byte of `bytes`. `limit` (≤ 65,535) is the most bytes it may take:
    /// when so many are there without its end, it is too large.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        precondition(limit > 0 && limit <= 65_535)
        var position = 0
        while position < bytes.byteCount, ByteScan.byte(bytes, position) == 0x0D {
            guard position &+ 1 < bytes.byteCount else { return incomplete(bytes, limit) }
            guard ByteScan.byte(bytes, position &+ 1) == 0x0A else { return .fault(.bareCarriageReturn) }
            position = position &+ 2
            guard position <= emptyLinesMax &* 2 else { return .fault(.badRequestLine) }
        }
        let line: HTTPRequestLine
        switch HTTPRequestLine.read(bytes, at: position, limit: limit) {
        case .line(let read): line = read
        case .needMore: return incomplete(bytes, limit)
        case .fault(let fault): return .fault(fault)
        }
        var head = HTTPRequestHead(line: line, fields: HTTPFieldSum(), framing: .none, byteCount: 0)
        position = line.next
        while position <= limit {
            switch HTTPFieldLine.read(bytes, at: position) {
            case .line(let field):
                guard field.next <= limit else { return .fault(.headTooLarge) }
                if let fault = head.fields.add(field, bytes) { return .fault(fault) }
                position = field.next
            case .end(let end):
                guard end <= limit else { return .fault(.headTooLarge) }
                head.byteCount = end
                if let fault = head.conclude(bytes) { return .fault(fault) }
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

    /// What can be judged only when every field is known: host and framing (RFC 9112 §3.2, §6.3).
    @_noLocks private mutating func conclude(_ bytes: borrowing RawSpan) -> HTTPFault? {
        if fields.hasHost, !fields.host.isEmpty {
            guard HTTPHost.isValid(bytes, fields.host.lower, fields.host.upper) else { return .badHost }
        } else if fields.hasHost {
            // An empty Host is what a target without authority is sent with; there is no route for it.
            guard line.isAbsolute || line.minor == 0 else { return .missingHost }
        } else if line.minor > 0 {
            return .missingHost
        }
        if fields.hasTransferCoding {
            if fields.hasContentLength { return .lengthAndCoding }
            if line.minor == 0 { return .codingInHTTP10 }
            framing = .chunked
        } else if fields.hasContentLength {
            framing = .length(fields.contentLength)
        }
        return nil
    }
}

extension HTTPRequestHead {
    package var method: HTTPMethod { @_noLocks get { line.method } }
    package var minor: UInt8 { @_noLocks get { line.minor } }
    package var target: ByteRange { @_noLocks get { line.target } }
    package var form: HTTPRequestLine.TargetForm { @_noLocks get { line.form } }
    package var options: HTTPConnectionOptions { @_noLocks get { fields.options } }
    package var expectsContinue: Bool { @_noLocks get { fields.expectsContinue && line.minor > 0 } }
    /// The value of Upgrade; empty when there is none.
    package var upgrade: ByteRange { @_noLocks get { fields.upgrade } }
    /// The value of Gost-Forwarded-Node; empty when there is none.
    package var forwardedNode: ByteRange { @_noLocks get { fields.forwardedNode } }

    /// Host and port the request is for: the authority of an absolute target (which wins, RFC 9112 §3.2.2), else the
    /// Host field. Empty only in HTTP/1.0.
    package var host: ByteRange { @_noLocks get { line.isAbsolute ? line.authority : fields.host } }

    /// `host` without its port.
    @_noLocks package func hostName(_ bytes: borrowing RawSpan) -> ByteRange {
        let range = host
        guard let end = HTTPHost.nameEnd(bytes, range.lower, range.upper) else { return range }
        return ByteRange(range.lower, end)
    }

    /// Whether the visitor's connection stays open after the answer, as far as the request says (RFC 9112 §9.3).
    package var keepsConnection: Bool {
        @_noLocks get {
            if options.has(.close) { return false }
            return line.minor > 0 || options.has(.keepAlive)
        }
    }

    /// Whether the request asks for another protocol (RFC 9110 §7.8; never in HTTP/1.0).
    package var asksUpgrade: Bool {
        @_noLocks get { line.minor > 0 && options.has(.upgrade) && !fields.upgrade.isEmpty }
    }
}
