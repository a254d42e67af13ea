import Primitives

/// A network: the addresses that begin with the same bits. IPv4 networks in their IPv4-mapped form, as in
/// `SocketAddress`. Trivial.
package struct AddressPrefix: Hashable, Sendable, BitwiseCopyable {
    /// Bytes 0–7 and 8–15 of the network's first address, each as a big-endian number.
    package let high: UInt64
    package let low: UInt64
    /// 0 to 128, of the IPv6 form: 10.0.0.0/8 has 104.
    package let bits: UInt8

    /// The network of `address` whose first `bits` bits are its own; nil when there are more than 128. Bits behind them
    /// are dropped.
    package init?(_ address: SocketAddress, bits: UInt8) {
        guard bits <= 128 else { return nil }
        self.bits = bits
        high = address.high & AddressPrefix.mask(min(bits, 64))
        low = address.low & AddressPrefix.mask(bits > 64 ? bits - 64 : 0)
    }

    /// `10.0.0.0/8`, `2001:db8::/32`, or one address; nil for anything else.
    package init?(_ text: String) {
        var text = text
        guard let read = text.withUTF8({ AddressPrefix.read(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = read
    }

    private static func read(_ text: UnsafeRawBufferPointer) -> AddressPrefix? {
        let end = text.firstIndex(of: 0x2F) ?? text.count
        guard let address = AddressText.read(text.bytes, 0, end) else { return nil }
        // `::ffff:10.0.0.0/104` counts in IPv6, `10.0.0.0/8` in IPv4.
        let isIPv4 = AddressText.readIPv4(text.bytes, 0, end) != nil
        guard end < text.count else { return AddressPrefix(address, bits: 128) }
        let digits = text[(end + 1)...]
        guard digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let bits = UInt8(String(decoding: digits, as: UTF8.self)), bits <= (isIPv4 ? 32 : 128)
        else { return nil }
        return AddressPrefix(address, bits: isIPv4 ? bits + 96 : bits)
    }

    /// `10.0.0.0/8` or `2001:db8:0:0:0:0:0:0/32`, as `init` reads it.
    package var text: String {
        let address = SocketAddress(high: high, low: low, port: 0)
        return address.ipv4 != nil && bits >= 96 ? "\(address.hostText)/\(bits - 96)" : "\(address.hostText)/\(bits)"
    }

    /// A word whose first `bits` (≤ 64) bits are set.
    @_noLocks private static func mask(_ bits: UInt8) -> UInt64 {
        bits == 0 ? 0 : UInt64.max &<< UInt64(64 &- bits)
    }

    /// Whether an address is of this network; its port does not matter.
    @_noLocks package func contains(_ address: SocketAddress) -> Bool {
        address.high & AddressPrefix.mask(min(bits, 64)) == high
            && address.low & AddressPrefix.mask(bits > 64 ? bits &- 64 : 0) == low
    }
}

/// The networks of the proxies that are believed, kept in place: looked through for every request, without a reference.
package struct TrustedProxies: Sendable, BitwiseCopyable {
    /// Most networks that a node believes.
    package static let countMax = 32

    private var high = InlineArray<32, UInt64>(repeating: 0)
    private var low = InlineArray<32, UInt64>(repeating: 0)
    private var bits = InlineArray<32, UInt8>(repeating: 0)
    private var count = 0

    /// Nobody.
    package init() {}

    /// At most `countMax` networks.
    package init(_ prefixes: [AddressPrefix]) {
        precondition(prefixes.count <= TrustedProxies.countMax)
        for prefix in prefixes {
            high[count] = prefix.high
            low[count] = prefix.low
            bits[count] = prefix.bits
            count += 1
        }
    }

    package var isEmpty: Bool { @_noLocks get { count == 0 } }

    /// Whether an address is of one of the networks.
    @_noLocks package func contains(_ address: SocketAddress) -> Bool {
        for index in 0..<count {
            let prefix = AddressPrefix(high: high[index], low: low[index], bits: bits[index])
            if prefix.contains(address) { return true }
        }
        return false
    }
}

extension AddressPrefix {
    @_noLocks fileprivate init(high: UInt64, low: UInt64, bits: UInt8) {
        self.high = high
        self.low = low
        self.bits = bits
    }
}
