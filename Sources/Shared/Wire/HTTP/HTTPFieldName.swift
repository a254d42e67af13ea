import Primitives

/// The field names that Culvert acts on; everything else passes by unread.
package enum HTTPFieldName: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case other
    case host, connection, keepAlive, proxyConnection, upgrade, expect
    case contentLength, transferEncoding
    case forwardedFor, forwardedProto, forwardedHost, forwarded, realAddress
    case forwardedNode, culvertURL
    case webSocketKey, webSocketVersion, webSocketAccept

    /// The name that `bytes[start ..< end]`, which must be a token, spells in any case.
    ///
    /// By length first; then by the words at both ends (which overlap in short names), folded to lower case. Folding
    /// sets bit 5 of every byte, which makes no other token byte equal to a letter or a hyphen. The numbers are the
    /// names' letters, the first in the lowest byte; a test spells them out.
    @_noLocks package init(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) {
        switch end &- start {
        case 4...7: self = HTTPFieldName.short(bytes, start, end)
        case 8...16: self = HTTPFieldName.medium(bytes, start, end)
        case 17...24: self = HTTPFieldName.long(bytes, start, end)
        default: self = .other
        }
    }

    @_noLocks private static func short(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> HTTPFieldName {
        let first = halfWord(bytes, start)
        let last = halfWord(bytes, end &- 4)
        switch end &- start {
        case 4:
            if first == 0x7473_6F68 { return .host }
        case 6:
            if first == 0x6570_7865, last == 0x7463_6570 { return .expect }
        case 7:
            if first == 0x7267_7075, last == 0x6564_6172 { return .upgrade }
        default: break
        }
        return .other
    }

    @_noLocks private static func medium(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> HTTPFieldName {
        let first = word(bytes, start)
        let last = word(bytes, end &- 8)
        switch end &- start {
        case 9:
            if first == 0x6564_7261_7772_6F66, last == 0x6465_6472_6177_726F { return .forwarded }
            if first == 0x692D_6C61_6572_2D78, last == 0x7069_2D6C_6165_722D { return .realAddress }
        case 10:
            if first == 0x6974_6365_6E6E_6F63, last == 0x6E6F_6974_6365_6E6E { return .connection }
            if first == 0x696C_612D_7065_656B, last == 0x6576_696C_612D_7065 { return .keepAlive }
        case 11:
            if first == 0x2D74_7265_766C_7563, last == 0x6C72_752D_7472_6576 { return .culvertURL }
        case 14:
            if first == 0x2D74_6E65_746E_6F63, last == 0x6874_676E_656C_2D74 { return .contentLength }
        case 15:
            if first == 0x7261_7772_6F66_2D78, last == 0x726F_662D_6465_6472 { return .forwardedFor }
        case 16:
            if first == 0x6F63_2D79_786F_7270, last == 0x6E6F_6974_6365_6E6E { return .proxyConnection }
            if first == 0x7261_7772_6F66_2D78, last == 0x7473_6F68_2D64_6564 { return .forwardedHost }
        default: break
        }
        return .other
    }

    @_noLocks private static func long(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> HTTPFieldName {
        let first = word(bytes, start)
        let middle = word(bytes, start &+ 8)
        let last = word(bytes, end &- 8)
        switch end &- start {
        case 17:
            if first == 0x7265_6673_6E61_7274, middle == 0x6E69_646F_636E_652D, last == 0x676E_6964_6F63_6E65 {
                return .transferEncoding
            }
            if first == 0x7261_7772_6F66_2D78, middle == 0x746F_7270_2D64_6564, last == 0x6F74_6F72_702D_6465 {
                return .forwardedProto
            }
            if first == 0x7362_6577_2D63_6573, middle == 0x656B_2D74_656B_636F, last == 0x7965_6B2D_7465_6B63 {
                return .webSocketKey
            }
        case 19:
            if first == 0x726F_662D_7473_6F67, middle == 0x6E2D_6465_6472_6177, last == 0x6564_6F6E_2D64_6564 {
                return .forwardedNode
            }
        case 20:
            if first == 0x7362_6577_2D63_6573, middle == 0x6361_2D74_656B_636F, last == 0x7470_6563_6361_2D74 {
                return .webSocketAccept
            }
        case 21:
            if first == 0x7362_6577_2D63_6573, middle == 0x6576_2D74_656B_636F, last == 0x6E6F_6973_7265_762D {
                return .webSocketVersion
            }
        default: break
        }
        return .other
    }

    @_noLocks @inline(__always) private static func halfWord(_ bytes: borrowing RawSpan, _ at: Int) -> UInt32 {
        UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self)) | 0x2020_2020
    }

    @_noLocks @inline(__always) private static func word(_ bytes: borrowing RawSpan, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)) | 0x2020_2020_2020_2020
    }
}
