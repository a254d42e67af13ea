import Primitives

/// The field names that Culvert acts on; everything else passes by unread.
package enum HTTPFieldName: UInt8, Sendable, BitwiseCopyable {
    case other
    case host, connection, keepAlive, proxyConnection, upgrade, expect
    case contentLength, transferEncoding
    case forwardedFor, forwardedProto, forwardedHost, forwarded, realAddress
    case forwardedNode, culvertURL
    case webSocketKey, webSocketVersion, webSocketAccept

    /// The name that `bytes[start ..< end]`, which must be a token, spells in any case.
    ///
    /// By length first; then by overlapping words folded to lower case. Folding sets bit 5 of every byte, which makes
    /// no other token byte equal to a letter or a hyphen.
    @_noLocks package init(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) {
        self = HTTPFieldName.recognise(bytes, start, end)
    }

    @_noLocks private static func recognise(_ bytes: borrowing RawSpan, _ start: Int, _ end: Int) -> HTTPFieldName {
        switch end &- start {
        case 4:
            // host
            if short(bytes, start) == 0x7473_6F68 { return .host }
            return .other
        case 6:
            // expect
            if short(bytes, start) == 0x6570_7865, short(bytes, end &- 4) == 0x7463_6570 { return .expect }
            return .other
        case 7:
            // upgrade
            if short(bytes, start) == 0x7267_7075, short(bytes, end &- 4) == 0x6564_6172 { return .upgrade }
            return .other
        case 9:
            // forwarded
            if long(bytes, start) == 0x6564_7261_7772_6F66,
                long(bytes, end &- 8) == 0x6465_6472_6177_726F
            {
                return .forwarded
            }
            // x-real-ip
            if long(bytes, start) == 0x692D_6C61_6572_2D78,
                long(bytes, end &- 8) == 0x7069_2D6C_6165_722D
            {
                return .realAddress
            }
            return .other
        case 10:
            // connection
            if long(bytes, start) == 0x6974_6365_6E6E_6F63,
                long(bytes, end &- 8) == 0x6E6F_6974_6365_6E6E
            {
                return .connection
            }
            // keep-alive
            if long(bytes, start) == 0x696C_612D_7065_656B,
                long(bytes, end &- 8) == 0x6576_696C_612D_7065
            {
                return .keepAlive
            }
            return .other
        case 11:
            // culvert-url
            if long(bytes, start) == 0x2D74_7265_766C_7563,
                long(bytes, end &- 8) == 0x6C72_752D_7472_6576
            {
                return .culvertURL
            }
            return .other
        case 14:
            // content-length
            if long(bytes, start) == 0x2D74_6E65_746E_6F63,
                long(bytes, end &- 8) == 0x6874_676E_656C_2D74
            {
                return .contentLength
            }
            return .other
        case 15:
            // x-forwarded-for
            if long(bytes, start) == 0x7261_7772_6F66_2D78,
                long(bytes, end &- 8) == 0x726F_662D_6465_6472
            {
                return .forwardedFor
            }
            return .other
        case 16:
            // proxy-connection
            if long(bytes, start) == 0x6F63_2D79_786F_7270,
                long(bytes, end &- 8) == 0x6E6F_6974_6365_6E6E
            {
                return .proxyConnection
            }
            // x-forwarded-host
            if long(bytes, start) == 0x7261_7772_6F66_2D78,
                long(bytes, end &- 8) == 0x7473_6F68_2D64_6564
            {
                return .forwardedHost
            }
            return .other
        case 17:
            // transfer-encoding
            if long(bytes, start) == 0x7265_6673_6E61_7274, long(bytes, start &+ 8) == 0x6E69_646F_636E_652D,
                long(bytes, end &- 8) == 0x676E_6964_6F63_6E65
            {
                return .transferEncoding
            }
            // x-forwarded-proto
            if long(bytes, start) == 0x7261_7772_6F66_2D78, long(bytes, start &+ 8) == 0x746F_7270_2D64_6564,
                long(bytes, end &- 8) == 0x6F74_6F72_702D_6465
            {
                return .forwardedProto
            }
            // sec-websocket-key
            if long(bytes, start) == 0x7362_6577_2D63_6573, long(bytes, start &+ 8) == 0x656B_2D74_656B_636F,
                long(bytes, end &- 8) == 0x7965_6B2D_7465_6B63
            {
                return .webSocketKey
            }
            return .other
        case 19:
            // gost-forwarded-node
            if long(bytes, start) == 0x726F_662D_7473_6F67, long(bytes, start &+ 8) == 0x6E2D_6465_6472_6177,
                long(bytes, end &- 8) == 0x6564_6F6E_2D64_6564
            {
                return .forwardedNode
            }
            return .other
        case 20:
            // sec-websocket-accept
            if long(bytes, start) == 0x7362_6577_2D63_6573, long(bytes, start &+ 8) == 0x6361_2D74_656B_636F,
                long(bytes, end &- 8) == 0x7470_6563_6361_2D74
            {
                return .webSocketAccept
            }
            return .other
        case 21:
            // sec-websocket-version
            if long(bytes, start) == 0x7362_6577_2D63_6573, long(bytes, start &+ 8) == 0x6576_2D74_656B_636F,
                long(bytes, end &- 8) == 0x6E6F_6973_7265_762D
            {
                return .webSocketVersion
            }
            return .other
        default:
            return .other
        }
    }

    @_noLocks @inline(__always) private static func short(_ bytes: borrowing RawSpan, _ at: Int) -> UInt32 {
        UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt32.self)) | 0x2020_2020
    }

    @_noLocks @inline(__always) private static func long(_ bytes: borrowing RawSpan, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self)) | 0x2020_2020_2020_2020
    }
}
