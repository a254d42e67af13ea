import Primitives

/// What is wrong with the frames of a link; each is answered with a close frame of `closeCode` and the link's end.
package enum WebSocketFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case reservedBits, unknownOpcode, notMasked, masked
    case fragmentedControl, longControl
    case unexpectedContinuation, missingContinuation
    case badLength, badCloseFrame

    /// Protocol error, RFC 6455 §7.4.1.
    package var closeCode: UInt16 { 1002 }
}

/// One step of a link's inbound frames.
package enum WebSocketStep: Equatable, BitwiseCopyable {
    case needMore
    /// `count` (> 0) bytes of payload, unmasked, at `offset` of the bytes given.
    case payload(offset: Int, count: Int)
    /// To be answered by a pong with the same payload: `controlPayload`.
    case ping
    case pong
    /// The code the peer gave, 1005 when it gave none. Nothing follows.
    case close(code: UInt16)
    case broken(WebSocketFault)
}

/// The inbound half of one WebSocket used as a byte pipe (RFC 6455 §5, protocol transports §5.4): frames split
/// anywhere, fragments with control frames between them, message boundaries without meaning, strict in everything else.
///
/// Payload is unmasked in place, in the memory it was received into; only the payload of a control frame (≤ 125 bytes)
/// is kept inside. After `close` or `broken` every further step is the same.
package struct WebSocketReader: BitwiseCopyable {
    /// Which side reads. A server's peer must mask, a client's peer must not.
    package enum Role: UInt8, Sendable, BitwiseCopyable {
        case server, client
    }

    private enum Phase: UInt8, BitwiseCopyable {
        case header, payload, control, closed, broken

        var isBroken: Bool {
            @_noLocks get {
                if case .broken = self { true } else { false }
            }
        }
    }

    private let expectsMask: Bool
    private var phase = Phase.header
    private var opcode = WebSocketOpcode.binary
    /// Whether a fragmented message is open.
    private var isFragmented = false
    private var fault = WebSocketFault.reservedBits
    private var closeCode: UInt16 = 0
    /// The mask's key, rotated to the next payload byte; 0 when there is no mask.
    private var key: UInt32 = 0
    /// Payload bytes of the frame still to come.
    private var remaining: UInt64 = 0
    /// Header bytes so far, and the bytes themselves: 0–7 and 8–13, each as a little-endian number.
    private var gathered: UInt8 = 0
    private var controlCount: UInt8 = 0
    private var headerLow: UInt64 = 0
    private var headerHigh: UInt64 = 0
    private var control = InlineArray<125, UInt8>(repeating: 0)

    /// A reader at the beginning of a connection, as the given side of it.
    @_noLocks package init(role: Role) {
        switch role {
        case .server: expectsMask = true
        case .client: expectsMask = false
        }
    }

    /// Bytes of the last ping, pong or close frame.
    package var controlPayloadCount: Int { @_noLocks get { Int(controlCount) } }

    /// Copies the payload of the last ping, pong or close frame to `target` (room for 125 bytes); gives its count.
    @_noLocks package func copyControlPayload(to target: UnsafeMutableRawPointer) -> Int {
        for index in 0..<Int(controlCount) {
            target.storeBytes(of: control[index], toByteOffset: index, as: UInt8.self)
        }
        return Int(controlCount)
    }

    /// The next step from the bytes at `cursor`, which moves past what the step covers. Payload stays where it is.
    @_noLocks package mutating func next(
        _ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int
    ) -> WebSocketStep {
        var end = 0
        return advance(bytes, &cursor, compacting: false, &end)
    }

    /// As `next`, but payload is moved down to `end` while it is unmasked, and `end` moves behind it: the payloads of
    /// many small frames become one run. `end` must not be above `cursor`.
    @_noLocks package mutating func nextCompacting(
        _ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int, to end: inout Int
    ) -> WebSocketStep {
        precondition(end >= 0 && end <= cursor)
        return advance(bytes, &cursor, compacting: true, &end)
    }

    @_noLocks private mutating func advance(
        _ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int, compacting: Bool, _ end: inout Int
    ) -> WebSocketStep {
        precondition(cursor >= 0 && cursor <= bytes.count)
        while true {
            switch phase {
            case .header:
                guard gatherHeader(bytes, &cursor) else { return phase.isBroken ? .broken(fault) : .needMore }
                begin()
            case .payload:
                let available = bytes.count &- cursor
                guard available > 0, let base = bytes.baseAddress else { return .needMore }
                let count = Int(min(UInt64(available), remaining))
                remaining = remaining &- UInt64(count)
                if remaining == 0 { phase = .header }
                let target = compacting ? end : cursor
                if expectsMask {
                    Mask.move(to: base + target, from: base + cursor, count: count, key: key)
                    key = Mask.rotated(key, by: count)
                } else if target != cursor {
                    Mask.move(to: base + target, from: base + cursor, count: count, key: 0)
                }
                cursor = cursor &+ count
                end = target &+ count
                return .payload(offset: target, count: count)
            case .control:
                guard gatherControl(bytes, &cursor) else { return .needMore }
                if let step = finishControl() { return step }
            case .closed:
                return .close(code: closeCode)
            case .broken:
                return .broken(fault)
            }
        }
    }

    /// Gathers a header; true when it is complete, false when bytes are missing or it is broken.
    @_noLocks private mutating func gatherHeader(_ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        if gathered == 0, bytes.count &- cursor >= 16 {
            headerLow = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: cursor, as: UInt64.self))
            headerHigh = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: cursor &+ 8, as: UInt64.self))
            guard judge() else { return false }
            cursor = cursor &+ headerCount
            return true
        }
        while gathered < 2 || Int(gathered) < headerCount {
            guard cursor < bytes.count else { return false }
            let byte = UInt64(base.load(fromByteOffset: cursor, as: UInt8.self))
            if gathered < 8 {
                headerLow |= byte &<< UInt64(gathered &* 8)
            } else {
                headerHigh |= byte &<< UInt64((gathered &- 8) &* 8)
            }
            gathered = gathered &+ 1
            cursor = cursor &+ 1
            if gathered == 2, !judge() { return false }
        }
        return true
    }

    /// The header's first and second byte.
    private var firstByte: UInt8 { @_noLocks get { UInt8(truncatingIfNeeded: headerLow) } }
    private var secondByte: UInt8 { @_noLocks get { UInt8(truncatingIfNeeded: headerLow &>> 8) } }

    /// Bytes of the header whose first two are known.
    private var headerCount: Int {
        @_noLocks get {
            let length = secondByte & 0x7F
            return (length == 126 ? 4 : length == 127 ? 10 : 2) &+ (expectsMask ? 4 : 0)
        }
    }

    /// Judges the first two bytes of a header (RFC 6455 §5.1, §5.2, §5.4, §5.5).
    @_noLocks private mutating func judge() -> Bool {
        let isFinal = firstByte & 0x80 != 0
        guard firstByte & 0x70 == 0 else { return fail(.reservedBits) }
        guard let known = WebSocketOpcode(number: firstByte & 0x0F) else { return fail(.unknownOpcode) }
        let hasMask = secondByte & 0x80 != 0
        guard hasMask == expectsMask else { return fail(hasMask ? .masked : .notMasked) }
        switch known {
        case .close, .ping, .pong:
            guard isFinal else { return fail(.fragmentedControl) }
            guard secondByte & 0x7F <= 125 else { return fail(.longControl) }
        case .continuation:
            guard isFragmented else { return fail(.unexpectedContinuation) }
            isFragmented = !isFinal
        case .text, .binary:
            guard !isFragmented else { return fail(.missingContinuation) }
            isFragmented = !isFinal
        }
        opcode = known
        return true
    }

    /// Takes length and key from a complete header.
    @_noLocks private mutating func begin() {
        let short = secondByte & 0x7F
        let length: UInt64
        let keyBytes: UInt64
        switch short {
        case 126:
            length = UInt64(UInt16(truncatingIfNeeded: headerLow &>> 16).byteSwapped)
            keyBytes = headerLow &>> 32
        case 127:
            length = (headerLow &>> 16 | headerHigh &<< 48).byteSwapped
            keyBytes = headerHigh &>> 16
        default:
            length = UInt64(short)
            keyBytes = headerLow &>> 16
        }
        // The shortest form only, and no more than 63 bits (RFC 6455 §5.2).
        guard short < 126 || length > (short == 126 ? 125 : 65_535), length <= UInt64(Int64.max) else {
            _ = fail(.badLength)
            return
        }
        key = expectsMask ? UInt32(truncatingIfNeeded: keyBytes) : 0
        gathered = 0
        headerLow = 0
        headerHigh = 0
        remaining = length
        switch opcode {
        case .close, .ping, .pong:
            controlCount = 0
            phase = .control
        case .continuation, .text, .binary:
            phase = length == 0 ? .header : .payload
        }
    }

    /// Gathers the payload of a control frame; true when it is complete.
    @_noLocks private mutating func gatherControl(
        _ bytes: UnsafeMutableRawBufferPointer, _ cursor: inout Int
    ) -> Bool {
        while remaining > 0, cursor < bytes.count, let base = bytes.baseAddress {
            let byte = base.load(fromByteOffset: cursor, as: UInt8.self)
            control[Int(controlCount)] = byte ^ UInt8(truncatingIfNeeded: key)
            key = Mask.rotated(key, by: 1)
            controlCount = controlCount &+ 1
            remaining = remaining &- 1
            cursor = cursor &+ 1
        }
        return remaining == 0
    }

    /// The step of a complete control frame.
    @_noLocks private mutating func finishControl() -> WebSocketStep? {
        phase = .header
        switch opcode {
        case .ping: return .ping
        case .pong: return .pong
        case .close:
            closeCode = controlCount >= 2 ? UInt16(control[0]) &<< 8 | UInt16(control[1]) : 1005
            guard controlCount != 1, controlCount == 0 || WebSocketReader.mayBeSent(closeCode) else {
                _ = fail(.badCloseFrame)
                return nil
            }
            phase = .closed
            return nil
        case .continuation, .text, .binary: preconditionFailure("data frame in the control phase")
        }
    }

    /// Close codes that may stand in a frame (RFC 6455 §7.4).
    @_noLocks private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    @_noLocks private mutating func fail(_ fault: WebSocketFault) -> Bool {
        phase = .broken
        self.fault = fault
        return false
    }
}
