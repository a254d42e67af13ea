/// The events of one reading, folded into a number: equal readings have equal digests, however the bytes came in
/// pieces. Nothing is allocated, so that a target runs at full speed.
///
/// Neighbouring bytes of one kind (a stream's payload, a body's content) are one event whatever their pieces.
package struct EventDigest: Equatable {
    private var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private var open: UInt64 = 0
    /// Events so far; runs of bytes count once.
    package private(set) var count = 0

    package init() {}

    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 29
    }

    /// An event of a kind (1 … 255) with its values.
    package mutating func add(_ kind: UInt8, _ first: UInt64 = 0, _ second: UInt64 = 0, _ third: UInt64 = 0) {
        open = 0
        count += 1
        mix(UInt64(kind))
        mix(first)
        mix(second)
        mix(third)
    }

    /// Bytes of a kind, which continue the run before them when that has the same kind and value.
    package mutating func add(_ kind: UInt8, of value: UInt64, _ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let run = value << 8 | UInt64(kind)
        if open != run {
            add(kind, value)
            open = run
        }
        for byte in bytes { mix(UInt64(byte) | 0x100) }
    }
}

/// A way in which an input is handed to a reader: in pieces of one size.
package struct Pieces {
    private let size: Int

    package init(_ size: Int) { self.size = max(1, size) }

    /// Calls `body` with each piece's bounds in turn until it returns false.
    package func forEach(in count: Int, _ body: (Range<Int>) -> Bool) {
        var start = 0
        while start < count {
            let end = min(count, start + size)
            guard body(start..<end) else { return }
            start = end
        }
    }

    /// Two splits chosen by `seed`: small pieces, byte by byte for every eighth seed, and larger ones.
    package static func all(_ seed: UInt8) -> [Pieces] { [Pieces(1 + Int(seed & 7)), Pieces(9 + Int(seed))] }
    package static var whole: Pieces { Pieces(.max) }
}
