/// One step of the inbound half of a conversation of datagrams.
package enum DatagramStep: Equatable, Sendable, BitwiseCopyable {
    case needMore
    /// `count` bytes of a datagram at `offset` of the span given: as much of it as is there, and none of an empty one,
    /// which is told once. The datagram is whole when `count` equals the reader's `length`.
    case piece(offset: Int, count: Int, isLast: Bool)
}

/// Datagrams on a stream: each behind its length in two bytes, most significant first (protocol tunnel-client §7).
/// Split anywhere, handed on as they arrive, never copied. A few bytes long; lives in a slab.
///
/// Every sequence of bytes is one of datagrams, so there is no fault; a length says at most 65,535.
package struct DatagramReader: BitwiseCopyable {
    private enum Phase: UInt8, BitwiseCopyable { case length, lowByte, payload }

    private var phase = Phase.length
    private var size: UInt16 = 0
    private var remaining: UInt16 = 0

    @_noLocks package init() {}

    /// Payload bytes of the datagram that the last piece belongs to.
    package var length: Int { @_noLocks get { Int(size) } }

    /// Whether the next byte begins a datagram: an end anywhere else cuts one short, which is then lost.
    package var isBetweenDatagrams: Bool {
        @_noLocks get { if case .length = phase { true } else { false } }
    }

    /// The next step from the bytes at `cursor`, which moves past what the step covers.
    @_noLocks package mutating func next(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> DatagramStep {
        precondition(cursor >= 0 && cursor <= bytes.byteCount)
        while cursor < bytes.byteCount {
            let byte = bytes.unsafeLoadUnaligned(fromByteOffset: cursor, as: UInt8.self)
            switch phase {
            case .length:
                size = UInt16(byte) &<< 8
                phase = .lowByte
                cursor = cursor &+ 1
            case .lowByte:
                size |= UInt16(byte)
                remaining = size
                cursor = cursor &+ 1
                if size == 0 {
                    phase = .length
                    return .piece(offset: cursor, count: 0, isLast: true)
                }
                phase = .payload
            case .payload:
                let offset = cursor
                let count = min(bytes.byteCount &- cursor, Int(remaining))
                cursor = cursor &+ count
                remaining = remaining &- UInt16(truncatingIfNeeded: count)
                if remaining == 0 { phase = .length }
                return .piece(offset: offset, count: count, isLast: remaining == 0)
            }
        }
        return .needMore
    }
}

/// What stands before every datagram on a stream.
package enum DatagramHeader {
    package static var byteCount: Int { @_noLocks get { 2 } }
    /// Most payload of one datagram on a stream; UDP itself carries 65,507 bytes over IPv4.
    package static var payloadMax: Int { @_noLocks get { 65_535 } }

    /// Writes the header of a datagram of `payload` bytes (≤ `payloadMax`) at `target`, which must have room for two.
    @_noLocks package static func write(to target: UnsafeMutableRawPointer, payload: Int) {
        precondition(payload >= 0 && payload <= payloadMax)
        target.storeBytes(of: UInt16(truncatingIfNeeded: payload).bigEndian, as: UInt16.self)
    }
}
