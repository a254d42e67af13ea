package import Model
import Primitives

/// What a request tells its origin about whom it came from and how: X-Forwarded-For, -Proto and -Host.
///
/// Nobody's word is believed but a trusted proxy's: what other visitors wrote into these fields, into Forwarded or into
/// X-Real-IP is left out, what a trusted proxy wrote is kept and continued.
package struct HTTPForwarding: Sendable, BitwiseCopyable {
    /// Whom the request came from, to us.
    package var source: SocketAddress
    /// That is a proxy whose fields are believed.
    package var isTrusted: Bool

    @_noLocks package init(source: SocketAddress, isTrusted: Bool) {
        self.source = source
        self.isTrusted = isTrusted
    }

    /// Most bytes by which the fields lengthen a head, beside its host, which is written once more.
    package static var growthBytesMax: Int { @_noLocks get { 128 } }

    /// Writes the three fields of a request, those that a trusted proxy wrote included.
    @_noLocks func write(_ head: HTTPRequestHead, _ bytes: borrowing RawSpan, to writer: inout ByteWriter) {
        let keeps = isTrusted && head.fields.hasForwarding
        writer.text("X-Forwarded-For: ")
        if keeps { HTTPForwarding.writeList(head, bytes, to: &writer) }
        AddressText.write(source, to: &writer)
        writer.text("\r\nX-Forwarded-Proto: ")
        let scheme = keeps ? HTTPForwarding.value(ofProto: true, head, bytes) : .none
        if scheme.isEmpty { writer.text("http") } else { writer.copy(bytes, scheme.lower, scheme.upper) }
        writer.text("\r\n")
        var host = keeps ? HTTPForwarding.value(ofProto: false, head, bytes) : .none
        if host.isEmpty { host = head.host }
        guard !host.isEmpty else { return }
        writer.text("X-Forwarded-Host: ")
        writer.copy(bytes, host.lower, host.upper)
        writer.text("\r\n")
    }

    /// The values of every X-Forwarded-For line, each with a comma behind it: several lines are one list (RFC 9110 §5.3).
    @_noLocks private static func writeList(
        _ head: HTTPRequestHead, _ bytes: borrowing RawSpan, to writer: inout ByteWriter
    ) {
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            guard case .forwardedFor = line.name, line.valueEnd > line.valueStart else { continue }
            writer.copy(bytes, line.valueStart, line.valueEnd)
            writer.text(", ")
        }
    }

    /// The first X-Forwarded-Proto, or -Host, that says something.
    @_noLocks private static func value(
        ofProto isProto: Bool, _ head: HTTPRequestHead, _ bytes: borrowing RawSpan
    ) -> ByteRange {
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            guard line.valueEnd > line.valueStart else { continue }
            switch line.name {
            case .forwardedProto where isProto, .forwardedHost where !isProto:
                return ByteRange(line.valueStart, line.valueEnd)
            default: continue
            }
        }
        return .none
    }

    // MARK: The client behind the proxies

    /// Whom a trusted proxy's request is for: the last address in X-Forwarded-For that is not itself a trusted proxy's,
    /// or that of X-Real-IP where there is no such field; with port 0. `source` itself when it is not trusted, or when
    /// what stands there is no address.
    @_noLocks package static func client(
        of head: HTTPRequestHead, _ bytes: borrowing RawSpan, source: SocketAddress, proxies: TrustedProxies
    ) -> SocketAddress {
        guard head.fields.hasForwarding, proxies.contains(source) else { return source }
        var listed = source
        var named = source
        var hasList = false
        var isNamed = false
        var position = head.line.next
        while case .line(let line) = HTTPFieldLine.read(bytes, at: position) {
            position = line.next
            switch line.name {
            case .forwardedFor:
                hasList = true
                var at = line.valueStart
                while let element = HTTPListElement.next(bytes, &at, limit: line.valueEnd) {
                    guard let address = readNode(bytes, element.start, element.end) else {
                        // Whatever stands further left was said by somebody nobody vouches for.
                        listed = source
                        continue
                    }
                    if !proxies.contains(address) { listed = address }
                }
            case .realAddress:
                if !isNamed, let address = readNode(bytes, line.valueStart, line.valueEnd) {
                    isNamed = true
                    named = address
                }
            default: continue
            }
        }
        return hasList ? listed : named
    }

    /// An address as proxies write it: bare, in brackets, or with a port behind it.
    @_noLocks private static func readNode(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) -> SocketAddress? {
        if let address = AddressText.read(bytes, lower, upper) { return address }
        guard lower < upper else { return nil }
        if ByteScan.byte(bytes, lower) == 0x5B {
            var end = lower &+ 1
            while end < upper, ByteScan.byte(bytes, end) != 0x5D { end = end &+ 1 }
            return AddressText.readIPv6(bytes, lower &+ 1, end)
        }
        var end = lower
        while end < upper, ByteScan.byte(bytes, end) != 0x3A { end = end &+ 1 }
        return AddressText.readIPv4(bytes, lower, end)
    }
}
