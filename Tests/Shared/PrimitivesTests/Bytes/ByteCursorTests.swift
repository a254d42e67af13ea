import Testing

@testable import Primitives

@Suite struct ByteReaderTests {
    private func check<Number: Equatable>(_ read: Number, _ expected: Number, _ at: SourceLocation = #_sourceLocation) {
        #expect(read == expected, sourceLocation: at)
    }

    @Test func readsBothEndians() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        var reader = ByteReader(from: 0, to: 15)
        check(reader.byte(bytes.span.bytes), 1)
        check(reader.big16(bytes.span.bytes), 0x0203)
        check(reader.big32(bytes.span.bytes), 0x0405_0607)
        check(reader.little64(bytes.span.bytes), 0x0F0E_0D0C_0B0A_0908)
        #expect(reader.remaining == 0)
        #expect(!reader.overran)
    }

    @Test func overrunIsStickyAndReadsZeros() {
        let bytes: [UInt8] = [1, 2, 3]
        var reader = ByteReader(from: 0, to: 3)
        check(reader.big32(bytes.span.bytes), 0)
        #expect(reader.overran)
        check(reader.byte(bytes.span.bytes), 0)
        let taken = reader.take(0)
        #expect(taken == nil, "nothing is read after an overrun")
    }

    @Test func staysInsideItsOwnEnd() {
        let bytes: [UInt8] = [1, 2, 3, 4]
        var reader = ByteReader(from: 1, to: 2)
        check(reader.byte(bytes.span.bytes), 2)
        check(reader.byte(bytes.span.bytes), 0)
        #expect(reader.overran)
    }
}

@Suite struct ByteWriterTests {
    private func written(_ capacity: Int, _ body: (inout ByteWriter) -> Void) -> (bytes: [UInt8], finished: Int?) {
        var memory = [UInt8](repeating: 0xEE, count: capacity)
        let finished = memory.withUnsafeMutableBytes { target in
            var writer = ByteWriter(target)
            body(&writer)
            return writer.finished
        }
        return (memory, finished)
    }

    @Test func writesBothEndians() {
        let result = written(15) { writer in
            writer.byte(1)
            writer.big16(0x0203)
            writer.big32(0x0405_0607)
            writer.little64(0x0F0E_0D0C_0B0A_0908)
        }
        #expect(result.bytes == (1...15).map { UInt8($0) })
        #expect(result.finished == 15)
    }

    @Test func overflowWritesNothingAndIsSticky() {
        let result = written(3) { writer in
            writer.big16(0x0102)
            writer.big16(0x0304)
            writer.byte(5)
        }
        #expect(result.bytes == [1, 2, 0xEE])
        #expect(result.finished == nil)
    }

    @Test func emptyWritesFitAnywhere() {
        let result = written(0) { writer in
            writer.text("")
            writer.copy(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(result.finished == 0)
    }

    @Test(arguments: [0, 9, 10, 99, 100, 65_535, UInt64.max]) func decimals(value: UInt64) {
        let result = written(20) { $0.decimal(value) }
        #expect(String(decoding: result.bytes.prefix(result.finished ?? 0), as: UTF8.self) == "\(value)")
    }

    @Test func patchesWhatWasSkipped() {
        let result = written(4) { writer in
            let at = writer.skip(2)
            writer.big16(7)
            writer.patchBig16(0x0A0B, at: at ?? 9)
        }
        #expect(result.bytes == [0x0A, 0x0B, 0, 7])
    }
}
