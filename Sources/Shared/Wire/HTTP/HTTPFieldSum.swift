package import Primitives

/// What the field lines of one head add up to, kept while they are read: framing fields, connection options and the
/// few ranges that are needed later. Shared by requests and answers; what is forbidden twice is refused here.
package struct HTTPFieldSum: BitwiseCopyable {
    package var contentLength: UInt64 = 0
    package var hasContentLength = false
    package var hasTransferCoding = false
    package var options = HTTPConnectionOptions(rawValue: 0)
    package var expectsContinue = false
    package var hasHost = false
    /// X-Forwarded-For, -Proto, -Host, Forwarded or X-Real-IP is there.
    package var hasForwarding = false
    package var host = ByteRange.none
    package var upgrade = ByteRange.none
    package var forwardedNode = ByteRange.none
    package var culvertURL = ByteRange.none
    package var fieldCount: UInt16 = 0

    /// Most field lines in one head.
    package static var fieldsMax: Int { @_noLocks get { 128 } }

    @_noLocks package init() {}

    /// Takes one line into account; nil when it is acceptable.
    @_noLocks package mutating func add(_ line: HTTPFieldLine, _ bytes: borrowing RawSpan) -> HTTPFault? {
        guard Int(fieldCount) < HTTPFieldSum.fieldsMax else { return .tooManyFields }
        fieldCount = fieldCount &+ 1
        switch line.name {
        case .other, .webSocketKey, .webSocketVersion, .webSocketAccept:
            return nil
        case .forwardedFor, .forwardedProto, .forwardedHost, .forwarded, .realAddress:
            hasForwarding = true
        case .host:
            guard !hasHost else { return .severalHosts }
            hasHost = true
            host = ByteRange(line.valueStart, line.valueEnd)
        case .connection:
            return addConnection(line, bytes)
        case .keepAlive, .proxyConnection:
            options.add(.hopFields)
        case .upgrade:
            // The first that says something; several lines are refused nowhere and rarely meant.
            if upgrade.isEmpty { upgrade = ByteRange(line.valueStart, line.valueEnd) }
        case .expect:
            expectsContinue = ByteScan.equalsIgnoringCase(bytes, line.valueStart, line.valueEnd, "100-continue")
        case .contentLength:
            guard !hasContentLength else { return .severalContentLengths }
            hasContentLength = true
            guard let length = HTTPFieldSum.length(bytes, line.valueStart, line.valueEnd) else {
                return .badContentLength
            }
            contentLength = length
        case .transferEncoding:
            guard !hasTransferCoding else { return .severalCodingFields }
            hasTransferCoding = true
            return HTTPFieldSum.judgeCoding(bytes, line.valueStart, line.valueEnd)
        case .forwardedNode:
            forwardedNode = ByteRange(line.valueStart, line.valueEnd)
        case .culvertURL:
            culvertURL = ByteRange(line.valueStart, line.valueEnd)
        }
        return nil
    }

    /// The options of a Connection field. Naming a field that frames or routes the message would make the next hop
    /// read it differently: refused.
    @_noLocks private mutating func addConnection(_ line: HTTPFieldLine, _ bytes: borrowing RawSpan) -> HTTPFault? {
        var elements = options.has(.present) ? 1 : 0
        options.add(.present)
        var position = line.valueStart
        while let element = HTTPListElement.next(bytes, &position, limit: line.valueEnd) {
            let (start, end) = (element.start, element.end)
            guard start < end else { continue }
            elements = elements &+ 1
            var offset = start
            while offset < end {
                guard HTTPBytes.isToken(ByteScan.byte(bytes, offset)) else { return .badFieldValue }
                offset = offset &+ 1
            }
            if ByteScan.equalsIgnoringCase(bytes, start, end, "close") {
                options.add(.close)
            } else {
                switch HTTPFieldName(bytes, start, end) {
                case .keepAlive: options.add(.keepAlive)
                case .upgrade: options.add(.upgrade)
                case .host, .contentLength, .transferEncoding: return .framingFieldNamed
                default: options.add(.named)
                }
            }
        }
        if elements > 1 { options.add(.several) }
        return nil
    }

    /// A Content-Length: decimal digits only, one number, below 2^63 (RFC 9110 §8.6).
    @_noLocks private static func length(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> UInt64? {
        guard start < end, end &- start <= 19 else { return nil }
        var value: UInt64 = 0
        for offset in start..<end {
            let byte = ByteScan.byte(bytes, offset)
            guard HTTPBytes.isDigit(byte) else { return nil }
            value = value &* 10 &+ UInt64(byte &- 0x30)
        }
        return value <= UInt64(Int64.max) ? value : nil
    }

    /// A Transfer-Encoding: exactly `chunked` is spoken. Codings that are not known are told apart from values that
    /// two readers could frame differently (`chunked` twice, not last, or with parameters; empty elements).
    @_noLocks private static func judgeCoding(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> HTTPFault? {
        if ByteScan.equalsIgnoringCase(bytes, start, end, "chunked") { return nil }
        var position = start
        var sawChunked = false
        while let element = HTTPListElement.next(bytes, &position, limit: end) {
            guard element.start < element.end, !sawChunked else { return .badTransferCoding }
            var nameEnd = element.start
            while nameEnd < element.end, HTTPBytes.isToken(ByteScan.byte(bytes, nameEnd)) { nameEnd = nameEnd &+ 1 }
            guard nameEnd > element.start else { return .badTransferCoding }
            if ByteScan.equalsIgnoringCase(bytes, element.start, nameEnd, "chunked") {
                guard nameEnd == element.end else { return .badTransferCoding }
                sawChunked = true
            }
        }
        return .unknownTransferCoding
    }
}
