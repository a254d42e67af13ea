import Model
package import Primitives

/// What a TLS client says first, as far as it tells where the connection belongs (RFC 8446 §4.1.2, and every version
/// before): the connection itself is passed on, untouched and unread.
package struct ClientHello: Sendable, BitwiseCopyable {
    /// The name asked for, as it was sent (RFC 6066 §3); empty when none was.
    package var serverName = InlineText()
    /// The protocols offered inside TLS, in the client's order (RFC 7301 §3.1); nil when it names none.
    package var applicationProtocols: ApplicationProtocols?
    /// The version field of the hello: 0x0303 in every hello of TLS 1.2 and 1.3.
    package var version: UInt16 = 0
    /// Bytes from the connection's first to the hello's last, record headers included. More may follow at once.
    package var byteCount = 0

    @_noLocks private init() {}

    /// What the bytes so far hold.
    package enum Step: Sendable, BitwiseCopyable {
        case needMore
        case hello(ClientHello)
        case fault(TLSFault)
    }

    /// Reads the hello at the start of `bytes`, which may be cut into records anywhere and take `limit` bytes in all.
    @_noLocks package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        switch HandshakeCursor.measure(bytes, limit: limit) {
        case .needMore: return .needMore
        case .fault(let fault): return .fault(fault)
        case .message(_, let count, let end):
            var hello = ClientHello()
            hello.byteCount = end
            if let fault = hello.readMessage(bytes, count) { return .fault(fault) }
            return .hello(hello)
        }
    }

    /// Bytes at the start of a connection that `mark` looks at; every hello has more.
    package static var markedBytes: Int { @_noLocks get { 43 } }

    /// What a hello is known by when its bytes come again, from the first `markedBytes` of its connection: a number made
    /// of where its random stands (RFC 8446 §4.1.2), never 0. Two hellos of one mark are one hello.
    @_noLocks package static func mark(_ bytes: borrowing RawSpan) -> UInt64 {
        var mark: UInt64 = 0
        for word in 0..<4 {
            let next = bytes.unsafeLoadUnaligned(fromByteOffset: 11 &+ word &* 8, as: UInt64.self)
            mark = (mark ^ next) &* 0x9E37_79B9_7F4A_7C15
            mark ^= mark &>> 29
        }
        return mark | 1
    }

    /// Whether the name is an IP address, which none may be (RFC 6066 §3).
    package var namesAddress: Bool {
        @_noLocks get {
            var bytes = serverName.content
            return ClientHello.isAddress(&bytes, Int(serverName.count))
        }
    }

    @_noLocks private static func isAddress(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
        switch AddressText.read(UnsafeRawBufferPointer(start: bytes, count: count).bytes, 0, count) {
        case .some: true
        case .none: false
        }
    }

    @_noLocks private mutating func readMessage(_ bytes: borrowing RawSpan, _ count: Int) -> TLSFault? {
        var cursor = HandshakeCursor(count: count)
        cursor.skip(4, bytes)
        version = UInt16(truncatingIfNeeded: cursor.big16(bytes))
        cursor.skip(32, bytes)
        let session = Int(cursor.byte(bytes))
        cursor.skip(session, bytes)
        let suites = cursor.big16(bytes)
        cursor.skip(suites, bytes)
        let methods = Int(cursor.byte(bytes))
        cursor.skip(methods, bytes)
        guard !cursor.overran, session <= 32, suites >= 2, suites & 1 == 0, methods > 0 else { return .malformed }
        // Hellos of TLS 1.2 and before may end here.
        guard cursor.left > 0 else { return nil }
        let extensions = cursor.big16(bytes)
        guard !cursor.overran, extensions == cursor.left else { return .malformed }
        return readExtensions(bytes, &cursor)
    }

    @_noLocks private mutating func readExtensions(
        _ bytes: borrowing RawSpan, _ cursor: inout HandshakeCursor
    ) -> TLSFault? {
        var hasName = false
        while cursor.left > 0 {
            let type = cursor.big16(bytes)
            let length = cursor.big16(bytes)
            guard !cursor.overran, length <= cursor.left else { return .malformed }
            let rest = cursor.left &- length
            switch type {
            case 0:
                if hasName { return .repeatedExtension }
                hasName = true
                if let fault = readServerName(bytes, &cursor, until: rest) { return fault }
            case 16:
                if applicationProtocols != nil { return .repeatedExtension }
                guard let read = ApplicationProtocols(bytes, &cursor, until: rest) else { return .malformed }
                applicationProtocols = read
            default:
                cursor.skip(length, bytes)
            }
            guard !cursor.overran, cursor.left == rest else { return .malformed }
        }
        return nil
    }

    /// A list of names, of which one kind exists; `rest` bytes of the message follow it.
    @_noLocks private mutating func readServerName(
        _ bytes: borrowing RawSpan, _ cursor: inout HandshakeCursor, until rest: Int
    ) -> TLSFault? {
        let list = cursor.big16(bytes)
        guard !cursor.overran, list > 0, cursor.left &- list == rest else { return .malformed }
        while cursor.left > rest {
            let type = cursor.byte(bytes)
            let length = cursor.big16(bytes)
            guard !cursor.overran, cursor.left &- length >= rest else { return .malformed }
            guard type == 0 else {
                cursor.skip(length, bytes)
                continue
            }
            guard serverName.isEmpty, length > 0, length <= InlineText.capacity else { return .badServerName }
            serverName = cursor.text(length, bytes)
            for index in 0..<length where !ClientHello.isOfName(serverName[index]) { return .badServerName }
        }
        return nil
    }

    /// Letters, digits, `-`, `_` and `.`; also `:`, so that an IPv6 address is told from garbage.
    @_noLocks private static func isOfName(_ byte: UInt8) -> Bool {
        let letter = byte | 0x20
        return (letter >= 0x61 && letter <= 0x7A) || (byte >= 0x30 && byte <= 0x3A) || byte == 0x2D || byte == 0x2E
            || byte == 0x5F
    }
}

/// The protocols that a hello offers, read where they stand: the bytes of the hello must still be there.
package struct ApplicationProtocols: Sendable, BitwiseCopyable {
    private var cursor: HandshakeCursor
    private let end: Int

    /// Judges the list at `cursor` and moves behind it; nil when its lengths do not agree.
    @_noLocks init?(_ bytes: borrowing RawSpan, _ cursor: inout HandshakeCursor, until rest: Int) {
        let list = cursor.big16(bytes)
        guard !cursor.overran, list >= 2, cursor.left &- list == rest else { return nil }
        self.cursor = cursor
        end = rest
        while cursor.left > rest {
            let length = Int(cursor.byte(bytes))
            guard length > 0, cursor.left &- length >= rest else { return nil }
            cursor.skip(length, bytes)
        }
    }

    /// The next protocol's name, such as `h2`; nil behind the last. `bytes` are those the hello was read from.
    @_noLocks package mutating func next(_ bytes: borrowing RawSpan) -> InlineText? {
        guard cursor.left > end else { return nil }
        let length = Int(cursor.byte(bytes))
        return cursor.text(length, bytes)
    }
}
