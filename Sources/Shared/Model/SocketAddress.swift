/// An IP address and port, IPv4 kept as an IPv4-mapped IPv6 address. Trivial and comparable by its bytes.
package struct SocketAddress: Hashable, Sendable, BitwiseCopyable {
    /// Bytes 0–7 and 8–15 of the IPv6 form, each as a big-endian number.
    package var high: UInt64
    package var low: UInt64
    package var port: UInt16

    @_noLocks package init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    /// `0.0.0.0:0`, the address written where none is known.
    package static var unknown: SocketAddress { SocketAddress(ipv4: 0, port: 0) }

    /// An IPv4 address in its IPv4-mapped form.
    @_noLocks package init(ipv4: UInt32, port: UInt16) {
        self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4), port: port)
    }

    /// The four bytes of an IPv4 or IPv4-mapped address, else nil.
    package var ipv4: UInt32? {
        @_noLocks get { high == 0 && low &>> 32 == 0xFFFF ? UInt32(truncatingIfNeeded: low) : nil }
    }

    /// `192.0.2.1:80` or `[2001:db8:0:0:0:0:0:1]:80`: groups without leading zeros, zero runs not shortened.
    package var text: String { ipv4 == nil ? "[\(hostText)]:\(port)" : "\(hostText):\(port)" }

    /// The address without its port, in the same form.
    package var hostText: String {
        if let ipv4 {
            return "\(ipv4 >> 24).\(ipv4 >> 16 & 255).\(ipv4 >> 8 & 255).\(ipv4 & 255)"
        }
        var groups: [String] = []
        for group in 0..<8 {
            let half: UInt64 = group < 4 ? high : low
            let shift = UInt64((3 - (group & 3)) * 16)
            groups.append(String(half >> shift & 0xFFFF, radix: 16))
        }
        return groups.joined(separator: ":")
    }
}
