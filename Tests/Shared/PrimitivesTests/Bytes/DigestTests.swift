import ReferenceDigests
import Testing

@testable import Primitives

/// Our digests against an independent implementation, at every length around the block and padding borders.
@Suite struct DigestTests {
    @Test func agreeWithOpenSSL() {
        for count in Array(0..<260) + [1_000, 4_096, 65_537] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ count) }
            let sha1 = SHA1.digest(of: bytes.span.bytes)
            let md5 = MD5.digest(of: bytes.span.bytes)
            #expect((0..<20).map { sha1[$0] } == ReferenceDigests.digest("SHA1", bytes), "SHA-1 of \(count) bytes")
            #expect((0..<16).map { md5[$0] } == ReferenceDigests.digest("MD5", bytes), "MD5 of \(count) bytes")
            var sha256 = SHA256()
            bytes.withUnsafeBytes { sha256.take($0) }
            #expect(
                DigestTests.bytes(sha256.finish()) == ReferenceDigests.digest("SHA256", bytes),
                "SHA-256 of \(count) bytes")
        }
    }

    @Test func keyedDigestsAgreeWithOpenSSL() {
        let high: UInt64 = 0x0123_4567_89AB_CDEF, low: UInt64 = 0xFEDC_BA98_7654_3210
        let key = Array(DigestTests.bytes([high, low, 0, 0]).prefix(16))
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
            var hash = SHA256.keyed(high: high, low: low)
            bytes.withUnsafeBytes { hash.take($0) }
            let ours = DigestTests.bytes(SHA256.finishKeyed(hash, high: high, low: low))
            #expect(ours == ReferenceDigests.keyedSHA256(bytes, key: key), "\(count) bytes")
        }
    }

    @Test func keyedDigestsOfLongKeysAgreeWithOpenSSL() {
        let words: InlineArray<4, UInt64> = [0x0123_4567_89AB_CDEF, 1, 0xFEDC_BA98_7654_3210, 0x8000_0000_0000_0007]
        let key = DigestTests.bytes(words)
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
            var hash = SHA256.keyed(words)
            bytes.withUnsafeBytes { hash.take($0) }
            let ours = DigestTests.bytes(SHA256.finishKeyed(hash, words))
            #expect(ours == ReferenceDigests.keyedSHA256(bytes, key: key), "\(count) bytes")
        }
    }

    private static func bytes(_ words: InlineArray<4, UInt64>) -> [UInt8] {
        (0..<4).flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: words[word] >> UInt64((7 - $0) * 8)) } }
    }
}
