import Primitives

/// One step through a body.
package enum HTTPBodyStep: Equatable, BitwiseCopyable {
    /// Content: `count` (> 0) bytes at `offset` of the span given.
    case data(offset: Int, count: Int)
    /// Chunk sizes, line ends, trailers: passed on with a chunked body, dropped when chunks are taken apart.
    case framing(offset: Int, count: Int)
    /// The body is over; the cursor stands on the first byte after it.
    case end
    case needMore
    case fault(HTTPFault)
}

/// A run of a body that is forwarded as it is, framing included.
package enum HTTPBodyRun: Equatable, BitwiseCopyable {
    /// `count` bytes (possibly 0) at `offset`; `isLast` when the body ends with them.
    case run(offset: Int, count: Int, isLast: Bool)
    case fault(HTTPFault)
}

/// The body of a request or an answer, whatever frames it (RFC 9112 §6.3): the same steps for all four framings.
package struct HTTPBody: BitwiseCopyable {
    private enum Kind: UInt8, BitwiseCopyable {
        case counted, chunked, untilClose
    }

    private var kind: Kind
    /// Counted bodies: bytes still to come.
    private var left: UInt64 = 0
    private var chunks = HTTPChunkedReader()

    /// A body at its beginning.
    @_noLocks package init(_ framing: HTTPFraming) {
        switch framing {
        case .none: kind = .counted
        case .length(let length):
            kind = .counted
            left = length
        case .chunked: kind = .chunked
        case .untilClose: kind = .untilClose
        }
    }

    /// Whether the body has been read to its end; never true for one that ends with the connection.
    package var isDone: Bool {
        @_noLocks get {
            switch kind {
            case .counted: left == 0
            case .chunked: chunks.isDone
            case .untilClose: false
            }
        }
    }

    /// Whether the end of the connection, now, ends the body properly.
    package var mayEndHere: Bool {
        @_noLocks get {
            if case .untilClose = kind { true } else { isDone }
        }
    }

    /// Bytes still to come, where that is known.
    package var remaining: UInt64? {
        @_noLocks get {
            if case .counted = kind { left } else { nil }
        }
    }

    /// The next step from the bytes at `cursor`, which moves past what the step covers. `.end` needs no further byte.
    @_noLocks package mutating func next(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> HTTPBodyStep {
        let available = bytes.byteCount &- cursor
        precondition(cursor >= 0 && available >= 0)
        let start = cursor
        switch kind {
        case .chunked:
            return chunks.next(bytes, &cursor)
        case .counted:
            if left == 0 { return .end }
            guard available > 0 else { return .needMore }
            let taken = Int(min(UInt64(available), left))
            left = left &- UInt64(taken)
            cursor = cursor &+ taken
            return .data(offset: start, count: taken)
        case .untilClose:
            guard available > 0 else { return .needMore }
            cursor = bytes.byteCount
            return .data(offset: start, count: available)
        }
    }

    /// Everything of the body in the bytes from `cursor` on, as one run to be forwarded.
    @_noLocks package mutating func pass(_ bytes: borrowing RawSpan, _ cursor: inout Int) -> HTTPBodyRun {
        let start = cursor
        while true {
            switch next(bytes, &cursor) {
            case .data, .framing: continue
            case .end: return .run(offset: start, count: cursor &- start, isLast: true)
            case .needMore: return .run(offset: start, count: cursor &- start, isLast: false)
            case .fault(let fault): return .fault(fault)
            }
        }
    }
}
