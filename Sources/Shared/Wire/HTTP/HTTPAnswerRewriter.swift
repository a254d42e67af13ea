import Primitives

/// Writes an answer's head as it goes to a visitor: HTTP/1.1, without fields that concerned the tunnel's hop only
/// (RFC 9110 §7.6.1), everything else byte for byte in order.
package enum HTTPAnswerRewriter {
    /// What is to be changed.
    package struct Options: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        @_noLocks package init(rawValue: UInt8) { self.rawValue = rawValue }
        @_noLocks func has(_ options: Self) -> Bool { rawValue & options.rawValue != 0 }
        /// Adds `Connection: close`.
        package static var close: Self { @_noLocks get { Self(rawValue: 1) } }
        /// Adds `Connection: keep-alive`, which HTTP/1.0 visitors need to be told.
        package static var keepAlive: Self { @_noLocks get { Self(rawValue: 2) } }
        /// Leaves out Transfer-Encoding: the body is sent without its chunks to an HTTP/1.0 visitor.
        package static var unchunked: Self { @_noLocks get { Self(rawValue: 4) } }
    }

    /// Writes the visitor's form of `head`, read from the start of `bytes`, with `extra` (complete field lines, each
    /// with its CRLF, or empty) before the empty line; the number of bytes, or nil when they do not fit in `target`.
    ///
    /// The result is at most `head.byteCount + extra.count + 64` bytes.
    @_noLocks package static func write(
        _ head: HTTPAnswerHead, _ bytes: borrowing RawSpan, options: Options, extra: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var writer = ByteWriter(target)
        writer.text("HTTP/1.1 ")
        // After "HTTP/1.x ": status, reason and line end as they came.
        writer.copy(bytes, 9, Int(head.fieldsStart))
        var omissions = HTTPFieldCopy.Omissions(rawValue: 0)
        // Upgrade without switching is an offer for one hop (426 lists it too): its Connection option is renewed.
        let keepsUpgrade = !head.upgrade.isEmpty && (head.isUpgrade || head.status == 426)
        if !keepsUpgrade { omissions.add(.upgrade) }
        if options.has(.unchunked) { omissions.add(.transferEncoding) }
        HTTPFieldCopy.copy(
            bytes, from: Int(head.fieldsStart), to: head.byteCount &- 2, fields: head.fields, omitting: omissions,
            to: &writer)
        writer.copy(extra)
        if head.isUpgrade {
            writer.text("Connection: Upgrade\r\n")
        } else if !head.isInterim {
            if options.has(.close) {
                writer.text(keepsUpgrade ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n")
            } else if options.has(.keepAlive) {
                writer.text(keepsUpgrade ? "Connection: keep-alive, Upgrade\r\n" : "Connection: keep-alive\r\n")
            } else if keepsUpgrade {
                writer.text("Connection: Upgrade\r\n")
            }
        }
        writer.text("\r\n")
        return writer.finished
    }
}
