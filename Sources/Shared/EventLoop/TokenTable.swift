internal import Operations
internal import Primitives

/// A few tokens with a word for each: what a completion of the kernel, which names only the token, stands for.
struct TokenTable: BitwiseCopyable {
    static var capacity: Int { @_noLocks get { 64 } }

    private var tokens = InlineArray<64, UInt64>(repeating: 0)
    private var words = InlineArray<64, UInt>(repeating: 0)
    /// Places from here on were never used.
    private var used = 0

    /// False when there is no place left. `word` is not 0.
    @_noLocks
    mutating func note(_ token: Token, _ word: UInt) -> Bool {
        precondition(word != 0)
        for index in 0..<used where words[index] == 0 {
            tokens[index] = token.raw
            words[index] = word
            return true
        }
        guard used < TokenTable.capacity else { return false }
        tokens[used] = token.raw
        words[used] = word
        used += 1
        return true
    }

    /// The token's word; 0 when it was not noted.
    @_noLocks
    func word(of token: Token) -> UInt {
        for index in 0..<used where words[index] != 0 && tokens[index] == token.raw { return words[index] }
        return 0
    }

    /// Forgets the token and returns its word; 0 when it was not noted.
    @_noLocks
    mutating func take(_ token: Token) -> UInt {
        for index in 0..<used where words[index] != 0 && tokens[index] == token.raw {
            let word = words[index]
            words[index] = 0
            return word
        }
        return 0
    }

    /// Forgets every token with this word.
    @_noLocks
    mutating func forget(word: UInt) {
        for index in 0..<used where words[index] == word { words[index] = 0 }
    }
}
