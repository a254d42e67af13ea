/// The eight bytes before every frame (protocol mux §3): version, command, payload length and stream id, little-endian.
package struct SmuxHeader: Equatable, Sendable, BitwiseCopyable {
    package var version: UInt8
    /// A `SmuxCommand`'s number, or anything else a peer may send.
    package var command: UInt8
    package var length: UInt16
    package var stream: UInt32

    package static var byteCount: Int { @_noLocks get { 8 } }
    /// Most payload in one frame.
    package static var payloadMax: Int { @_noLocks get { 65_535 } }
    /// Most payload that GOST sends in one frame, and what a sender should keep to.
    package static var payloadUsual: Int { @_noLocks get { 32_768 } }

    /// A header of a frame to be sent.
    @_noLocks package init(version: UInt8, command: SmuxCommand, length: UInt16, stream: UInt32) {
        self.version = version
        self.command = command.number
        self.length = length
        self.stream = stream
    }

    /// From the header's bytes as one little-endian number.
    @_noLocks package init(word: UInt64) {
        version = UInt8(truncatingIfNeeded: word)
        command = UInt8(truncatingIfNeeded: word &>> 8)
        length = UInt16(truncatingIfNeeded: word &>> 16)
        stream = UInt32(truncatingIfNeeded: word &>> 32)
    }

    /// The header at `cursor`, which moves behind it; nil when fewer than eight bytes are there.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> SmuxHeader? {
        guard cursor >= 0, bytes.byteCount &- cursor >= byteCount else { return nil }
        let word = bytes.unsafeLoadUnaligned(fromByteOffset: cursor, as: UInt64.self)
        cursor = cursor &+ byteCount
        return SmuxHeader(word: UInt64(littleEndian: word))
    }

    /// Writes the header at `target`, which must have room for eight bytes.
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, version: UInt8, command: SmuxCommand, length: UInt16, stream: UInt32
    ) {
        let word =
            UInt64(version) | UInt64(command.number) &<< 8 | UInt64(length) &<< 16 | UInt64(stream) &<< 32
        target.storeBytes(of: word.littleEndian, as: UInt64.self)
    }
}

/// A window update (version 2): the stream's bytes consumed so far and its window, both absolute (protocol mux §4.2).
package enum SmuxWindowUpdate {
    package static var byteCount: Int { @_noLocks get { 16 } }

    /// Writes the whole frame at `target`, which must have room for 16 bytes.
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, stream: UInt32, consumed: UInt32, window: UInt32
    ) {
        SmuxHeader.write(to: target, version: 2, command: .windowUpdate, length: 8, stream: stream)
        target.storeBytes(of: consumed.littleEndian, toByteOffset: 8, as: UInt32.self)
        target.storeBytes(of: window.littleEndian, toByteOffset: 12, as: UInt32.self)
    }
}

/// A stream reset with its reason; only where extensions were agreed upon.
package enum SmuxReset {
    package static var byteCount: Int { @_noLocks get { 12 } }

    /// Writes the whole frame at `target`, which must have room for 12 bytes.
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, version: UInt8, stream: UInt32, reason: UInt32
    ) {
        SmuxHeader.write(to: target, version: version, command: .reset, length: 4, stream: stream)
        target.storeBytes(of: reason.littleEndian, toByteOffset: 8, as: UInt32.self)
    }
}

/// The client's instance number; only where extensions were agreed upon.
package enum SmuxInstance {
    package static var byteCount: Int { @_noLocks get { 16 } }

    /// Writes the whole frame at `target`, which must have room for 16 bytes.
    @_noLocks package static func write(to target: UnsafeMutableRawPointer, version: UInt8, instance: UInt64) {
        SmuxHeader.write(to: target, version: version, command: .instance, length: 8, stream: 0)
        target.storeBytes(of: instance.littleEndian, toByteOffset: 8, as: UInt64.self)
    }
}
