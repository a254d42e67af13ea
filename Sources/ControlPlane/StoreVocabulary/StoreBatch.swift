/// One command to a store: its words, as bytes, the name first.
package struct StoreCommand: Hashable, Sendable {
    /// At least one.
    package var words: [[UInt8]]

    /// Of bytes as they are; `words` has at least one.
    package init(words: [[UInt8]]) {
        precondition(!words.isEmpty, "a command without a name")
        self.words = words
    }

    /// Of texts: `StoreCommand("SET", key, value, "NX")`. At least one.
    package init(_ words: String...) { self.init(words: words.map { Array($0.utf8) }) }
}

/// Commands that are sent together and answered together, or fail together. They are no transaction: what others do may
/// fall between two of them.
package struct StoreBatch: Equatable, Sendable {
    /// Chosen by whoever asks; comes back with the answer.
    package var id: UInt64
    /// At least one.
    package var commands: [StoreCommand]
    /// From its submission to the last reply, time spent waiting to be sent included; above zero.
    package var deadlineMilliseconds: Int

    /// The commands in the order in which they are sent.
    package init(id: UInt64, commands: [StoreCommand], deadlineMilliseconds: Int) {
        precondition(!commands.isEmpty, "a batch without commands")
        precondition(deadlineMilliseconds > 0, "a batch without a deadline")
        self.id = id
        self.commands = commands
        self.deadlineMilliseconds = deadlineMilliseconds
    }
}
