package import Model
package import Primitives

/// Reads the members of one plane message, in order. Members after the last one that this version knows are ignored:
/// a later minor may have added them.
package struct PlaneByteReader: Sendable {
    private let kind: UInt16
    private let bytes: [UInt8]
    private var position = 0

    /// A reader at the beginning of a frame's body.
    package init(_ frame: PlaneFrame) {
        kind = frame.kind
        bytes = frame.body
    }

    private mutating func take(_ count: Int) throws(PlaneFault) -> ArraySlice<UInt8> {
        guard bytes.count - position >= count else { throw .truncated(kind: kind) }
        position += count
        return bytes[position - count..<position]
    }

    /// A value that no version of this major has was read.
    package var badValue: PlaneFault { .badValue(kind: kind) }

    /// The next number, little-endian.
    package mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
        _ type: Number.Type = Number.self
    ) throws(PlaneFault) -> Number {
        var value: Number = 0
        var shift = 0
        for byte in try take(Number.bitWidth / 8) {
            value |= Number(truncatingIfNeeded: byte) << Number(truncatingIfNeeded: shift)
            shift += 8
        }
        return value
    }

    /// The next byte, which must be 0 or 1.
    package mutating func bool() throws(PlaneFault) -> Bool {
        switch try number(UInt8.self) {
        case 0: false
        case 1: true
        default: throw badValue
        }
    }

    /// A text; bytes that are not UTF-8 are replaced.
    package mutating func string() throws(PlaneFault) -> String {
        let count = Int(try number(UInt16.self))
        return String(decoding: try take(count), as: UTF8.self)
    }

    /// The next text of at most 255 bytes.
    package mutating func inlineText() throws(PlaneFault) -> InlineText {
        let count = Int(try number(UInt8.self))
        let slice = try take(count)
        guard let text = slice.withUnsafeBytes({ InlineText(copying: $0) }) else { throw badValue }
        return text
    }

    /// The version at the head of a hello, in every major there will be; throws when this build does not speak it.
    package mutating func version() throws(PlaneFault) -> PlaneVersion {
        let version = PlaneVersion(major: try number(), minor: try number())
        guard version.isUnderstood else { throw .unknownVersion(version) }
        return version
    }

    /// The next 16 bytes.
    package mutating func identity<Kind: Identity>(_ type: Kind.Type = Kind.self) throws(PlaneFault) -> Kind {
        let high = try number(UInt64.self)
        return Kind(high: high, low: try number())
    }

    /// The next address and port.
    package mutating func socketAddress() throws(PlaneFault) -> SocketAddress {
        let high = try number(UInt64.self)
        let low = try number(UInt64.self)
        return SocketAddress(high: high, low: low, port: try number())
    }

    /// The next bytes, with their number in front, which is at most `most`.
    package mutating func bytes(atMost most: Int) throws(PlaneFault) -> [UInt8] {
        let count = Int(try number(UInt16.self))
        guard count <= most else { throw badValue }
        return Array(try take(count))
    }

    /// Whether every byte was read.
    package var isAtEnd: Bool { position == bytes.count }

    /// The number of elements of the list that follows.
    package mutating func count() throws(PlaneFault) -> Int { Int(try number(UInt16.self)) }
}
