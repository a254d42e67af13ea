import Primitives

/// The incremental reader of a chunked body (RFC 9112 §7.1): strict, without memory of its own beyond a few words.
///
/// ```
/// size ──;──▶ extension ──CR──▶ sizeEnd ──LF──▶ data ──▶ dataEnd ──CRLF──▶ size …
///   └───────────CR────────────▶ sizeEnd (size 0) ──LF──▶ trailerStart ──CRLF──▶ done
/// ```
/// Refused: a size that is not 1 to 16 hexadecimal digits or above 2^63 − 1, white space around it, bare CR or LF,
/// controls in extensions or trailers, extensions and trailers above their limits.
package struct HTTPChunkedReader: BitwiseCopyable {
    /// Longest extension of one chunk, in bytes.
    package static var extensionBytesMax: Int { @_noLocks get { 256 } }
    /// Longest trailer section, in bytes.
    package static var trailerBytesMax: Int { @_noLocks get { 8_192 } }

    private enum Phase: UInt8, BitwiseCopyable {
        case size, extended, sizeEnd, data, dataEnd, dataEndFeed
        case trailerStart, trailerName, trailerValue, trailerEnd, lastFeed
        case done
    }

    private var phase = Phase.size
    /// Digits of the size so far.
    private var digits: UInt8 = 0
    /// Bytes of the current extension, or of the trailer section.
    private var lineBytes: UInt16 = 0
    /// The chunk's size while it is read, then the bytes of it still to come.
    private var remaining: UInt64 = 0

    @_noLocks package init() {}

    /// Whether the body has been read to its end.
    package var isDone: Bool { @_noLocks get { hasPhase(.done) } }

    @_noLocks @inline(__always) private func hasPhase(_ other: Phase) -> Bool { phase.rawValue == other.rawValue }

    /// The next step from the bytes at `cursor`, which moves past what the step covers.
    @_noLocks package mutating func next(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> HTTPBodyStep {
        let count = bytes.byteCount
        precondition(cursor >= 0 && cursor <= count)
        if isDone { return .end }
        if cursor == count { return .needMore }
        if hasPhase(.data) {
            let taken = Int(min(UInt64(count &- cursor), remaining))
            remaining = remaining &- UInt64(taken)
            if remaining == 0 { phase = .dataEnd }
            let start = cursor
            cursor = cursor &+ taken
            return .data(offset: start, count: taken)
        }
        let start = cursor
        while cursor < count, !hasPhase(.data), !isDone {
            if let fault = advance(ByteScan.byte(bytes, cursor)) { return .fault(fault) }
            cursor = cursor &+ 1
        }
        return .framing(offset: start, count: cursor &- start)
    }

    /// One byte of framing.
    @_noLocks private mutating func advance(_ byte: UInt8) -> HTTPFault? {
        switch phase {
        case .size: return advanceSize(byte)
        case .extended:
            if byte == 0x0D {
                phase = .sizeEnd
                return nil
            }
            guard HTTPBytes.isFieldValue(byte) else { return .badChunkSize }
            lineBytes = lineBytes &+ 1
            return Int(lineBytes) > HTTPChunkedReader.extensionBytesMax ? .chunkExtensionTooLong : nil
        case .sizeEnd:
            guard byte == 0x0A else { return .bareCarriageReturn }
            phase = remaining == 0 ? .trailerStart : .data
            lineBytes = 0
            digits = 0
            return nil
        case .dataEnd:
            guard byte == 0x0D else { return .badChunkEnd }
            phase = .dataEndFeed
            return nil
        case .dataEndFeed:
            guard byte == 0x0A else { return .badChunkEnd }
            phase = .size
            return nil
        case .trailerStart, .trailerName, .trailerValue, .trailerEnd, .lastFeed: return advanceTrailer(byte)
        case .data, .done: preconditionFailure("framing byte inside a chunk")
        }
    }

    @_noLocks private mutating func advanceSize(_ byte: UInt8) -> HTTPFault? {
        if let digit = HTTPBytes.hexValue(byte) {
            guard digits < 16, remaining <= UInt64(Int64.max) &>> 4 else { return .chunkTooLarge }
            digits = digits &+ 1
            remaining = remaining &<< 4 | UInt64(digit)
            return nil
        }
        guard digits > 0 else { return .badChunkSize }
        switch byte {
        case 0x0D: phase = .sizeEnd
        case 0x3B: phase = .extended
        default: return .badChunkSize
        }
        return nil
    }

    @_noLocks private mutating func advanceTrailer(_ byte: UInt8) -> HTTPFault? {
        lineBytes = lineBytes &+ 1
        guard Int(lineBytes) <= HTTPChunkedReader.trailerBytesMax else { return .trailerTooLong }
        switch phase {
        case .trailerStart:
            if byte == 0x0D {
                phase = .lastFeed
            } else {
                guard HTTPBytes.isToken(byte) else { return .badTrailer }
                phase = .trailerName
            }
        case .trailerName:
            if byte == 0x3A {
                phase = .trailerValue
            } else if !HTTPBytes.isToken(byte) {
                return .badTrailer
            }
        case .trailerValue:
            if byte == 0x0D {
                phase = .trailerEnd
            } else if !HTTPBytes.isFieldValue(byte) {
                return .badTrailer
            }
        case .trailerEnd:
            guard byte == 0x0A else { return .badTrailer }
            phase = .trailerStart
        default:
            guard byte == 0x0A else { return .badTrailer }
            phase = .done
        }
        return nil
    }
}
