import Primitives

/// The elements of a comma-separated field value (RFC 9110 §5.6.1), one at a time; quoted strings are not looked into,
/// as none of the lists read here may hold one.
package struct HTTPListElement: BitwiseCopyable {
    /// The element without the white space around it; may be empty.
    package var start: Int
    package var end: Int

    /// The element at `position`, which moves behind its comma; nil when the value has ended. `position` starts at the
    /// value's first byte and is above `limit` after the last element.
    @_noLocks package static func next(
        _ bytes: borrowing RawSpan, _ position: inout Int, limit: Int
    ) -> HTTPListElement? {
        guard position <= limit else { return nil }
        var end = position
        while end < limit, ByteScan.byte(bytes, end) != 0x2C { end = end &+ 1 }
        var element = HTTPListElement(start: position, end: end)
        position = end &+ 1
        while element.start < element.end, isBlank(ByteScan.byte(bytes, element.start)) {
            element.start = element.start &+ 1
        }
        while element.end > element.start, isBlank(ByteScan.byte(bytes, element.end &- 1)) {
            element.end = element.end &- 1
        }
        return element
    }

    @_noLocks @inline(__always) private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
