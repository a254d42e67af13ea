// The memory that operations point at. Laid out here so that the worker fills it without knowing the kernel's structs;
// each shell keeps whatever headers its system calls need beside it.

/// A gathered send: up to `capacity` ranges. The layout of a range is that of `struct iovec`, that of the header is
/// free for the shell (`struct msghdr`, 56 bytes on 64-bit Linux).
package struct SendVector: BitwiseCopyable {
    package static var capacity: Int { @_noLocks get { 64 } }

    /// Room for the shell's message header.
    package var header = InlineArray<8, UInt64>(repeating: 0)
    package var count: UInt32 = 0
    package var bytes: UInt32 = 0
    package var ranges = InlineArray<64, SendRange>(repeating: SendRange(address: 0, count: 0))

    @_noLocks package init() {}
}

/// One range of a gathered send.
package struct SendRange: BitwiseCopyable {
    package var address: UInt
    package var count: UInt

    package init(address: UInt, count: UInt) {
        self.address = address
        self.count = count
    }
}

/// One datagram to be sent: at most `SendVector.capacity` ranges, which may hold no bytes at all.
package struct SendDatagram: BitwiseCopyable {
    /// The datagram's bytes: at least one range, of a length that may be 0.
    package var vector = SendVector()
    /// Whom it goes to; only where `family` is not 0.
    package var peer = PeerAddress()
    /// The socket's own address family (a `DialFamily`): how `peer` is written. 0 for a socket that is connected.
    package var family: UInt32 = 0
    /// Room for the shell's socket address.
    package var storage = InlineArray<4, UInt64>(repeating: 0)

    package init() {}
}

/// How a buffer that datagrams are received into is laid out. Every datagram fits: UDP's longest has 65,527 bytes.
package enum DatagramBuffer {
    /// The sender's `PeerAddress` at the start, and room for what a kernel writes there.
    package static var headBytes: Int { @_noLocks get { 48 } }
    package static var dataBytes: Int { @_noLocks get { 65_536 } }
    /// From one buffer to the next: whole pages.
    package static var strideBytes: Int { @_noLocks get { 69_632 } }
}

/// What kind of socket `openSocket` makes.
package enum SocketType: UInt64, Sendable, BitwiseCopyable {
    case stream = 0
    case datagram
}

/// Bytes and descriptors over a Unix socket.
package struct DescriptorMessage: BitwiseCopyable {
    package static var descriptorsMax: Int { @_noLocks get { 32 } }

    /// Room for the shell's message header, its one range and the control bytes.
    package var header = InlineArray<8, UInt64>(repeating: 0)
    package var range = SendRange(address: 0, count: 0)
    package var control = InlineArray<24, UInt64>(repeating: 0)
    package var descriptors = InlineArray<32, Int32>(repeating: -1)
    package var descriptorCount: UInt32 = 0

    package init() {}
}

/// Address families a worker may dial.
package enum DialFamily: UInt32, Sendable, BitwiseCopyable {
    case ipv4 = 1
    case ipv6
    case unix

    /// As the compiler would derive it, but said to be free of locks.
    @_noLocks
    package init?(rawValue: UInt32) {
        switch rawValue {
        case 1: self = .ipv4
        case 2: self = .ipv6
        case 3: self = .unix
        default: return nil
        }
    }
}

/// Where to connect: an IP address and port, or a path.
package struct DialAddress: BitwiseCopyable {
    package var family: UInt32 = 0
    package var port: UInt16 = 0
    /// Bytes of the IPv6 form, big-endian halves; an IPv4 address in the low four bytes.
    package var high: UInt64 = 0
    package var low: UInt64 = 0
    package var path = InlineArray<108, UInt8>(repeating: 0)
    package var pathCount: UInt8 = 0
    /// Room for the shell's socket address.
    package var storage = InlineArray<16, UInt64>(repeating: 0)
    package var storageCount: UInt32 = 0

    package init() {}
}

/// A peer's address as the shell read it: the IPv6 form in big-endian halves, IPv4 as IPv4-mapped.
package struct PeerAddress: BitwiseCopyable {
    package var high: UInt64 = 0
    package var low: UInt64 = 0xFFFF_0000_0000
    package var port: UInt16 = 0

    package init() {}
}

/// Where a shell mapped a file.
package struct MappedFile: BitwiseCopyable {
    package var address: UInt = 0
    package var byteCount: UInt64 = 0

    package init() {}
}
