package import Model
package import Primitives

/// Appends the members of plane messages: numbers little-endian, texts with their length in front.
package struct PlaneByteWriter: Sendable {
    package fileprivate(set) var bytes: [UInt8]

    package init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    /// Little-endian.
    package mutating func put<Number: FixedWidthInteger & UnsignedInteger>(_ value: Number) {
        var rest = value
        for _ in 0..<(Number.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            if Number.bitWidth > 8 { rest >>= 8 }
        }
    }

    package mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }

    /// At most 65,535 bytes; a longer text is cut, since no text on the link has a reason to be that long.
    package mutating func put(_ text: String) {
        let count = min(text.utf8.count, Int(UInt16.max))
        put(UInt16(count))
        bytes.append(contentsOf: text.utf8.prefix(count))
    }

    /// A length byte, then the text.
    package mutating func put(_ text: InlineText) {
        put(text.count)
        text.withBytes { bytes.append(contentsOf: $0) }
    }

    /// 16 bytes.
    package mutating func put(_ identity: some Identity) {
        put(identity.high)
        put(identity.low)
    }

    /// 16 bytes of address, then the port.
    package mutating func put(_ address: SocketAddress) {
        put(address.high)
        put(address.low)
        put(address.port)
    }

    /// At most 65,535 bytes, with their number in front.
    package mutating func put(bytes more: some Collection<UInt8>) {
        put(count: more.count)
        bytes.append(contentsOf: more)
    }

    /// The number of elements of the list that follows: at most 65,535.
    package mutating func put(count: Int) {
        precondition(count <= Int(UInt16.max), "a list of a plane message has to be sent in parts")
        put(UInt16(count))
    }

    /// Overwrites one byte already written.
    mutating func patch(_ index: Int, _ byte: UInt8) { bytes[index] = byte }
}
