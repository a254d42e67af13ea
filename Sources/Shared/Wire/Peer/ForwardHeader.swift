package import Model
import Primitives

/// The head of every stream on a peer link: the hop mark, whose visitor it is, then the header of every stream
/// (protocol mux §6): the visitor's real address and the host it asked for.
///
/// ```
/// 0 hops: 1    1 flags: 1 = datagrams    2 tunnel id (16)    18 stream header
/// ```
///
/// A stream that came over a peer link is never forwarded again, whatever its mark says; the mark shows a peer that does
/// otherwise.
package struct ForwardHeader: Sendable, BitwiseCopyable {
    package var tunnel: TunnelID
    package var isUDP: Bool
    /// The visitor's address.
    package var source: SocketAddress
    /// The host it asked for.
    package var destination: RelayAddress

    package init(tunnel: TunnelID, isUDP: Bool, source: SocketAddress, destination: RelayAddress) {
        self.tunnel = tunnel
        self.isUDP = isUDP
        self.source = source
        self.destination = destination
    }

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        case needMore
        case header(ForwardHeader, byteCount: Int)
        /// The hop mark says that it was forwarded already.
        case looped
        case fault
    }

    private static var headBytes: Int { @_noLocks get { 18 } }
    /// Longest header in bytes.
    package static var byteCountMax: Int { @_noLocks get { headBytes + StreamHeader.byteCountMax } }
    private static var udpFlag: UInt8 { @_noLocks get { 1 } }

    /// Reads the header that starts with the first byte of `bytes`; what follows it is not looked at.
    package static func read(_ bytes: UnsafeRawBufferPointer) -> Step {
        let span = bytes.bytes
        if bytes.count > 0, bytes[0] != 1 { return bytes[0] == 0 ? .fault : .looped }
        if bytes.count > 1, bytes[1] & ~udpFlag != 0 { return .fault }
        guard bytes.count >= headBytes else { return .needMore }
        var reader = ByteReader(from: 2, to: headBytes)
        let tunnel = TunnelID(high: reader.big64(span), low: reader.big64(span))
        guard !tunnel.isZero else { return .fault }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[headBytes...])
        switch StreamHeader.read(rest.bytes, limit: StreamHeader.byteCountMax) {
        case .needMore: return .needMore
        case .refused, .fault: return .fault
        case .header(let header, let count):
            return .header(
                ForwardHeader(
                    tunnel: tunnel, isUDP: bytes[1] & udpFlag != 0, source: header.source,
                    destination: header.destination ?? .empty),
                byteCount: headBytes + count)
        }
    }

    /// Writes the header at `target`, which must have room for `byteCountMax` bytes; gives its bytes.
    package func write(to target: UnsafeMutableRawPointer) -> Int {
        var writer = ByteWriter(UnsafeMutableRawBufferPointer(start: target, count: ForwardHeader.headBytes))
        writer.byte(1)
        writer.byte(isUDP ? ForwardHeader.udpFlag : 0)
        writer.big64(tunnel.high)
        writer.big64(tunnel.low)
        return writer.count
            + StreamHeader.write(to: target + ForwardHeader.headBytes, source: source, destination: destination)
    }
}
