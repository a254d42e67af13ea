import Model
import Operations
import Primitives

/// Where a connection of ours goes: an IP address and port, or a stream socket's path on this machine.
enum DialedAddress: BitwiseCopyable {
    case ip(SocketAddress)
    case unix(InlineText)

    /// Longest path of a socket, in bytes.
    static var pathBytesMax: Int { 107 }

    var family: DialFamily {
        switch self {
        case .ip(let address): address.ipv4 == nil ? .ipv6 : .ipv4
        case .unix: .unix
        }
    }

    /// As an operation's memory has it.
    var operand: DialAddress {
        var dial = DialAddress()
        dial.family = family.rawValue
        switch self {
        case .ip(let address):
            dial.port = address.port
            dial.high = address.high
            dial.low = address.low
        case .unix(let path):
            precondition(Int(path.count) <= dial.path.count, "a path that no socket address holds")
            for index in 0..<Int(path.count) { dial.path[index] = path[index] }
            dial.pathCount = path.count
        }
        return dial
    }
}
