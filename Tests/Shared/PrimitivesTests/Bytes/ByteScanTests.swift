import Testing

@testable import Primitives

@Suite struct ByteScanTests {
    private func index(of byte: UInt8, in bytes: [UInt8], from: Int) -> Int? {
        ByteScan.index(of: byte, in: bytes.span.bytes, from: from)
    }

    private func equal(_ left: [UInt8], at: Int, _ right: [UInt8], count: Int) -> Bool {
        ByteScan.equal(left.span.bytes, at: at, right.span.bytes, at: 0, count: count)
    }

    private func equalsIgnoringCase(_ bytes: [UInt8], _ lower: Int, _ upper: Int, _ text: StaticString) -> Bool {
        ByteScan.equalsIgnoringCase(bytes.span.bytes, lower, upper, text)
    }

    @Test func findsBytes() {
        let bytes = Array("abcabc".utf8)
        #expect(index(of: 0x63, in: bytes, from: 0) == 2)
        #expect(index(of: 0x63, in: bytes, from: 3) == 5)
        #expect(index(of: 0x64, in: bytes, from: 0) == nil)
        #expect(index(of: 0x61, in: bytes, from: 6) == nil)
        #expect(index(of: 0x61, in: [], from: 0) == nil)
    }

    @Test(arguments: [
        ("\r\n\r\n", 4), ("a\r\n\r\nb", 5), ("a\r\nb\r\n\r\n", 8), ("\r\r\n\r\n", 5), ("a\r\n\r", nil), ("", nil),
        ("\r\n\r\r\n\r\n", 7), ("a\r\n\n", nil),
    ])
    func findsTheEndOfAHead(text: String, end: Int?) {
        let bytes = Array(text.utf8)
        let found = ByteScan.endOfHead(in: bytes.span.bytes, from: 0)
        #expect(found == end)
    }

    @Test func comparesAtEveryLength() {
        for count in 0..<40 {
            let left = (0..<count + 3).map { UInt8($0) }
            var right = Array(left[3...])
            #expect(equal(left, at: 3, right, count: count))
            for index in 0..<count {
                right[index] ^= 0x80
                #expect(!equal(left, at: 3, right, count: count))
                right[index] ^= 0x80
            }
        }
    }

    @Test func comparesLettersWithoutCase() {
        let bytes = Array("xChUnKeDx".utf8)
        #expect(equalsIgnoringCase(bytes, 1, 8, "chunked"))
        #expect(!equalsIgnoringCase(bytes, 0, 8, "chunked"))
        // 0x0B differs from '+' in bit 5 only, and is no letter.
        #expect(!equalsIgnoringCase([0x0B], 0, 1, "+"))
    }
}
