private import CScan

/// A cursor that writes into memory a caller holds; never past its end: what does not fit sets `overflowed` for good
/// and is dropped, so that an encoder judges once at the end.
package struct ByteWriter {
    private let target: UnsafeMutableRawBufferPointer
    /// Bytes written so far.
    package var count: Int { @_noLocks get { written } }
    /// Whether something did not fit.
    package var overflowed: Bool { @_noLocks get { dropped } }
    private var written = 0
    private var dropped = false

    @_noLocks package init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    /// The count when everything fitted, else nil.
    package var finished: Int? { @_noLocks get { overflowed ? nil : count } }

    /// Reserves `size` bytes, or nil (and `overflowed`).
    @_noLocks private mutating func reserve(_ size: Int) -> UnsafeMutableRawPointer? {
        guard !dropped, size >= 0, target.count &- written >= size, let base = target.baseAddress else {
            dropped = dropped || size != 0
            return nil
        }
        let place = base + written
        written = written &+ size
        return place
    }

    /// One byte; nothing and an overflowed writer where there is no room, as in all that follow.
    @_noLocks package mutating func byte(_ value: UInt8) {
        reserve(1)?.storeBytes(of: value, as: UInt8.self)
    }

    /// 2 bytes, most significant first.
    @_noLocks package mutating func big16(_ value: UInt16) {
        reserve(2)?.storeBytes(of: value.bigEndian, as: UInt16.self)
    }

    /// 4 bytes, most significant first.
    @_noLocks package mutating func big32(_ value: UInt32) {
        reserve(4)?.storeBytes(of: value.bigEndian, as: UInt32.self)
    }

    /// 8 bytes, most significant first.
    @_noLocks package mutating func big64(_ value: UInt64) {
        reserve(8)?.storeBytes(of: value.bigEndian, as: UInt64.self)
    }

    @_noLocks package mutating func little16(_ value: UInt16) { big16(value.byteSwapped) }
    @_noLocks package mutating func little32(_ value: UInt32) { big32(value.byteSwapped) }
    @_noLocks package mutating func little64(_ value: UInt64) { big64(value.byteSwapped) }

    /// The bytes `lower ..< upper` of `bytes`.
    @_noLocks package mutating func copy(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) {
        precondition(lower <= upper)
        guard let place = reserve(upper &- lower) else { return }
        ByteScan.copy(bytes, from: lower, count: upper &- lower, to: place)
    }

    /// All bytes of `bytes`.
    @_noLocks package mutating func copy(_ bytes: borrowing RawSpan) { copy(bytes, 0, bytes.byteCount) }

    /// All bytes of `source`, which must not overlap the target.
    @_noLocks package mutating func copy(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, let place = reserve(source.count) else { return }
        culvert_copy(place, start, source.count)
    }

    /// ASCII text known at compile time.
    @_noLocks package mutating func text(_ text: StaticString) {
        guard let place = reserve(text.utf8CodeUnitCount) else { return }
        culvert_copy(place, text.utf8Start, text.utf8CodeUnitCount)
    }

    /// The bytes of `text`.
    @_noLocks package mutating func text(_ text: borrowing InlineText) {
        guard let place = reserve(Int(text.count)) else { return }
        text.copy(to: place)
    }

    /// `value` in decimal digits.
    @_noLocks package mutating func decimal(_ value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor = divisor &* 10 }
        while divisor > 0 {
            byte(UInt8(truncatingIfNeeded: value / divisor % 10) &+ 0x30)
            divisor /= 10
        }
    }

    /// Leaves `size` bytes to be filled in later; gives their offset, or nil when they do not fit.
    @_noLocks package mutating func skip(_ size: Int) -> Int? {
        reserve(size) == nil ? nil : count &- size
    }

    /// Overwrites two bytes already written or skipped.
    @_noLocks package mutating func patchBig16(_ value: UInt16, at offset: Int) {
        precondition(offset >= 0 && offset &+ 2 <= count)
        target.baseAddress!.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }
}
