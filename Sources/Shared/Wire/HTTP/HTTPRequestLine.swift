package import Primitives

/// The first line of a request: `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3), read strictly: exactly
/// one space between the parts, no white space around them.
package struct HTTPRequestLine: BitwiseCopyable {
    /// What the target looks like (RFC 9112 §3.2); the authority form belongs to CONNECT, which is refused.
    package enum TargetForm: UInt8, Sendable, BitwiseCopyable {
        case origin, absolute, asterisk
    }

    package var method: HTTPMethod
    package var methodRange: ByteRange
    package var target: ByteRange
    package var form: TargetForm
    /// The minor version; 0 or 1. Higher ones (there are none) are read as 1.
    package var minor: UInt8
    /// Absolute form: the authority in the target.
    package var authority: ByteRange
    /// Offset after the line's CRLF.
    package var next: Int

    /// Whether the target is in absolute form.
    package var isAbsolute: Bool {
        @_noLocks get {
            if case .absolute = form { true } else { false }
        }
    }

    /// What the bytes so far hold.
    package enum Step: BitwiseCopyable {
        case line(HTTPRequestLine)
        case needMore
        case fault(HTTPFault)
    }

    /// Reads the line that starts at `start`; method and target must end below `limit` (≤ 65,535), else more is
    /// asked for, which the caller judges.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, at start: Int, limit: Int) -> Step {
        let count = min(bytes.byteCount, limit)
        var methodEnd = start
        while methodEnd < count, HTTPBytes.isToken(ByteScan.byte(bytes, methodEnd)) {
            guard methodEnd &- start < HTTPMethod.bytesMax else { return .fault(.badMethod) }
            methodEnd = methodEnd &+ 1
        }
        guard methodEnd < count else { return .needMore }
        guard methodEnd > start else { return .fault(.badMethod) }
        guard ByteScan.byte(bytes, methodEnd) == 0x20 else { return .fault(.badRequestLine) }
        let targetStart = methodEnd &+ 1
        guard targetStart < count else { return .needMore }
        let targetEnd = HTTPBytes.firstNonTarget(in: bytes, from: targetStart, to: count)
        guard targetEnd < count else { return .needMore }
        guard targetEnd > targetStart else { return .fault(.badRequestLine) }
        guard ByteScan.byte(bytes, targetEnd) == 0x20 else {
            return .fault(targetFault(ByteScan.byte(bytes, targetEnd)))
        }
        let minor: UInt8
        switch version(bytes, at: targetEnd &+ 1) {
        case .minor(let read): minor = read
        case .needMore: return .needMore
        case .fault(let fault): return .fault(fault)
        }
        let method = HTTPMethod(bytes, start, methodEnd)
        if case .connect = method { return .fault(.methodNotAllowed) }
        var line = HTTPRequestLine(
            method: method, methodRange: ByteRange(start, methodEnd), target: ByteRange(targetStart, targetEnd),
            form: .origin, minor: minor, authority: .none, next: targetEnd &+ 11)
        return line.judgeTarget(bytes) ? .line(line) : .fault(.badTarget)
    }

    @_noLocks private static func targetFault(_ byte: UInt8) -> HTTPFault {
        // CR or LF: the line ended without a version (HTTP/0.9).
        byte == 0x0D || byte == 0x0A ? .badRequestLine : .badTarget
    }

    private enum Version: BitwiseCopyable {
        case minor(UInt8)
        case needMore
        case fault(HTTPFault)
    }

    /// `HTTP/` digit `.` digit CRLF, judged as soon as it can be.
    @_noLocks private static func version(_ bytes: borrowing RawSpan, at start: Int) -> Version {
        let available = min(bytes.byteCount &- start, 10)
        // "HTTP/"
        let letters: UInt64 = 0x2F50_5454_48
        for index in 0..<min(available, 5) {
            guard ByteScan.byte(bytes, start &+ index) == UInt8(truncatingIfNeeded: letters &>> UInt64(index &* 8))
            else { return .fault(.badVersion) }
        }
        guard available >= 8 else { return .needMore }
        let major = ByteScan.byte(bytes, start &+ 5)
        let minor = ByteScan.byte(bytes, start &+ 7)
        guard HTTPBytes.isDigit(major), HTTPBytes.isDigit(minor), ByteScan.byte(bytes, start &+ 6) == 0x2E else {
            return .fault(.badVersion)
        }
        guard available >= 9 else { return .needMore }
        let end = ByteScan.byte(bytes, start &+ 8)
        guard end == 0x0D else { return .fault(end == 0x0A ? .bareLineFeed : .badVersion) }
        guard available >= 10 else { return .needMore }
        guard ByteScan.byte(bytes, start &+ 9) == 0x0A else { return .fault(.bareCarriageReturn) }
        guard major == 0x31 else { return .fault(.versionNotSupported) }
        return .minor(minor == 0x30 ? 0 : 1)
    }

    /// Finds the form of the target, and the authority of an absolute one.
    @_noLocks private mutating func judgeTarget(_ bytes: borrowing RawSpan) -> Bool {
        let (start, end) = (target.lower, target.upper)
        let first = ByteScan.byte(bytes, start)
        if first == 0x2F { return true }
        if first == 0x2A {
            form = .asterisk
            guard case .options = method else { return false }
            return target.count == 1
        }
        let authorityStart: Int
        if end &- start > 7, ByteScan.equalsIgnoringCase(bytes, start, start &+ 7, "http://") {
            authorityStart = start &+ 7
        } else if end &- start > 8, ByteScan.equalsIgnoringCase(bytes, start, start &+ 8, "https://") {
            authorityStart = start &+ 8
        } else {
            return false
        }
        var authorityEnd = authorityStart
        while authorityEnd < end {
            let byte = ByteScan.byte(bytes, authorityEnd)
            if byte == 0x2F || byte == 0x3F { break }
            authorityEnd = authorityEnd &+ 1
        }
        form = .absolute
        authority = ByteRange(authorityStart, authorityEnd)
        // User information in an authority is refused with everything else that is not a host.
        return HTTPHost.isValid(bytes, authorityStart, authorityEnd)
    }
}
