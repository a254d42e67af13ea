private import CScan

/// Up to 255 bytes of text kept in place: host names, user names, addresses. Trivial, so it can live in slabs and
/// cross threads; raw bytes as they came from the wire, not validated as UTF-8.
package struct InlineText: Sendable, BitwiseCopyable {
    package var count: UInt8 { @_noLocks get { length } }
    private var length: UInt8 = 0
    private var bytes = InlineArray<255, UInt8>(repeating: 0)

    package static var capacity: Int { @_noLocks get { 255 } }

    @_noLocks package init() {}

    /// The bytes of `text`, or nil when there are more than 255.
    package init?(_ text: String) {
        var text = text
        let fitted: InlineText? = text.withUTF8 { InlineText(copying: UnsafeRawBufferPointer($0)) }
        guard let fitted else { return nil }
        self = fitted
    }

    /// The given bytes, or nil when there are more than 255.
    package init?(copying source: UnsafeRawBufferPointer) {
        guard source.count <= InlineText.capacity else { return nil }
        if let start = source.baseAddress {
            withUnsafeMutableBytes(of: &bytes) { culvert_copy($0.baseAddress!, start, source.count) }
        }
        length = UInt8(source.count)
    }

    /// The bytes `lower ..< upper` of `source`, or nil when there are more than 255.
    @_noLocks package init?(_ source: borrowing RawSpan, _ lower: Int, _ upper: Int) {
        guard lower <= upper, upper &- lower <= InlineText.capacity else { return nil }
        for index in 0..<(upper &- lower) { bytes[index] = ByteScan.byte(source, lower &+ index) }
        length = UInt8(truncatingIfNeeded: upper &- lower)
    }

    /// The same text with ASCII letters in lower case: the form in which host names are compared.
    @_noLocks package func lowercased() -> InlineText {
        var text = self
        text.lowercase()
        return text
    }

    /// Puts ASCII letters in lower case.
    @_noLocks package mutating func lowercase() {
        for index in 0..<Int(count) where bytes[index] >= 0x41 && bytes[index] <= 0x5A { bytes[index] |= 0x20 }
    }

    /// Drops bytes from the end; `newCount` must not exceed the count.
    @_noLocks package mutating func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= Int(count))
        for index in newCount..<Int(count) { bytes[index] = 0 }
        length = UInt8(truncatingIfNeeded: newCount)
    }

    /// Copies the bytes to `target`, which must have room for `count` of them.
    @_noLocks package func copy(to target: UnsafeMutableRawPointer) {
        for index in 0..<Int(count) { target.storeBytes(of: bytes[index], toByteOffset: index, as: UInt8.self) }
    }

    package var isEmpty: Bool { @_noLocks get { length == 0 } }

    /// The byte at an index below `count`.
    package subscript(index: Int) -> UInt8 {
        @_noLocks get {
            precondition(index < Int(length))
            return bytes[index]
        }
    }

    /// Appends one byte; false when the text is full.
    @_noLocks package mutating func append(_ byte: UInt8) -> Bool {
        guard count < 255 else { return false }
        bytes[Int(count)] = byte
        length += 1
        return true
    }

    /// The text as a host name is compared: letters in lower case, one trailing dot left out.
    package var hostFolded: InlineText {
        @_noLocks get {
            var folded = lowercased()
            if length > 1, bytes[Int(length) - 1] == 0x2E { folded.truncate(to: Int(length) - 1) }
            return folded
        }
    }

    /// The bytes, of which the first `count` are the text: for what takes a pointer where a closure would capture.
    package var content: InlineArray<255, UInt8> { @_noLocks get { bytes } }

    /// Calls `body` with the bytes, in place.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(count)))) }
    }

    /// For logs and configuration; not for the hot path.
    package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

extension InlineText: Equatable, Hashable {
    @_noLocks package static func == (left: InlineText, right: InlineText) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<Int(left.count) where left.bytes[index] != right.bytes[index] { return false }
        return true
    }

    package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }
}
