import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// The host a request is for, as routing needs it (lower case, no trailing dot, no port) and as the tunnel client is
/// told (protocol mux §6: with `:80` where the visitor named no port).
struct RequestHost: BitwiseCopyable {
    let name: InlineText
    let destination: RelayAddress

    /// nil when there is no host or it is longer than a name can be.
    @_noLocks
    init?(_ head: HTTPRequestHead, _ bytes: UnsafeMutableRawBufferPointer) {
        let bytes = UnsafeRawBufferPointer(bytes)
        let range = head.hostName(bytes.bytes)
        let whole = head.host
        guard range.upper > range.lower, range.upper - range.lower <= InlineText.capacity else { return nil }
        guard let written = InlineText(bytes.bytes, range.lower, range.upper) else { return nil }
        var port: UInt32 = 0
        if range.upper + 1 < whole.upper {
            for index in (range.upper + 1)..<whole.upper { port = port &* 10 &+ UInt32(bytes[index] &- 0x30) }
        }
        name = written.hostFolded
        destination = RelayAddress(name: written, port: port == 0 ? 80 : UInt16(truncatingIfNeeded: port))
    }

    /// Tells a visitor's idle streams apart: same tunnel, same host, and the same client where streams are told of one.
    @_noLocks
    func key(_ tunnel: TunnelID, source: SocketAddress?) -> UInt64 {
        var hash = tunnel.high ^ (tunnel.low &* 0x9E37_79B9_7F4A_7C15)
        name.withBytes { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        if let source {
            hash = (hash ^ source.high) &* 0x0000_0100_0000_01B3
            hash = (hash ^ source.low) &* 0x9E37_79B9_7F4A_7C15
        }
        return hash ^ (hash >> 29)
    }
}
