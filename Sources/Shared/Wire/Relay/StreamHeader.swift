package import Model
import Primitives

/// The head of every stream a server opens towards a client (protocol relay §9, mux §6): status 0, the visitor's
/// address, always numeric, and the host it asked for. Written once per stream: hot.
package enum StreamHeader {
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
