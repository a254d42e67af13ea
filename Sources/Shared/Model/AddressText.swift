package import Primitives

/// IP addresses from and to text, in place: for the header of a proxy, forwarding fields and name indications, where
/// nothing may be allocated.
package enum AddressText {
    /// Most bytes that `write` needs and `read` looks at: an IPv6 address with an IPv4 tail.
    package static var byteCountMax: Int { @_noLocks get { 45 } }

    /// The IPv4 or IPv6 address in `bytes[lower ..< upper]`, with port 0; nil when it is anything else. No brackets, no
    /// zone, no leading zeros in IPv4 (RFC 3986 §3.2.2, RFC 4291 §2.2).
    @_noLocks package static func read(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) -> SocketAddress? {
        readIPv4(bytes, lower, upper) ?? readIPv6(bytes, lower, upper)
    }

    /// Four numbers of one to three digits with dots between.
    @_noLocks package static func readIPv4(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) -> SocketAddress? {
        var value: UInt32 = 0
        var part: UInt32 = 0
        var digits = 0
        var dots = 0
        var position = lower
        while position < upper {
            let byte = ByteScan.byte(bytes, position)
            position = position &+ 1
            if byte == 0x2E {
                guard digits > 0, dots < 3 else { return nil }
                value = value &<< 8 | part
                part = 0
                digits = 0
                dots = dots &+ 1
                continue
            }
            // A leading zero would be octal to some readers.
            guard byte >= 0x30, byte <= 0x39, digits == 0 || part > 0 else { return nil }
            part = part &* 10 &+ UInt32(byte &- 0x30)
            guard part <= 255 else { return nil }
            digits = digits &+ 1
        }
        return dots == 3 && digits > 0 ? SocketAddress(ipv4: value &<< 8 | part, port: 0) : nil
    }

    /// Up to eight groups of one to four digits, one run of zeros left out, the last two perhaps as an IPv4 address.
    @_noLocks package static func readIPv6(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) -> SocketAddress? {
        guard upper &- lower >= 2, upper &- lower <= byteCountMax else { return nil }
        var groups = AddressGroups()
        var position = lower
        if ByteScan.byte(bytes, position) == 0x3A {
            guard ByteScan.byte(bytes, position &+ 1) == 0x3A else { return nil }
            groups.gap = 0
            position = position &+ 2
        }
        while position < upper {
            let start = position
            var group: UInt16 = 0
            while position < upper, position &- start < 4, let digit = hexDigit(ByteScan.byte(bytes, position)) {
                group = group &<< 4 | digit
                position = position &+ 1
            }
            guard position > start else { return nil }
            let next: UInt8 = position < upper ? ByteScan.byte(bytes, position) : 0x3A
            if next == 0x2E {
                guard let tail = readIPv4(bytes, start, upper)?.low else { return nil }
                guard groups.append(UInt16(truncatingIfNeeded: tail &>> 16)) else { return nil }
                guard groups.append(UInt16(truncatingIfNeeded: tail)) else { return nil }
                return groups.address
            }
            guard next == 0x3A, groups.append(group) else { return nil }
            guard position < upper else { break }
            position = position &+ 1
            guard position < upper else { return nil }
            if ByteScan.byte(bytes, position) == 0x3A {
                guard groups.gap < 0 else { return nil }
                groups.gap = groups.count
                position = position &+ 1
            }
        }
        return groups.address
    }

    @_noLocks private static func hexDigit(_ byte: UInt8) -> UInt16? {
        if byte >= 0x30, byte <= 0x39 { return UInt16(byte &- 0x30) }
        let letter = byte | 0x20
        return letter >= 0x61 && letter <= 0x66 ? UInt16(letter &- 0x57) : nil
    }

    /// Writes the address without its port: IPv4 with dots, IPv6 as RFC 5952 has it.
    @_noLocks package static func write(_ address: SocketAddress, to writer: inout ByteWriter) {
        if let ipv4 = address.ipv4 { writeIPv4(ipv4, to: &writer) } else { writeIPv6(address, to: &writer) }
    }

    @_noLocks private static func writeIPv4(_ ipv4: UInt32, to writer: inout ByteWriter) {
        writer.decimal(UInt64(ipv4 &>> 24))
        writer.byte(0x2E)
        writer.decimal(UInt64(ipv4 &>> 16 & 255))
        writer.byte(0x2E)
        writer.decimal(UInt64(ipv4 &>> 8 & 255))
        writer.byte(0x2E)
        writer.decimal(UInt64(ipv4 & 255))
    }

    /// Writes the address in IPv6 form, an IPv4 one as `::ffff:192.0.2.1`.
    @_noLocks package static func writeIPv6(_ address: SocketAddress, to writer: inout ByteWriter) {
        if let ipv4 = address.ipv4 {
            writer.text("::ffff:")
            return writeIPv4(ipv4, to: &writer)
        }
        let zeros = longestZeros(address)
        var group = 0
        while group < 8 {
            if group == zeros.lower, zeros.count > 1 {
                writer.text("::")
                group = zeros.upper
                continue
            }
            if group > 0, group != zeros.upper || zeros.count < 2 { writer.byte(0x3A) }
            writeGroup(Self.group(address, group), to: &writer)
            group = group &+ 1
        }
    }

    /// The first of the longest runs of zero groups.
    @_noLocks private static func longestZeros(_ address: SocketAddress) -> ByteRange {
        var longest = ByteRange.none
        var start = 0
        for index in 0..<8 {
            if group(address, index) != 0 {
                start = index &+ 1
            } else if index &+ 1 &- start > Int(longest.count) {
                longest = ByteRange(start, index &+ 1)
            }
        }
        return longest
    }

    @_noLocks private static func group(_ address: SocketAddress, _ index: Int) -> UInt16 {
        let half = index < 4 ? address.high : address.low
        return UInt16(truncatingIfNeeded: half &>> UInt64((3 &- (index & 3)) &* 16))
    }

    @_noLocks private static func writeGroup(_ group: UInt16, to writer: inout ByteWriter) {
        var shift: UInt16 = 12
        while shift > 0, group &>> shift == 0 { shift = shift &- 4 }
        while true {
            let digit = UInt8(truncatingIfNeeded: group &>> shift & 15)
            writer.byte(digit < 10 ? digit &+ 0x30 : digit &+ 0x57)
            guard shift > 0 else { return }
            shift = shift &- 4
        }
    }
}

/// The groups of an IPv6 address while its text is read.
private struct AddressGroups: BitwiseCopyable {
    private var groups = InlineArray<8, UInt16>(repeating: 0)
    private(set) var count = 0
    /// How many groups stand before the run of zeros that was left out; negative without one.
    var gap = -1

    @_noLocks init() {}

    /// False when there are eight already.
    @_noLocks mutating func append(_ group: UInt16) -> Bool {
        guard count < 8 else { return false }
        groups[count] = group
        count = count &+ 1
        return true
    }

    /// The address, or nil when too few groups came, or a gap that stands for none.
    var address: SocketAddress? {
        @_noLocks get {
            guard gap < 0 ? count == 8 : count < 8 else { return nil }
            var high: UInt64 = 0
            var low: UInt64 = 0
            for index in 0..<8 {
                var group: UInt16 = 0
                if gap < 0 || index < gap {
                    group = groups[index]
                } else if index >= 8 &- (count &- gap) {
                    group = groups[index &- (8 &- count)]
                }
                if index < 4 { high = high &<< 16 | UInt64(group) } else { low = low &<< 16 | UInt64(group) }
            }
            return SocketAddress(high: high, low: low, port: 0)
        }
    }
}
