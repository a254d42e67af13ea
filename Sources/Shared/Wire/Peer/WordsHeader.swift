import Primitives

/// The head of a stream on a peer link that is no visitor's: words of one node's control plane for the other's.
///
/// ```
/// 0 hops: 0, it goes no further    1 kind: 1    2 bytes that follow (2, big-endian)
/// ```
///
/// The opening side sends head and words and half-closes; the other ends the stream when it has taken them, and resets it
/// when it has not. Opened only where the other side's hello says `PeerHello.hearsWords`.
package struct WordsHeader: Equatable, Sendable, BitwiseCopyable {
    /// Of the words behind the head.
    package var wordsCount: Int

    package init(wordsCount: Int) { self.wordsCount = wordsCount }

    /// What the bytes so far hold.
    package enum Step: Equatable, BitwiseCopyable {
        case needMore
        case header(WordsHeader)
        case fault
    }

    package static var byteCount: Int { @_noLocks get { 4 } }
    private static var kind: UInt8 { @_noLocks get { 1 } }

    /// Whether a stream that begins with this byte is none of a visitor's.
    package static func begins(with byte: UInt8) -> Bool { byte == 0 }

    /// Reads the head that starts with the first byte of `bytes`; what follows it is not looked at. `limit`: most words
    /// in bytes; none at all are a fault.
    package static func read(_ bytes: borrowing RawSpan, limit: Int) -> Step {
        if bytes.byteCount > 0, ByteScan.byte(bytes, 0) != 0 { return .fault }
        if bytes.byteCount > 1, ByteScan.byte(bytes, 1) != kind { return .fault }
        guard bytes.byteCount >= byteCount else { return .needMore }
        var reader = ByteReader(from: 2, to: byteCount)
        let count = Int(reader.big16(bytes))
        return count > 0 && count <= limit ? .header(WordsHeader(wordsCount: count)) : .fault
    }

    /// Writes the head at `target`, which must have room for `byteCount` bytes.
    package func write(to target: UnsafeMutableRawPointer) {
        precondition(wordsCount > 0 && wordsCount <= Int(UInt16.max), "words that their head cannot count")
        var writer = ByteWriter(UnsafeMutableRawBufferPointer(start: target, count: WordsHeader.byteCount))
        writer.byte(0)
        writer.byte(WordsHeader.kind)
        writer.big16(UInt16(wordsCount))
    }
}
