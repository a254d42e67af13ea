/// Why the bytes of a server are no replies.
enum ReplyFault: Error, Equatable {
    /// hiredis' own words.
    case malformed(String)
    /// More bytes than `StoreLimits.replyBytesMax`.
    case tooManyBytes
    /// More elements than `StoreLimits.replyElementsMax`.
    case tooManyElements
    /// A kind of reply that RESP2 does not have.
    case unknownKind
    /// A reply to nothing.
    case unasked

    var text: String {
        switch self {
        case .malformed(let text): "it sends what is no reply: \(text)"
        case .tooManyBytes: "its reply is too long"
        case .tooManyElements: "its reply has too many elements"
        case .unknownKind: "it sends a kind of reply that nobody asked for"
        case .unasked: "it sends a reply that nobody asked for"
        }
    }
}
