/// The commands of smux frames (protocol mux §3), and those of the private extension that are spoken only after both
/// sides agreed on them (design §6).
package enum SmuxCommand: UInt8, Sendable, BitwiseCopyable {
    case open = 0
    case finish = 1
    case data = 2
    case keepAlive = 3
    case windowUpdate = 4

    /// No more data will follow from the sender; the other direction goes on. No payload.
    case halfClose = 16
    /// The stream is void; payload: the reason, 4 bytes little-endian.
    case reset = 17
    /// The stream's far side is connected. No payload.
    case opened = 18
    /// Open nothing more on this session. No payload; stream 0.
    case goAway = 19
    /// The client's instance number, 8 bytes little-endian; stream 0.
    case instance = 20
    /// Text for a person, at most `noticeBytesMax` bytes; stream 0.
    case notice = 21

    package var isExtension: Bool { @_noLocks get { number >= 16 } }

    /// The command's byte; as `rawValue`, but seen by the compiler's allocation check in every build.
    package var number: UInt8 { @_noLocks get { rawValue } }

    /// Longest text of a notice, in bytes.
    package static var noticeBytesMax: Int { @_noLocks get { 512 } }

    /// By number, without the generic initialiser's table.
    @_noLocks init?(number: UInt8) {
        switch number {
        case 0: self = .open
        case 1: self = .finish
        case 2: self = .data
        case 3: self = .keepAlive
        case 4: self = .windowUpdate
        case 16: self = .halfClose
        case 17: self = .reset
        case 18: self = .opened
        case 19: self = .goAway
        case 20: self = .instance
        case 21: self = .notice
        default: return nil
        }
    }
}

/// What is wrong with the inbound half of a session. The session ends; nothing after the fault can be understood.
package enum SmuxFault: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// A frame's version byte differs from the session's.
    case wrongVersion
    /// A command that is not known, or an extension that was not agreed upon.
    case unknownCommand
    /// An extension frame's payload is shorter or longer than the command allows.
    case badExtensionLength
}
