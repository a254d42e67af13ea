package import Operations

/// Where somebody listens: an address in IPv6 form (IPv4 mapped) and a port, or a path on one host.
package struct SimulatedAddress: Hashable, Sendable {
    package var high: UInt64 = 0
    package var low: UInt64 = 0
    package var port: UInt16 = 0
    package var path: [UInt8] = []

    package init(low: UInt64, port: UInt16) {
        self.low = low
        self.port = port
    }

    package init(path: [UInt8]) { self.path = path }

    package init(_ dial: DialAddress) {
        switch DialFamily(rawValue: dial.family) {
        case .ipv4:
            low = 0xFFFF_0000_0000 | dial.low & 0xFFFF_FFFF
            port = dial.port
        case .ipv6:
            (high, low, port) = (dial.high, dial.low, dial.port)
        case .unix:
            path = (0..<Int(dial.pathCount)).map { dial.path[$0] }
        case nil:
            preconditionFailure("a dial address of no family")
        }
    }

    var isUnix: Bool { !path.isEmpty }

    /// As an operation's memory has it.
    package var dial: DialAddress {
        var dial = DialAddress()
        if isUnix {
            dial.family = DialFamily.unix.rawValue
            for (index, byte) in path.enumerated() { dial.path[index] = byte }
            dial.pathCount = UInt8(path.count)
        } else if high == 0 && low >> 32 == 0xFFFF {
            dial.family = DialFamily.ipv4.rawValue
            dial.low = low & 0xFFFF_FFFF
            dial.port = port
        } else {
            dial.family = DialFamily.ipv6.rawValue
            (dial.high, dial.low, dial.port) = (high, low, port)
        }
        return dial
    }
}

/// A machine of the simulated network. What it is reached by, and how far it is from others.
package final class SimulatedHost {
    let index: Int
    /// The IPv6 form of its address.
    package let high: UInt64
    package let low: UInt64
    var nextPort: UInt16 = 32_768

    init(index: Int, high: UInt64, low: UInt64) {
        self.index = index
        self.high = high
        self.low = low
    }

    /// A source port, never the same twice in a row.
    func takePort() -> UInt16 {
        nextPort = nextPort == 60_999 ? 32_768 : nextPort + 1
        return nextPort
    }
}
