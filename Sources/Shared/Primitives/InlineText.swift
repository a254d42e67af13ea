/// Up to 255 bytes of text kept in place: host names, user names, addresses. Trivial, so it can live in slabs and
/// cross threads; raw bytes as they came from the wire, not validated as UTF-8.
package struct InlineText: Sendable, BitwiseCopyable {
    package private(set) var count: UInt8 = 0
    private var bytes = InlineArray<255, UInt8>(repeating: 0)

    package static let capacity = 255

    package init() {}

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
        for index in 0..<source.count { bytes[index] = source[index] }
        count = UInt8(source.count)
    }

    package var isEmpty: Bool { count == 0 }

    package subscript(index: Int) -> UInt8 {
        precondition(index < Int(count))
        return bytes[index]
    }

    /// Appends one byte; false when the text is full.
    package mutating func append(_ byte: UInt8) -> Bool {
        guard count < 255 else { return false }
        bytes[Int(count)] = byte
        count += 1
        return true
    }

    /// Calls `body` with the bytes, in place.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withUnsafeBytes(of: bytes) { body(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(count)))) }
    }

    /// For logs and configuration; not for the hot path.
    package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

extension InlineText: Equatable, Hashable {
    package static func == (left: InlineText, right: InlineText) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<Int(left.count) where left.bytes[index] != right.bytes[index] { return false }
        return true
    }

    package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }
}
