/// A stretch of a head or frame, by offset and count from that head's first byte; at most 65,535 bytes in.
///
/// Heads are bounded (`headBytesMax`), so two 16-bit numbers do and a parsed head stays a few words long.
package struct ByteRange: Equatable, Sendable, BitwiseCopyable {
    /// Offset of the first byte.
    package var start: UInt16
    package var count: UInt16

    /// The empty range at 0: "absent" where a field may be missing.
    @inlinable package static var none: ByteRange { @_noLocks get { ByteRange(start: 0, count: 0) } }

    @_noLocks @inlinable package init(start: UInt16, count: UInt16) {
        self.start = start
        self.count = count
    }

    /// Traps when the bounds do not fit: callers bound their heads first.
    @_noLocks @inlinable package init(_ lower: Int, _ upper: Int) {
        precondition(lower <= upper)
        self.init(start: UInt16(lower), count: UInt16(upper &- lower))
    }

    @inlinable package var isEmpty: Bool { @_noLocks get { count == 0 } }
    @inlinable package var lower: Int { @_noLocks get { Int(start) } }
    @inlinable package var upper: Int { @_noLocks get { Int(start) &+ Int(count) } }
}
