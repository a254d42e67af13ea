import Primitives

/// A request's method as far as framing and retries depend on it (RFC 9110 §9).
package enum HTTPMethod: UInt8, Sendable, BitwiseCopyable {
    case get, head, post, put, delete, options, patch, trace, connect
    /// Any other token.
    case other

    /// Longest method token that is read.
    package static var bytesMax: Int { @_noLocks get { 32 } }

    /// Whether a repetition does no harm because nothing changes (RFC 9110 §9.2.1).
    package var isSafe: Bool {
        @_noLocks get {
            switch self {
            case .get, .head, .options, .trace: true
            case .post, .put, .delete, .patch, .connect, .other: false
            }
        }
    }

    /// Whether a repetition has the effect of one (RFC 9110 §9.2.2).
    package var isIdempotent: Bool {
        @_noLocks get {
            switch self {
            case .put, .delete: true
            default: isSafe
            }
        }
    }

    /// Whether answers to it have no body (RFC 9110 §9.3.2).
    package var isHead: Bool {
        @_noLocks get {
            if case .head = self { true } else { false }
        }
    }

    /// The method named by `bytes[lower ..< upper]`; methods are case-sensitive.
    @_noLocks package init(_ bytes: borrowing RawSpan, _ lower: Int, _ upper: Int) {
        var word: UInt64 = 0
        let count = upper &- lower
        guard count >= 1, count <= 7 else {
            self = .other
            return
        }
        for index in 0..<count { word = word &<< 8 | UInt64(ByteScan.byte(bytes, lower &+ index)) }
        switch word {
        case 0x47_4554: self = .get
        case 0x4845_4144: self = .head
        case 0x504F_5354: self = .post
        case 0x50_5554: self = .put
        case 0x4445_4C45_5445: self = .delete
        case 0x4F_5054_494F_4E53: self = .options
        case 0x50_4154_4348: self = .patch
        case 0x54_5241_4345: self = .trace
        case 0x43_4F4E_4E45_4354: self = .connect
        default: self = .other
        }
    }
}
