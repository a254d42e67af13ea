package import Primitives

/// The key under which a control plane's credentials become digests: kernel randomness, new at every start, known to
/// its data planes and to nobody else.
package struct CredentialKey: Hashable, Sendable, BitwiseCopyable {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What the planes keep of a user's name and password: HMAC-SHA-256 of both under the node's key.
///
/// A data plane so knows whom to let in without knowing a password, and nothing of a stored one can be learned from
/// how long a comparison takes: what is compared is not in the hands of who asks, and it is compared whole.
package struct CredentialDigest: Hashable, Sendable, BitwiseCopyable {
    package var words: (UInt64, UInt64, UInt64, UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Of a name and a password, at most 255 bytes each (protocol relay §4.1).
    package init(user: InlineText, password: InlineText, key: CredentialKey) {
        var hash = SHA256.keyed(high: key.high, low: key.low)
        // With its length in front: "ab" and "c" are not "a" and "bc".
        hash.take(user.count)
        user.withBytes { hash.take($0) }
        password.withBytes { hash.take($0) }
        let digest = SHA256.finishKeyed(hash, high: key.high, low: key.low)
        words = (digest[0], digest[1], digest[2], digest[3])
    }

    /// Compares all the bytes, whichever differ.
    package static func == (left: CredentialDigest, right: CredentialDigest) -> Bool {
        let first = (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
        let second = (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
        return first | second == 0
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}
