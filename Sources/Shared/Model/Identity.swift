/// The identities of the tunnel protocol: 16 bytes in RFC 4122 textual order (protocol relay §4.3).
///
/// `TunnelID` names a tunnel and is its secret; `ConnectorID` names one bound session. Neither is ever printed whole
/// in logs: use `shortText`.
package protocol Identity: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Bytes 0–7 and 8–15, each as a big-endian number.
    var high: UInt64 { get }
    var low: UInt64 { get }
    init(high: UInt64, low: UInt64)
}

/// A tunnel: what a client binds and a route points to.
package struct TunnelID: Identity {
    package let high: UInt64
    package let low: UInt64
    @_noLocks package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// One live session of a tunnel client; random, made by the data plane that holds the link.
package struct ConnectorID: Identity {
    package let high: UInt64
    package let low: UInt64
    @_noLocks package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// A node of a cluster: stable across its restarts, and no secret.
package struct NodeID: Identity {
    package let high: UInt64
    package let low: UInt64
    @_noLocks package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

extension Identity {
    package static var zero: Self { Self(high: 0, low: 0) }
    package var isZero: Bool { high == 0 && low == 0 }

    /// The order of their texts: what is done for several at once is done in this order, so that it can be repeated.
    package static func < (left: Self, right: Self) -> Bool { (left.high, left.low) < (right.high, right.low) }

    /// A version 4 identity from 16 random bytes.
    package init(randomHigh: UInt64, randomLow: UInt64) {
        self.init(
            high: (randomHigh & ~0xF000) | 0x4000,
            low: (randomLow & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
    }

    /// The 36-character form, with or without `urn:uuid:` or braces, or 32 hex digits; nil for anything else.
    package init?(_ text: String) {
        var rest = Substring(text)
        if rest.lowercased().hasPrefix("urn:uuid:") { rest = rest.dropFirst(9) }
        if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        let characters = Array(rest.utf8)
        let hyphens: Set<Int> = [8, 13, 18, 23]
        guard characters.count == 32 || characters.count == 36 else { return nil }
        var digits: [UInt64] = []
        for (index, byte) in characters.enumerated() {
            if characters.count == 36, hyphens.contains(index) {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(UInt64(byte) - 48)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digits.append(UInt64(byte) - 87)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digits.append(UInt64(byte) - 55)
            default: return nil
            }
        }
        self.init(
            high: digits[0..<16].reduce(0) { $0 << 4 | $1 },
            low: digits[16..<32].reduce(0) { $0 << 4 | $1 })
    }

    /// The same of bytes; the common form, 36 characters, is read in place.
    package init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 36 else {
            guard bytes.count >= 32, bytes.count <= 47 else { return nil }
            self.init(String(decoding: bytes, as: UTF8.self))
            return
        }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        var digits = 0
        for index in 0..<36 {
            let byte = bytes[index]
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - 87
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - 55
            default: return nil
            }
            if digits < 16 {
                words.high = words.high << 4 | UInt64(digit)
            } else {
                words.low = words.low << 4 | UInt64(digit)
            }
            digits += 1
        }
        self.init(high: words.high, low: words.low)
    }

    /// Writes the lower-case 36-character text at `target`, which must have room for 36 bytes.
    package func writeText(to target: UnsafeMutableRawPointer) {
        var position = 0
        for index in 0..<32 {
            if index == 8 || index == 12 || index == 16 || index == 20 {
                target.storeBytes(of: UInt8(ascii: "-"), toByteOffset: position, as: UInt8.self)
                position += 1
            }
            let word = index < 16 ? high : low
            let digit = UInt8(truncatingIfNeeded: word >> UInt64((15 - index & 15) * 4)) & 15
            target.storeBytes(of: digit < 10 ? digit + 48 : digit + 87, toByteOffset: position, as: UInt8.self)
            position += 1
        }
    }

    /// The lower-case 36-character text. A tunnel's id is its secret: never in logs.
    package var text: String {
        String(unsafeUninitializedCapacity: 36) {
            writeText(to: UnsafeMutableRawPointer($0.baseAddress!))
            return 36
        }
    }

    /// The first eight hex digits, for logs.
    package var shortText: String { String(text.prefix(8)) + "…" }
}
