import Testing

@testable import Primitives

@Suite struct MaskTests {
    private let key: UInt32 = 0xD4C3_B2A1

    /// The definition of RFC 6455 §5.3, byte by byte.
    private func masked(_ bytes: [UInt8], phase: Int) -> [UInt8] {
        let octets: [UInt8] = [0xA1, 0xB2, 0xC3, 0xD4]
        return bytes.enumerated().map { $1 ^ octets[($0 + phase) & 3] }
    }

    @Test func masksEveryLengthAtEveryPhaseAndAlignment() {
        for count in 0..<100 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
            for phase in 0..<4 {
                for shift in 0..<8 {
                    var memory = [UInt8](repeating: 0, count: shift) + bytes + [0x77]
                    memory.withUnsafeMutableBytes {
                        Mask.apply($0.baseAddress! + shift, count: count, key: key, phase: phase)
                    }
                    #expect(Array(memory[shift..<shift + count]) == masked(bytes, phase: phase))
                    #expect(memory[shift + count] == 0x77, "wrote past the end")
                }
            }
        }
    }

    @Test func movesDownOverItself() {
        let bytes = (0..<200).map { UInt8($0) }
        for distance in 0..<80 {
            for count in stride(from: 0, to: 120, by: 7) {
                var memory = bytes
                memory.withUnsafeMutableBytes {
                    Mask.move(
                        to: $0.baseAddress!, from: $0.baseAddress! + distance, count: count, key: key, phase: 1)
                }
                let expected = masked(Array(bytes[distance..<distance + count]), phase: 1)
                #expect(Array(memory[..<count]) == expected, "distance \(distance), count \(count)")
            }
        }
    }

    @Test func rotationContinuesAKey() {
        let bytes = (0..<50).map { UInt8($0) }
        for split in 0...50 {
            var memory = bytes
            memory.withUnsafeMutableBytes {
                Mask.apply($0.baseAddress!, count: split, key: key)
                Mask.apply($0.baseAddress! + split, count: 50 - split, key: Mask.rotated(key, by: split))
            }
            #expect(memory == masked(bytes, phase: 0))
        }
    }
}
