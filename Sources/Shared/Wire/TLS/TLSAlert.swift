package import Primitives

/// How a TLS handshake that we cannot carry is ended, in words that every TLS client understands (RFC 8446 §6).
package enum TLSAlert: UInt8, Sendable, BitwiseCopyable {
    case unexpectedMessage = 10
    case recordOverflow = 22
    case illegalParameter = 47
    case decodeError = 50
    /// Something on our side that has nothing to do with what the peer said: a tunnel without a connector, a limit, a
    /// deadline. The only alert for that (RFC 8446 §6.2).
    case internalError = 80
    /// The name is not served here, or none was given (RFC 6066 §3).
    case unrecognizedName = 112

    package static var byteCount: Int { @_noLocks get { 7 } }

    /// Writes the alert, fatal, as one record in the clear: `byteCount` bytes. `version` is the hello's; newer ones than
    /// TLS 1.2 are written as TLS 1.2 (RFC 8446 §5.1).
    @_noLocks package func write(version: UInt16, to writer: inout ByteWriter) {
        writer.byte(21)
        writer.big16(min(max(version, 0x0301), 0x0303))
        writer.big16(2)
        writer.byte(2)
        writer.byte(rawValue)
    }
}

/// What is wrong with the first message of a TLS connection.
package enum TLSFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// A record that is no handshake record, or of no version of TLS.
    case notHandshake
    /// A handshake message that is no ClientHello.
    case notHello
    case emptyRecord, recordTooLong, tooManyRecords
    /// Longer than the limit.
    case tooLong
    /// Lengths that do not agree.
    case malformed
    case repeatedExtension
    /// A server name with bytes that no host name has, or two of them.
    case badServerName

    /// What the peer is told.
    package var alert: TLSAlert {
        @_noLocks get {
            switch self {
            case .notHandshake, .notHello, .emptyRecord: .unexpectedMessage
            case .recordTooLong, .tooLong, .tooManyRecords: .recordOverflow
            case .malformed: .decodeError
            case .repeatedExtension, .badServerName: .illegalParameter
            }
        }
    }

    /// Whether a limit of ours was reached, rather than a rule of the protocol broken.
    package var isTooLarge: Bool {
        @_noLocks get {
            switch self {
            case .tooLong, .tooManyRecords: true
            default: false
            }
        }
    }
}
