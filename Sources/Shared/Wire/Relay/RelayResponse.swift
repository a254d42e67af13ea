import Primitives

/// The answer to a request, and the head of every stream that a server opens (protocol relay §1.2, §5, §9).
package struct RelayResponse: Sendable, BitwiseCopyable {
    /// A `RelayStatus`'s number, or anything else a peer may send.
    package var status: UInt8
    /// The first address: the host and port a BIND was given; the visitor's address in a stream's head.
    package var source: RelayAddress?
    /// The last address after the first: the host the visitor asked for, in a stream's head.
    package var destination: RelayAddress?
    /// The connector's id.
    package var connector: RelayTunnel?

    @_noLocks package init(_ status: RelayStatus) { self.status = status.number }

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        /// `total` bytes are needed, once that is known.
        case needMore(total: Int?)
        case message(RelayResponse, byteCount: Int)
        case fault(RelayFault)
    }

    /// Reads the response that starts with the first byte of `bytes`; it may take `limit` bytes in all. Never looks at
    /// what follows it.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        switch RelayFrame.read(bytes, limit: limit) {
        case .needMore(let total): return .needMore(total: total)
        case .fault(let fault): return .fault(fault)
        case .frame(let second, let end):
            var features = RelayFeatures()
            if let fault = features.read(bytes, from: 4, to: end) { return .fault(fault) }
            var response = RelayResponse(.ok)
            response.status = second
            response.source = features.source
            response.destination = features.destination
            response.connector = features.tunnel
            return .message(response, byteCount: end)
        }
    }

    /// Writes the response; the number of bytes, or nil when they do not fit in `target`.
    @_noLocks package func write(into target: UnsafeMutableRawBufferPointer) -> Int? {
        var writer = ByteWriter(target)
        writer.byte(1)
        writer.byte(status)
        guard let lengthAt = writer.skip(2) else { return nil }
        source?.write(to: &writer)
        destination?.write(to: &writer)
        connector?.write(to: &writer)
        guard let count = writer.finished else { return nil }
        writer.patchBig16(UInt16(truncatingIfNeeded: count &- 4), at: lengthAt)
        return count
    }
}
