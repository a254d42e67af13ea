package import Model
import Primitives

/// The head of every stream a server opens towards a client (protocol relay §9, mux §6): status 0, the visitor's
/// address, always numeric, and the host it asked for. Written once per stream: hot.
package struct StreamHeader: Sendable, BitwiseCopyable {
    /// The visitor's address; `unknown` when it was left out or is a name, which is never resolved.
    package var source: SocketAddress
    /// The host the visitor asked for.
    package var destination: RelayAddress?

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        /// `total` bytes are needed, once that is known.
        case needMore(total: Int?)
        case header(StreamHeader, byteCount: Int)
        /// A status other than 0.
        case refused(status: UInt8)
        case fault(RelayFault)
    }

    /// Reads the header that starts with the first byte of `bytes`; it may take `limit` bytes in all. Never looks at
    /// the payload that follows it.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        switch RelayResponse.read(bytes, limit: limit) {
        case .needMore(let total): return .needMore(total: total)
        case .fault(let fault): return .fault(fault)
        case .message(let response, let count):
            guard response.status == 0 else { return .refused(status: response.status) }
            var source = SocketAddress(ipv4: 0, port: 0)
            if let first = response.source, let address = first.socketAddress { source = address }
            return .header(StreamHeader(source: source, destination: response.destination), byteCount: count)
        }
    }

    /// Longest header in bytes: an IPv6 source and a name of 255 bytes.
    package static var byteCountMax: Int { @_noLocks get { 4 &+ 3 &+ 19 &+ 3 &+ 4 &+ 255 } }

    /// Writes the header at `target`, which must have room for `byteCountMax` bytes; gives its bytes. `host` (without
    /// its port) is written as a name, byte for byte, whatever it looks like.
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, source: SocketAddress, host: UnsafeRawBufferPointer, port: UInt16
    ) -> Int {
        precondition(host.count <= 255)
        var writer = ByteWriter(UnsafeMutableRawBufferPointer(start: target, count: byteCountMax))
        writer.byte(1)
        writer.byte(0)
        let lengthAt = writer.skip(2) ?? 0
        RelayAddress.write(source, to: &writer)
        writer.byte(RelayFeature.address)
        writer.big16(4 &+ UInt16(truncatingIfNeeded: host.count))
        writer.byte(3)
        writer.byte(UInt8(truncatingIfNeeded: host.count))
        writer.copy(host)
        writer.big16(port)
        writer.patchBig16(UInt16(truncatingIfNeeded: writer.count &- 4), at: lengthAt)
        return writer.count
    }

    /// As above with an address as the destination: what a relay visitor asked for, passed on as it came.
    @_noLocks package static func write(
        to target: UnsafeMutableRawPointer, source: SocketAddress, destination: borrowing RelayAddress
    ) -> Int {
        var writer = ByteWriter(UnsafeMutableRawBufferPointer(start: target, count: byteCountMax))
        writer.byte(1)
        writer.byte(0)
        let lengthAt = writer.skip(2) ?? 0
        RelayAddress.write(source, to: &writer)
        destination.write(to: &writer)
        writer.patchBig16(UInt16(truncatingIfNeeded: writer.count &- 4), at: lengthAt)
        return writer.count
    }
}
