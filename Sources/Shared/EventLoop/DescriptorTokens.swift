internal import Operations
internal import Primitives

/// The tokens of the operations that may wait on each descriptor, so that closing it can cancel them.
///
/// The kernel does not: an operation holds the file open, and a receive that waits would keep a closed connection for
/// ever. Cancelling by descriptor makes the kernel look at everything that waits in the ring; cancelling by token is a
/// look-up. A token stays noted after its operation is done (completions do not name descriptors): cancelling it then
/// finds nothing, silently. Connections keep their tokens, so few are noted for each.
struct DescriptorTokens: ~Copyable {
    struct Note: BitwiseCopyable {
        static var tokensMax: Int { @_noLocks get { 4 } }
        var count: UInt32
        /// More than `tokensMax` different ones.
        var isCrowded: Bool
        var tokens: InlineArray<4, UInt64>
    }

    private let notes: ZeroedSlab<Note>

    init?(descriptorsMax: UInt32) {
        guard let notes = ZeroedSlab<Note>(count: Int(descriptorsMax)) else { return nil }
        self.notes = notes
    }

    @_noLocks
    func holds(_ descriptor: Int32) -> Bool { descriptor >= 0 && Int(descriptor) < notes.count }

    @_noLocks
    mutating func note(_ token: Token, on descriptor: Int32) {
        let note = notes.cells + Int(descriptor)
        let count = Int(note.pointee.count)
        for index in 0..<count where note.pointee.tokens[index] == token.raw { return }
        guard count < Note.tokensMax else {
            note.pointee.isCrowded = true
            return
        }
        note.pointee.tokens[count] = token.raw
        note.pointee.count += 1
    }

    /// What was noted; the descriptor is then as new.
    @_noLocks
    mutating func take(_ descriptor: Int32) -> Note {
        let note = notes.cells + Int(descriptor)
        let taken = note.pointee
        forget(descriptor)
        return taken
    }

    /// The number belongs to a new file.
    @_noLocks
    mutating func forget(_ descriptor: Int32) {
        guard holds(descriptor) else { return }
        let note = notes.cells + Int(descriptor)
        if note.pointee.count != 0 {
            note.pointee.count = 0
            note.pointee.isCrowded = false
        }
    }
}
