import Primitives

/// Writes a request's head as it goes into the tunnel: origin form, HTTP/1.1, without fields that concerned the
/// visitor's hop only (RFC 9110 §7.6.1), everything else byte for byte in order.
package enum HTTPRequestRewriter {
    /// What is to be changed.
    package struct Options: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        @_noLocks package init(rawValue: UInt8) { self.rawValue = rawValue }
        @_noLocks func has(_ options: Self) -> Bool { rawValue & options.rawValue != 0 }
        /// Adds `Connection: close`, for a stream that serves one request only.
        package static var closeAfter: Self { @_noLocks get { Self(rawValue: 2) } }
    }

    /// Writes the forwarded form of `head`, read from the start of `bytes`, with `extra` (complete field lines, each
    /// with its CRLF, or empty) before the empty line; the number of bytes, or nil when they do not fit in `target`.
    /// With `forwarding` the forwarding fields are what that makes of them, else they stay.
    ///
    /// The result is at most `head.byteCount + extra.count + 64` bytes, plus the host's length for an absolute target;
    /// with `forwarding` `HTTPForwarding.growthBytesMax` more, and the host's length once more.
    @_noLocks package static func write(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, options: Options, forwarding: HTTPForwarding? = nil,
        extra: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        if head.passesUnchanged, options.rawValue == 0, !head.fields.hasForwarding {
            // What most requests look like: one copy.
            writer.copy(bytes, 0, head.byteCount &- 2)
            if let forwarding { forwarding.write(head, bytes, to: &writer) }
            writer.copy(extra)
            writer.text("\r\n")
            return writer.finished
        }
        writer.copy(bytes, head.line.methodRange.lower, head.line.methodRange.upper)
        writer.byte(0x20)
        writeTarget(head, bytes, to: &writer)
        writer.text(" HTTP/1.1\r\n")
        var omissions = HTTPFieldCopy.Omissions(rawValue: 0)
        if head.line.isAbsolute {
            omissions.add(.host)
            writer.text("Host: ")
            writer.copy(bytes, head.line.authority.lower, head.line.authority.upper)
            writer.text("\r\n")
        }
        let upgrades = head.asksUpgrade
        if !upgrades { omissions.add(.upgrade) }
        if let forwarding {
            omissions.add(.forwarded)
            if !forwarding.isTrusted { omissions.add(.likeForwarded) }
        }
        HTTPFieldCopy.copy(
            bytes, from: head.line.next, to: head.byteCount &- 2, fields: head.fields, omitting: omissions, to: &writer)
        if let forwarding { forwarding.write(head, bytes, to: &writer) }
        writer.copy(extra)
        if upgrades {
            writer.text("Connection: Upgrade\r\n")
        } else if options.has(.closeAfter) {
            writer.text("Connection: close\r\n")
        }
        writer.text("\r\n")
        return writer.finished
    }

    /// The target in origin form (RFC 9112 §3.2.1): what follows the authority of an absolute one.
    @_noLocks private static func writeTarget(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, to writer: inout ByteWriter
    ) {
        guard head.line.isAbsolute else {
            writer.copy(bytes, head.target.lower, head.target.upper)
            return
        }
        let start = head.line.authority.upper
        let end = head.target.upper
        if start == end {
            // OPTIONS of a whole server (RFC 9112 §3.2.4), else the root.
            if case .options = head.method { writer.byte(0x2A) } else { writer.byte(0x2F) }
            return
        }
        if ByteScan.byte(bytes, start) != 0x2F { writer.byte(0x2F) }
        writer.copy(bytes, start, end)
    }
}

extension HTTPRequestHead {
    /// Whether the head may go into the tunnel as it stands (with nothing to add and nothing of the visitor's hop in
    /// it); an upgrade's `Connection: Upgrade` may stay.
    package var passesUnchanged: Bool {
        @_noLocks get {
            guard !line.isAbsolute, line.minor > 0, line.methodRange.start == 0 else { return false }
            if options.rawValue == 0 { return fields.upgrade.isEmpty }
            if asksUpgrade { return options.isExactly(.present, .upgrade) }
            return options.isExactly(.present, .keepAlive) && fields.upgrade.isEmpty
        }
    }
}
