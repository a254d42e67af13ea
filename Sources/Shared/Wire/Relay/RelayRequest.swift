package import Primitives

/// The first message on a link or stream, client to server (protocol relay §1.1). About two kilobytes, for the moment
/// of the handshake: not for slabs.
package struct RelayRequest: Sendable, BitwiseCopyable {
    package var command: RelayCommand
    package var network: RelayNetwork = .tcp
    /// Whether credentials were sent; without them both are empty.
    package var hasUserAuth = false
    package var user = InlineText()
    package var password = InlineText()
    /// The first address.
    package var source: RelayAddress?
    /// The last address after the first.
    package var destination: RelayAddress?
    package var tunnel: RelayTunnel?
    /// The metadata `record.mode`; empty when it is not sent.
    package var recordMode = InlineText()

    @_noLocks package init(_ command: RelayCommand) { self.command = command }

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        /// `total` bytes are needed, once that is known.
        case needMore(total: Int?)
        case message(RelayRequest, byteCount: Int)
        case fault(RelayFault)
    }

    /// Reads the request that starts with the first byte of `bytes`; it may take `limit` bytes in all. Never looks at
    /// what follows it.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        switch RelayFrame.read(bytes, limit: limit) {
        case .needMore(let total): return .needMore(total: total)
        case .fault(let fault): return .fault(fault)
        case .frame(let second, let end):
            var features = RelayFeatures()
            if let fault = features.read(bytes, from: 4, to: end) { return .fault(fault) }
            var request = RelayRequest(RelayCommand(number: second))
            request.network = features.network
            request.hasUserAuth = features.hasUserAuth
            request.user = features.user
            request.password = features.password
            request.source = features.source
            request.destination = features.destination
            request.tunnel = features.tunnel
            request.recordMode = features.recordMode
            return .message(request, byteCount: end)
        }
    }

    /// Writes the request with its features in the order stock clients use; the number of bytes, or nil when they do
    /// not fit in `target`.
    package func write(into target: UnsafeMutableRawBufferPointer) -> Int? {
        var writer = ByteWriter(target)
        let isUDP = network == .udp
        writer.byte(1)
        writer.byte(command.number | (isUDP ? 0x80 : 0))
        guard let lengthAt = writer.skip(2) else { return nil }
        if network != .tcp {
            writer.byte(RelayFeature.network)
            writer.big16(2)
            writer.big16(network.number)
        }
        if hasUserAuth {
            writer.byte(RelayFeature.userAuth)
            writer.big16(2 + UInt16(user.count) + UInt16(password.count))
            writer.byte(user.count)
            writer.text(user)
            writer.byte(password.count)
            writer.text(password)
        }
        source?.write(to: &writer)
        destination?.write(to: &writer)
        tunnel?.write(to: &writer)
        if !recordMode.isEmpty { writeMetadata(to: &writer) }
        guard let count = writer.finished else { return nil }
        writer.patchBig16(UInt16(count - 4), at: lengthAt)
        return count
    }

    private func writeMetadata(to writer: inout ByteWriter) {
        let key: StaticString = "record.mode"
        writer.byte(RelayFeature.metadata)
        writer.big16(6 + UInt16(key.utf8CodeUnitCount) + UInt16(recordMode.count))
        writer.big16(1)
        writer.big16(UInt16(key.utf8CodeUnitCount))
        writer.text(key)
        writer.big16(UInt16(recordMode.count))
        writer.text(recordMode)
    }
}

/// What every relay message begins with (protocol relay §1): version, command or status, length of the features.
enum RelayFrame: BitwiseCopyable {
    case needMore(total: Int?)
    /// The second byte, and the offset after the message.
    case frame(UInt8, end: Int)
    case fault(RelayFault)

    @_noLocks static func read(_ bytes: borrowing RawSpan, limit: Int) -> RelayFrame {
        let count = bytes.byteCount
        guard count > 0 else { return .needMore(total: nil) }
        guard ByteScan.byte(bytes, 0) == 1 else { return .fault(.wrongVersion) }
        guard count >= 4 else { return .needMore(total: nil) }
        let end = 4 &+ (Int(ByteScan.byte(bytes, 2)) &<< 8 | Int(ByteScan.byte(bytes, 3)))
        guard end <= limit else { return .fault(.tooLong) }
        guard count >= end else { return .needMore(total: end) }
        return .frame(ByteScan.byte(bytes, 1), end: end)
    }
}
