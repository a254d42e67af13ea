package import Model

/// What is wrong with an HTTP/1.x message. Each fault of a request has the status it is answered with and the reason
/// it is counted under; every fault of an answer is a bad answer (502).
package enum HTTPFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    // The first line.
    case badRequestLine, badMethod, badTarget, badVersion, badStatusLine
    case methodNotAllowed, versionNotSupported
    // Lines and fields (RFC 9112 §5).
    case bareCarriageReturn, bareLineFeed, foldedField, spaceBeforeColon, badFieldName, badFieldValue, noColon
    case headTooLarge, tooManyFields
    // Host (RFC 9112 §3.2).
    case missingHost, severalHosts, badHost
    // Framing (RFC 9112 §6).
    case badContentLength, severalContentLengths, lengthAndCoding, severalCodingFields, codingInHTTP10
    case badTransferCoding, unknownTransferCoding, framingFieldNamed, bodyNotAllowed
    // Chunked bodies (RFC 9112 §7.1).
    case badChunkSize, chunkTooLarge, chunkExtensionTooLong, badChunkEnd, badTrailer, trailerTooLong
    // Upgrades.
    case upgradeNotAsked

    /// The status a request with this fault is answered with.
    package var status: Int {
        switch self {
        case .methodNotAllowed: 405
        case .versionNotSupported: 505
        case .headTooLarge, .tooManyFields: 431
        case .unknownTransferCoding: 501
        default: 400
        }
    }

    /// The reason a request with this fault is counted under.
    package var reason: Reason {
        switch self {
        case .methodNotAllowed: .methodNotAllowed
        case .versionNotSupported: .versionNotSupported
        case .headTooLarge, .tooManyFields: .headTooLarge
        case .unknownTransferCoding: .unknownTransferCoding
        case .missingHost: .missingHost
        case .badContentLength, .severalContentLengths, .lengthAndCoding, .severalCodingFields, .codingInHTTP10,
            .badTransferCoding, .framingFieldNamed, .badChunkSize, .chunkTooLarge, .chunkExtensionTooLong, .badChunkEnd,
            .badTrailer, .trailerTooLong, .bodyNotAllowed, .severalHosts:
            .ambiguousFraming
        default: .badRequest
        }
    }
}
