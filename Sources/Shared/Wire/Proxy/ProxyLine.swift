import Model
import Primitives

/// Version 1 of a proxy's header: one line of text, `PROXY TCP4 192.0.2.1 198.51.100.7 56324 443` and CRLF.
enum ProxyLine {
    /// Reads the line at the start of `bytes`, whose first byte is `P`: many methods of HTTP begin with it too.
    @_noLocks static func read(_ bytes: borrowing RawSpan) -> ProxyHeader.Step {
        // "PROXY "
        let letters: UInt64 = 0x2059_584F_5250
        for index in 0..<min(bytes.byteCount, 6)
        where ByteScan.byte(bytes, index) != UInt8(truncatingIfNeeded: letters &>> UInt64(index &* 8)) {
            return .absent
        }
        guard bytes.byteCount > 6 else { return .needMore }
        var end = 6
        while end < bytes.byteCount, ByteScan.byte(bytes, end) != 0x0D {
            let byte = ByteScan.byte(bytes, end)
            guard byte >= 0x20, byte < 0x7F else { return .fault(.badLine) }
            end = end &+ 1
            guard end &+ 2 <= ProxyHeader.lineBytesMax else { return .fault(.lineTooLong) }
        }
        guard end &+ 1 < bytes.byteCount else { return .needMore }
        guard ByteScan.byte(bytes, end &+ 1) == 0x0A else { return .fault(.badLine) }
        return readFields(bytes, from: 6, to: end)
    }

    @_noLocks private static func readFields(
        _ bytes: borrowing RawSpan, from start: Int, to end: Int
    ) -> ProxyHeader.Step {
        let nameEnd = fieldEnd(bytes, start, end)
        if ByteScan.equalsIgnoringCase(bytes, start, nameEnd, "unknown") {
            return .header(ProxyHeader(source: nil, destination: nil), byteCount: end &+ 2)
        }
        let isIPv4 = ByteScan.equalsIgnoringCase(bytes, start, nameEnd, "tcp4")
        guard isIPv4 || ByteScan.equalsIgnoringCase(bytes, start, nameEnd, "tcp6") else { return .fault(.badLine) }
        // Exactly one space before each of the four; an empty field is no address and no number.
        guard nameEnd < end else { return .fault(.badLine) }
        let sourceEnd = fieldEnd(bytes, nameEnd &+ 1, end)
        guard sourceEnd < end else { return .fault(.badLine) }
        let targetEnd = fieldEnd(bytes, sourceEnd &+ 1, end)
        guard targetEnd < end else { return .fault(.badLine) }
        let sourcePortEnd = fieldEnd(bytes, targetEnd &+ 1, end)
        guard sourcePortEnd < end else { return .fault(.badLine) }
        guard var source = address(bytes, nameEnd &+ 1, sourceEnd, isIPv4),
            var target = address(bytes, sourceEnd &+ 1, targetEnd, isIPv4)
        else { return .fault(.badAddress) }
        guard let sourcePort = port(bytes, targetEnd &+ 1, sourcePortEnd),
            let targetPort = port(bytes, sourcePortEnd &+ 1, end)
        else { return .fault(.badPort) }
        source.port = sourcePort
        target.port = targetPort
        return .header(ProxyHeader(source: source, destination: target), byteCount: end &+ 2)
    }

    @_noLocks private static func fieldEnd(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> Int {
        var position = start
        while position < end, ByteScan.byte(bytes, position) != 0x20 { position = position &+ 1 }
        return position
    }

    @_noLocks private static func address(
        _ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int, _ isIPv4: Bool
    ) -> SocketAddress? {
        isIPv4 ? AddressText.readIPv4(bytes, lower, upper) : AddressText.readIPv6(bytes, lower, upper)
    }

    /// One to five digits without leading zeros, at most 65,535.
    @_noLocks private static func port(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) -> UInt16? {
        guard upper > lower, upper &- lower <= 5 else { return nil }
        guard upper &- lower == 1 || ByteScan.byte(bytes, lower) != 0x30 else { return nil }
        var value = 0
        for index in lower..<upper {
            let byte = ByteScan.byte(bytes, index)
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value &* 10 &+ Int(byte &- 0x30)
        }
        return value <= 65_535 ? UInt16(value) : nil
    }
}
