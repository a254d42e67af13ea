package import Model
package import Primitives

/// The header by which a proxy says whom it speaks for, before the first byte of the connection it carries (PROXY
/// protocol, versions 1 and 2; protocol transports §7).
package struct ProxyHeader: Equatable, Sendable, BitwiseCopyable {
    /// Who connected to the proxy; nil when the proxy does not say (UNKNOWN, UNSPEC) or speaks for itself (LOCAL): the
    /// connection's own peer counts then.
    package var source: SocketAddress?
    /// Where to; nil with a nil source.
    package var destination: SocketAddress?

    @_noLocks package init(source: SocketAddress?, destination: SocketAddress?) {
        self.source = source
        self.destination = destination
    }

    /// Longest header of version 1, its CRLF included; version 2 is bounded by its reader.
    package static var lineBytesMax: Int { @_noLocks get { 107 } }
    /// Bytes of version 2 before its addresses.
    package static var fixedByteCount: Int { @_noLocks get { 16 } }
    /// The longest header we write, of either version.
    package static var writtenBytesMax: Int { @_noLocks get { 107 } }

    /// What the bytes so far hold.
    package enum Step: Equatable, Sendable, BitwiseCopyable {
        case needMore
        /// The connection begins without such a header.
        case absent
        case header(ProxyHeader, byteCount: Int)
        case fault(ProxyFault)
    }

    /// Reads the header at the start of `bytes`; a header of version 2 may take `limit` bytes in all. Never looks at
    /// what follows it, and says `absent` as soon as the first bytes cannot be the beginning of one.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        guard bytes.byteCount > 0 else { return .needMore }
        if ByteScan.byte(bytes, 0) == 0x50 { return ProxyLine.read(bytes) }
        return readBinary(bytes, limit)
    }

    // MARK: Version 2

    /// CR LF CR LF NUL CR LF Q U I T LF.
    @_noLocks private static func signature(_ index: Int) -> UInt8 {
        let first: UInt64 = 0x0D0A_0D0A_000D_0A51
        let second: UInt32 = 0x5549_540A
        return index < 8
            ? UInt8(truncatingIfNeeded: first &>> UInt64((7 &- index) &* 8))
            : UInt8(truncatingIfNeeded: second &>> UInt32((11 &- index) &* 8))
    }

    @_noLocks private static func readBinary(_ bytes: borrowing RawSpan, _ limit: Int) -> Step {
        for index in 0..<min(bytes.byteCount, 12) where ByteScan.byte(bytes, index) != signature(index) {
            return .absent
        }
        guard bytes.byteCount >= fixedByteCount else { return .needMore }
        var reader = ByteReader(from: 12, to: fixedByteCount)
        let command = reader.byte(bytes)
        let family = reader.byte(bytes)
        let length = Int(reader.big16(bytes))
        guard command &>> 4 == 2 else { return .fault(.unknownVersion) }
        guard command & 15 <= 1 else { return .fault(.unknownCommand) }
        let end = fixedByteCount &+ length
        guard end <= limit else { return .fault(.tooLong) }
        let isLocal = command & 15 == 0
        if !isLocal, let fault = judgeFamily(family, length) { return .fault(fault) }
        guard bytes.byteCount >= end else { return .needMore }
        var header = ProxyHeader(source: nil, destination: nil)
        if !isLocal { header.readAddresses(bytes, family: family, end: end) }
        return .header(header, byteCount: end)
    }

    /// The upper half says what kind of address, the lower half which transport (stream or datagram).
    @_noLocks private static func judgeFamily(_ family: UInt8, _ length: Int) -> ProxyFault? {
        guard family & 15 <= 2 else { return .unknownFamily }
        switch family &>> 4 {
        case 0: return nil
        case 1: return length < 12 ? .truncatedAddress : nil
        case 2: return length < 36 ? .truncatedAddress : nil
        case 3: return .unixAddress
        default: return .unknownFamily
        }
    }

    @_noLocks private mutating func readAddresses(_ bytes: borrowing RawSpan, family: UInt8, end: Int) {
        var reader = ByteReader(from: ProxyHeader.fixedByteCount, to: end)
        var from: SocketAddress
        var to: SocketAddress
        switch family &>> 4 {
        case 1:
            from = SocketAddress(ipv4: reader.big32(bytes), port: 0)
            to = SocketAddress(ipv4: reader.big32(bytes), port: 0)
        case 2:
            let fromHigh = reader.big64(bytes)
            from = SocketAddress(high: fromHigh, low: reader.big64(bytes), port: 0)
            let toHigh = reader.big64(bytes)
            to = SocketAddress(high: toHigh, low: reader.big64(bytes), port: 0)
        default: return
        }
        from.port = reader.big16(bytes)
        to.port = reader.big16(bytes)
        source = from
        destination = to
    }
}

// MARK: Writing

extension ProxyHeader {
    /// Writes version 1; at most `writtenBytesMax` bytes. Without a source `PROXY UNKNOWN`; without a destination the
    /// unspecified one.
    @_noLocks package func writeText(to writer: inout ByteWriter) {
        guard let source else { return writer.text("PROXY UNKNOWN\r\n") }
        let target = destination ?? ProxyHeader.unspecified(like: source)
        let isIPv4 = source.ipv4 != nil && target.ipv4 != nil
        writer.text(isIPv4 ? "PROXY TCP4 " : "PROXY TCP6 ")
        if isIPv4 { AddressText.write(source, to: &writer) } else { AddressText.writeIPv6(source, to: &writer) }
        writer.byte(0x20)
        if isIPv4 { AddressText.write(target, to: &writer) } else { AddressText.writeIPv6(target, to: &writer) }
        writer.byte(0x20)
        writer.decimal(UInt64(source.port))
        writer.byte(0x20)
        writer.decimal(UInt64(target.port))
        writer.text("\r\n")
    }

    /// Writes version 2, for a stream; 16, 28 or 52 bytes. Without a source LOCAL; without a destination the unspecified
    /// one.
    @_noLocks package func writeBinary(to writer: inout ByteWriter) {
        for index in 0..<12 { writer.byte(ProxyHeader.signature(index)) }
        guard let source else {
            writer.byte(0x20)
            writer.byte(0)
            return writer.big16(0)
        }
        let target = destination ?? ProxyHeader.unspecified(like: source)
        writer.byte(0x21)
        if let from = source.ipv4, let to = target.ipv4 {
            writer.byte(0x11)
            writer.big16(12)
            writer.big32(from)
            writer.big32(to)
        } else {
            // Addresses of two families: both in IPv6 form.
            writer.byte(0x21)
            writer.big16(36)
            writer.big64(source.high)
            writer.big64(source.low)
            writer.big64(target.high)
            writer.big64(target.low)
        }
        writer.big16(source.port)
        writer.big16(target.port)
    }

    @_noLocks private static func unspecified(like source: SocketAddress) -> SocketAddress {
        source.ipv4 != nil ? SocketAddress(ipv4: 0, port: 0) : SocketAddress(high: 0, low: 0, port: 0)
    }
}
