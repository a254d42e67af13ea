import Primitives

/// Bytes that name where they belong: whatever is mixed up, cut or repeated is seen.
package enum Content {
    package static func bytes(_ seed: UInt64, _ count: Int) -> [UInt8] {
        var random = Random(seed: seed)
        return [UInt8](unsafeUninitializedCapacity: count + 8) { room, filled in
            let bytes = UnsafeMutableRawBufferPointer(room)
            var position = 0
            while position < count {
                bytes.storeBytes(of: random.next(), toByteOffset: position, as: UInt64.self)
                position += 8
            }
            filled = count
        }
    }

    package static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
