import Primitives

/// What the nodes of a cluster share so that their peer links know each other: the key of the proofs in a peer link's
/// handshake. The SHA-256 of the text that operators configure, so that any length of text will do.
///
/// Never printed: whoever has it can reach every tunnel of the cluster.
package struct PeerSecret: Hashable, Sendable, BitwiseCopyable, CustomStringConvertible {
    package var first: UInt64
    package var second: UInt64
    package var third: UInt64
    package var fourth: UInt64

    /// The four big-endian words of the key.
    package init(words: InlineArray<4, UInt64>) {
        first = words[0]
        second = words[1]
        third = words[2]
        fourth = words[3]
    }

    /// From the text that operators configure.
    package init(text: String) {
        var hash = SHA256()
        for byte in text.utf8 { hash.take(byte) }
        self.init(words: hash.finish())
    }

    /// The key, as four big-endian words.
    package var words: InlineArray<4, UInt64> { @_noLocks get { [first, second, third, fourth] } }

    package var description: String { "(secret)" }
}
