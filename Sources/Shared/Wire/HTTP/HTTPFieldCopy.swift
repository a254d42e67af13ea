import Primitives

/// Copies field lines while leaving some out: the part that rewriting requests and answers shares.
///
/// Lines that stay are copied byte for byte, in order, in as few runs as possible.
struct HTTPFieldCopy {
    /// Which lines are left out besides those that concern one hop only.
    struct Omissions: OptionSet {
        var rawValue: UInt8
        @_noLocks init(rawValue: UInt8) { self.rawValue = rawValue }
        @_noLocks func has(_ options: Self) -> Bool { rawValue & options.rawValue != 0 }
        @_noLocks mutating func add(_ options: Self) { rawValue |= options.rawValue }
        static var upgrade: Self { @_noLocks get { Self(rawValue: 1) } }
        static var host: Self { @_noLocks get { Self(rawValue: 2) } }
        static var transferEncoding: Self { @_noLocks get { Self(rawValue: 4) } }
        /// X-Forwarded-For, -Proto and -Host.
        static var forwarded: Self { @_noLocks get { Self(rawValue: 8) } }
        /// Forwarded and X-Real-IP, which say the same in other words.
        static var likeForwarded: Self { @_noLocks get { Self(rawValue: 16) } }
    }

    /// Copies the lines from `start` to the head's empty line at `end`, which is left to the caller. `fields` is what
    /// they add up to: when nothing has to be left out they are copied as one, and when an option names a field, each
    /// field is looked for in the Connection lines.
    @_noLocks static func copy(
        _ bytes: borrowing RawSpan, from start: Int, to end: Int, fields: HTTPFieldSum, omitting: Omissions,
        to writer: inout ByteWriter
    ) {
        let options = fields.options
        if options.rawValue == 0, !leavesOutAny(fields, omitting) {
            writer.copy(bytes, start, end)
            return
        }
        var runStart = start
        var position = start
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            if leavesOut(line, bytes, start: start, options: options, omitting: omitting) {
                writer.copy(bytes, runStart, position)
                runStart = line.next
            }
            position = line.next
        }
        writer.copy(bytes, runStart, position)
    }

    /// Whether a field besides those of the hop has to go.
    @_noLocks private static func leavesOutAny(_ fields: HTTPFieldSum, _ omitting: Omissions) -> Bool {
        (omitting.has(.upgrade) && !fields.upgrade.isEmpty) || (omitting.has(.host) && fields.hasHost)
            || (omitting.has(.transferEncoding) && fields.hasTransferCoding)
            || (omitting.has(.forwarded) && fields.hasForwarding)
    }

    @_noLocks private static func leavesOut(
        _ line: HTTPFieldLine, _ bytes: borrowing RawSpan, start: Int, options: HTTPConnectionOptions,
        omitting: Omissions
    ) -> Bool {
        switch line.name {
        case .connection, .keepAlive, .proxyConnection: return true
        case .upgrade: return omitting.has(.upgrade)
        case .host: return omitting.has(.host)
        case .contentLength: return false
        case .transferEncoding: return omitting.has(.transferEncoding)
        case .forwardedFor, .forwardedProto, .forwardedHost:
            if omitting.has(.forwarded) { return true }
        case .forwarded, .realAddress:
            if omitting.has(.likeForwarded) { return true }
        default: break
        }
        return options.has(.named) && isNamed(line, bytes, start: start)
    }

    /// Whether a Connection line of the head that starts at `start` names this line's field.
    @_noLocks private static func isNamed(_ line: HTTPFieldLine, _ bytes: borrowing RawSpan, start: Int) -> Bool {
        var position = start
        while case .line(let other) = HTTPFieldLine.read(bytes, at: position) {
            position = other.next
            guard case .connection = other.name else { continue }
            var at = other.valueStart
            while let element = HTTPListElement.next(bytes, &at, limit: other.valueEnd) {
                if sameToken(bytes, element.start, element.end, line.nameStart, line.nameEnd) { return true }
            }
        }
        return false
    }

    @_noLocks private static func sameToken(
        _ bytes: borrowing RawSpan, _ start: Int, _ end: Int, _ otherStart: Int, _ otherEnd: Int
    ) -> Bool {
        guard end &- start == otherEnd &- otherStart else { return false }
        for index in 0..<(end &- start) {
            let left = ByteScan.byte(bytes, start &+ index)
            let right = ByteScan.byte(bytes, otherStart &+ index)
            guard left == right || left ^ right == 0x20 && left | 0x20 >= 0x61 && left | 0x20 <= 0x7A else {
                return false
            }
        }
        return true
    }
}
