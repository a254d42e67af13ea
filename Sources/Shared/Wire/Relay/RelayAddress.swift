package import Model
package import Primitives

/// An address of the relay protocol (protocol relay §4.2): an IP address or a host name, and a port.
package struct RelayAddress: Sendable, BitwiseCopyable {
    /// Host of an address, by its type (protocol relay §4.2).
    package enum Host: Sendable, BitwiseCopyable {
        /// ATYP 1 and 4; IPv4 in its IPv4-mapped form, as in `SocketAddress`.
        case ip(high: UInt64, low: UInt64)
        /// ATYP 3; any bytes, possibly none.
        case name(InlineText)
    }

    package var host: Host
    package var port: UInt16

    @_noLocks package init(_ host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// An IP address and its port.
    @_noLocks package init(_ address: SocketAddress) {
        self.init(.ip(high: address.high, low: address.low), port: address.port)
    }

    @_noLocks package init(name: InlineText, port: UInt16) { self.init(.name(name), port: port) }

    /// The empty name and port 0, as `:0` is written.
    package static var empty: RelayAddress { @_noLocks get { RelayAddress(name: InlineText(), port: 0) } }

    /// The socket address, where the host is an IP address.
    package var socketAddress: SocketAddress? {
        @_noLocks get {
            switch host {
            case .ip(let high, let low): SocketAddress(high: high, low: low, port: port)
            case .name: nil
            }
        }
    }

    /// Whether a BIND with this destination asks for no host of its own (protocol relay §5): no host, `0.0.0.0`, `::`,
    /// and names that are not host names, such as the `0.0.0.0::0` of some clients.
    package var isUnspecified: Bool {
        switch host {
        case .ip(let high, let low): high == 0 && (low == 0 || low == 0xFFFF_0000_0000)
        case .name(let name): !RelayAddress.isHostName(name)
        }
    }

    /// Whether `name` is a host name: 1 to 253 letters, digits, `-`, `_` in labels of 1 to 63 with dots between, a
    /// trailing dot allowed, no label beginning or ending with a hyphen; and not an IPv4 address of zeros.
    package static func isHostName(_ name: InlineText) -> Bool {
        var count = Int(name.count)
        if count > 1, name[count - 1] == 0x2E { count -= 1 }
        guard count >= 1, count <= 253 else { return false }
        var labelStart = 0
        var isAllZero = true
        for index in 0...count {
            let byte: UInt8 = index < count ? name[index] : 0x2E
            if byte == 0x2E {
                guard index > labelStart, index - labelStart <= 63 else { return false }
                guard name[labelStart] != 0x2D, name[index - 1] != 0x2D else { return false }
                labelStart = index + 1
                continue
            }
            let letter = byte | 0x20
            let isLetter = letter >= 0x61 && letter <= 0x7A
            guard isLetter || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D || byte == 0x5F else { return false }
            if byte != 0x30 { isAllZero = false }
        }
        return !isAllZero
    }

    // MARK: Wire

    /// Bytes of the feature's data.
    package var byteCount: Int {
        @_noLocks get {
            switch host {
            case .ip(let high, let low): high == 0 && low &>> 32 == 0xFFFF ? 7 : 19
            case .name(let name): 4 &+ Int(name.count)
            }
        }
    }

    /// Writes the whole feature, type and length included.
    @_noLocks package func write(to writer: inout ByteWriter) {
        switch host {
        case .ip(let high, let low):
            RelayAddress.write(SocketAddress(high: high, low: low, port: port), to: &writer)
        case .name(let name):
            writer.byte(RelayFeature.address)
            writer.big16(4 &+ UInt16(name.count))
            writer.byte(3)
            writer.byte(name.count)
            writer.text(name)
            writer.big16(port)
        }
    }

    /// Writes the whole feature of an IP address; IPv4-mapped addresses as IPv4.
    @_noLocks static func write(_ address: SocketAddress, to writer: inout ByteWriter) {
        let isIPv4 = address.high == 0 && address.low &>> 32 == 0xFFFF
        writer.byte(RelayFeature.address)
        writer.big16(isIPv4 ? 7 : 19)
        writer.byte(isIPv4 ? 1 : 4)
        if isIPv4 {
            writer.big32(UInt32(truncatingIfNeeded: address.low))
        } else {
            writer.big64(address.high)
            writer.big64(address.low)
        }
        writer.big16(address.port)
    }

    /// Reads the feature's data; nil when it is not an address. Bytes after the port are ignored.
    @_noLocks static func read(_ bytes: borrowing RawSpan, from start: Int, to end: Int) -> RelayAddress? {
        var reader = ByteReader(from: start, to: end)
        let host: Host
        switch reader.byte(bytes) {
        case 1: host = .ip(high: 0, low: 0xFFFF_0000_0000 | UInt64(reader.big32(bytes)))
        case 3:
            let count = Int(reader.byte(bytes))
            guard let at = reader.take(count), let name = InlineText(bytes, at, at &+ count) else { return nil }
            host = .name(name)
        case 4:
            let high = reader.big64(bytes)
            host = .ip(high: high, low: reader.big64(bytes))
        default: return nil
        }
        let port = reader.big16(bytes)
        return reader.overran ? nil : RelayAddress(host, port: port)
    }
}

extension RelayAddress: Equatable {
    package static func == (left: RelayAddress, right: RelayAddress) -> Bool {
        guard left.port == right.port else { return false }
        switch (left.host, right.host) {
        case (.ip(let high, let low), .ip(let otherHigh, let otherLow)): return high == otherHigh && low == otherLow
        case (.name(let name), .name(let other)): return name == other
        default: return false
        }
    }
}
