import Primitives

/// Walks the bytes of one handshake message across the records it is cut into, without putting them together.
///
/// Made for a message that is known to be there in full (`measure`); reading past its end gives zeros and sets
/// `overran` for good, so that a reader judges once.
struct HandshakeCursor: BitwiseCopyable, Sendable {
    /// Offset of the next byte, unless the record is used up.
    private var position: Int
    /// Bytes left in the record at `position`.
    private var inRecord = 0
    /// Bytes left in the message.
    private(set) var left: Int
    private(set) var overran = false

    static var recordHeaderByteCount: Int { @_noLocks get { 5 } }
    /// Most payload of one record (RFC 8446 §5.1).
    static var recordBytesMax: Int { @_noLocks get { 16_384 } }
    /// Most records one hello may be cut into: clients use one, those that hide the server's name two or three.
    static var recordsMax: Int { @_noLocks get { 64 } }

    /// A message of `count` bytes whose first record begins at offset 0.
    @_noLocks init(count: Int) {
        position = 0
        left = count
    }

    /// What is known of the message at the start of the bytes.
    enum Measure: BitwiseCopyable {
        case needMore
        /// The message takes `count` bytes of handshake, which end at offset `end`.
        case message(type: UInt8, count: Int, end: Int)
        case fault(TLSFault)
    }

    /// Finds out whether a whole message is there, and judges the records that it is in. Each record's header is judged
    /// as soon as it is there.
    @_noLocks static func measure(_ bytes: borrowing RawSpan, limit: Int) -> Measure {
        var position = 0
        var gathered = 0
        var head: UInt32 = 0
        for _ in 0..<recordsMax {
            let available = bytes.byteCount &- position
            if available > 0, ByteScan.byte(bytes, position) != 0x16 { return .fault(.notHandshake) }
            if available > 1, ByteScan.byte(bytes, position &+ 1) != 3 { return .fault(.notHandshake) }
            guard available >= recordHeaderByteCount else { return incomplete(bytes, limit) }
            var reader = ByteReader(from: position &+ 3, to: position &+ recordHeaderByteCount)
            let length = Int(reader.big16(bytes))
            if length == 0 { return .fault(.emptyRecord) }
            if length > recordBytesMax { return .fault(.recordTooLong) }
            position = position &+ recordHeaderByteCount
            // Four bytes, type and length, which records may divide as well.
            for index in 0..<length where gathered &+ index < 4 {
                guard position &+ index < bytes.byteCount else { return incomplete(bytes, limit) }
                head = head &<< 8 | UInt32(ByteScan.byte(bytes, position &+ index))
                if gathered &+ index == 0, head != 1 { return .fault(.notHello) }
            }
            if gathered &+ length >= 4 {
                let count = 4 &+ Int(head & 0xFF_FFFF)
                if count > limit { return .fault(.tooLong) }
                if gathered &+ length >= count {
                    let end = position &+ (count &- gathered)
                    if end > limit { return .fault(.tooLong) }
                    guard end <= bytes.byteCount else { return incomplete(bytes, limit) }
                    return .message(type: UInt8(truncatingIfNeeded: head &>> 24), count: count, end: end)
                }
            }
            gathered = gathered &+ length
            position = position &+ length
            guard position <= bytes.byteCount else { return incomplete(bytes, limit) }
        }
        return .fault(.tooManyRecords)
    }

    @_noLocks private static func incomplete(_ bytes: borrowing RawSpan, _ limit: Int) -> Measure {
        bytes.byteCount >= limit ? .fault(.tooLong) : .needMore
    }

    /// Goes to the next record if this one is used up. Only called with bytes of the message left.
    @_noLocks private mutating func enterRecord(_ bytes: borrowing RawSpan) {
        guard inRecord == 0 else { return }
        var reader = ByteReader(from: position &+ 3, to: position &+ HandshakeCursor.recordHeaderByteCount)
        inRecord = Int(reader.big16(bytes))
        position = position &+ HandshakeCursor.recordHeaderByteCount
    }

    @_noLocks mutating func byte(_ bytes: borrowing RawSpan) -> UInt8 {
        guard left > 0, !overran else {
            overran = true
            return 0
        }
        enterRecord(bytes)
        let byte = ByteScan.byte(bytes, position)
        position = position &+ 1
        inRecord = inRecord &- 1
        left = left &- 1
        return byte
    }

    @_noLocks mutating func big16(_ bytes: borrowing RawSpan) -> Int {
        let high = Int(byte(bytes))
        return high &<< 8 | Int(byte(bytes))
    }

    @_noLocks mutating func skip(_ count: Int, _ bytes: borrowing RawSpan) {
        guard count <= left, !overran else {
            overran = true
            return
        }
        var rest = count
        while rest > 0 {
            enterRecord(bytes)
            let step = min(rest, inRecord)
            position = position &+ step
            inRecord = inRecord &- step
            left = left &- step
            rest = rest &- step
        }
    }

    /// The next `count` (≤ 255) bytes.
    @_noLocks mutating func text(_ count: Int, _ bytes: borrowing RawSpan) -> InlineText {
        var text = InlineText()
        guard count <= left, count <= InlineText.capacity, !overran else {
            overran = true
            return text
        }
        for _ in 0..<count { _ = text.append(byte(bytes)) }
        return text
    }
}
