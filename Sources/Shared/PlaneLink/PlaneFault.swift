/// Why bytes on the plane link are not acceptable. Any of them ends the link; the next connection starts anew.
package enum PlaneFault: Error, Equatable, Sendable {
    /// A frame announced more body bytes than `PlaneFrame.bodyBytesMax`.
    case oversized(bytes: UInt32)
    /// A body ended inside a member of the message of this kind.
    case truncated(kind: UInt16)
    /// A member of the message of this kind has a value that no version of this major has.
    case badValue(kind: UInt16)
    /// The hello names a major that this build does not speak: the other side is told `PlaneVersion.refusal`.
    case unknownVersion(PlaneVersion)

    /// What happened, for the log.
    package var text: String {
        switch self {
        case .oversized(let bytes): "frame of \(bytes) bytes on the plane link, \(PlaneFrame.bodyBytesMax) are allowed"
        case .truncated(let kind): "message of kind \(kind) on the plane link ends too early"
        case .badValue(let kind): "message of kind \(kind) on the plane link has an impossible value"
        case .unknownVersion(let version): version.refusal
        }
    }
}
