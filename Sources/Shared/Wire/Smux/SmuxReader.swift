/// One step of a session's inbound half.
package enum SmuxStep: Equatable, BitwiseCopyable {
    case needMore
    /// SYN.
    case open(stream: UInt32)
    /// FIN.
    case finish(stream: UInt32)
    /// `count` (> 0) bytes of a PSH at `offset` of the span given: as much of the frame as is there.
    case data(stream: UInt32, offset: Int, count: Int)
    case keepAlive
    case window(stream: UInt32, consumed: UInt32, window: UInt32)
    case halfClose(stream: UInt32)
    case reset(stream: UInt32, reason: UInt32)
    case opened(stream: UInt32)
    case goAway
    case instance(UInt64)
    /// A piece of a notice at `offset` of the span given; the text is over when `isLast`.
    case notice(offset: Int, count: Int, isLast: Bool)
    case broken(SmuxFault)
}

/// The inbound half of one smux session (protocol mux §3): frames split anywhere, payload handed on as it arrives and
/// never copied. A few words long; lives in a slab.
///
/// ```
/// header ──PSH──▶ payload ──▶ header        header ──UPD, extensions──▶ fixed (≤ 8 bytes) ──▶ header
///        ──SYN, FIN, NOP (length ignored)──▶ header                         └──notice──▶ text ──▶ header
///        ──anything else──▶ broken, for good
/// ```
package struct SmuxReader: BitwiseCopyable {
    private enum Phase: UInt8, BitwiseCopyable {
        case header, payload, fixed, text, broken
    }

    private var phase = Phase.header
    /// 1 or 2; 0 until the first frame tells.
    package private(set) var version: UInt8
    /// Whether the extension's commands were agreed upon.
    package var speaksExtension: Bool
    private var fault = SmuxFault.wrongVersion
    /// Bytes gathered in `word`.
    private var gathered: UInt8 = 0
    private var command: UInt8 = 0
    /// Payload bytes still to come.
    private var remaining: UInt16 = 0
    private var stream: UInt32 = 0
    /// The header or fixed payload while it arrives in pieces, little-endian.
    private var word: UInt64 = 0

    /// A session of a known version (1 or 2), or, with nil, of the version its first frame has: an outer session where
    /// we only listen (protocol mux §2).
    @_noLocks package init(version: UInt8?, speaksExtension: Bool = false) {
        precondition(version == nil || version == 1 || version == 2)
        self.version = version ?? 0
        self.speaksExtension = speaksExtension
    }

    /// Whether the next byte is the first of a frame.
    package var isBetweenFrames: Bool { @_noLocks get { phase.rawValue == 0 && gathered == 0 } }

    /// The next step from the bytes at `cursor`, which moves past what the step covers.
    @_noLocks package mutating func next(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> SmuxStep {
        precondition(cursor >= 0 && cursor <= bytes.byteCount)
        while true {
            switch phase {
            case .header:
                guard gather(8, bytes, &cursor) else { return .needMore }
                let header = SmuxHeader(word: word)
                gathered = 0
                word = 0
                if let step = begin(header) { return step }
            case .payload:
                let available = bytes.byteCount &- cursor
                guard available > 0 else { return .needMore }
                let count = min(available, Int(remaining))
                remaining = remaining &- UInt16(truncatingIfNeeded: count)
                if remaining == 0 { phase = .header }
                let offset = cursor
                cursor = cursor &+ count
                return .data(stream: stream, offset: offset, count: count)
            case .fixed:
                guard gather(Int(remaining), bytes, &cursor) else { return .needMore }
                return finishFixed()
            case .text:
                let available = bytes.byteCount &- cursor
                guard available > 0 else { return .needMore }
                let count = min(available, Int(remaining))
                remaining = remaining &- UInt16(truncatingIfNeeded: count)
                if remaining == 0 { phase = .header }
                let offset = cursor
                cursor = cursor &+ count
                return .notice(offset: offset, count: count, isLast: remaining == 0)
            case .broken:
                return .broken(fault)
            }
        }
    }

    /// Fills `word` up to `wanted` (≤ 8) bytes; false when they are not all there yet.
    @_noLocks @inline(__always) private mutating func gather(
        _ wanted: Int, _ bytes: borrowing RawSpan, _ cursor: inout Int
    ) -> Bool {
        if gathered == 0, wanted == 8, bytes.byteCount &- cursor >= 8 {
            word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: cursor, as: UInt64.self))
            cursor = cursor &+ 8
            return true
        }
        while Int(gathered) < wanted, cursor < bytes.byteCount {
            let byte = bytes.unsafeLoadUnaligned(fromByteOffset: cursor, as: UInt8.self)
            word |= UInt64(byte) &<< UInt64(gathered &* 8)
            gathered = gathered &+ 1
            cursor = cursor &+ 1
        }
        return Int(gathered) == wanted
    }

    /// Judges a header; nil when a payload has to be read first.
    @_noLocks private mutating func begin(_ header: SmuxHeader) -> SmuxStep? {
        if version == 0, header.version == 1 || header.version == 2 { version = header.version }
        guard version != 0, header.version == version else { return fail(.wrongVersion) }
        guard let known = SmuxCommand(number: header.command), !known.isExtension || speaksExtension else {
            return fail(.unknownCommand)
        }
        stream = header.stream
        command = header.command
        switch known {
        case .open: return .open(stream: stream)
        case .finish: return .finish(stream: stream)
        case .keepAlive: return .keepAlive
        case .data:
            guard header.length > 0 else { return nil }
            expect(.payload, header.length)
        case .windowUpdate:
            // Eight bytes follow whatever the length says, in version 1 as well.
            expect(.fixed, 8)
        case .halfClose:
            return header.length == 0 ? .halfClose(stream: stream) : fail(.badExtensionLength)
        case .opened:
            return header.length == 0 ? .opened(stream: stream) : fail(.badExtensionLength)
        case .goAway:
            return header.length == 0 ? .goAway : fail(.badExtensionLength)
        case .reset:
            guard header.length == 4 else { return fail(.badExtensionLength) }
            expect(.fixed, 4)
        case .instance:
            guard header.length == 8 else { return fail(.badExtensionLength) }
            expect(.fixed, 8)
        case .notice:
            guard Int(header.length) <= SmuxCommand.noticeBytesMax else { return fail(.badExtensionLength) }
            guard header.length > 0 else { return .notice(offset: 0, count: 0, isLast: true) }
            expect(.text, header.length)
        }
        return nil
    }

    @_noLocks private mutating func expect(_ next: Phase, _ length: UInt16) {
        phase = next
        remaining = length
    }

    /// The step of a frame whose fixed payload is complete.
    @_noLocks private mutating func finishFixed() -> SmuxStep {
        let payload = word
        phase = .header
        remaining = 0
        gathered = 0
        word = 0
        let low = UInt32(truncatingIfNeeded: payload)
        switch command {
        case SmuxCommand.windowUpdate.number:
            return .window(stream: stream, consumed: low, window: UInt32(truncatingIfNeeded: payload &>> 32))
        case SmuxCommand.reset.number:
            return .reset(stream: stream, reason: low)
        default:
            return .instance(payload)
        }
    }

    @_noLocks private mutating func fail(_ fault: SmuxFault) -> SmuxStep {
        phase = .broken
        self.fault = fault
        return .broken(fault)
    }
}
