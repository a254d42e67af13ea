import Crypto
import Testing

@testable import Primitives

/// Our digests against an independent implementation, at every length around the block and padding borders.
@Suite struct DigestTests {
    @Test func agreeWithSwiftCrypto() {
        for count in Array(0..<260) + [1_000, 4_096, 65_537] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ count) }
            let sha1 = SHA1.digest(of: bytes.span.bytes)
            let md5 = MD5.digest(of: bytes.span.bytes)
            #expect((0..<20).map { sha1[$0] } == Array(Insecure.SHA1.hash(data: bytes)), "SHA-1 of \(count) bytes")
            #expect((0..<16).map { md5[$0] } == Array(Insecure.MD5.hash(data: bytes)), "MD5 of \(count) bytes")
            var sha256 = Primitives.SHA256()
            bytes.withUnsafeBytes { sha256.take($0) }
            #expect(
                DigestTests.bytes(sha256.finish()) == Array(Crypto.SHA256.hash(data: bytes)),
                "SHA-256 of \(count) bytes")
        }
    }

    @Test func keyedDigestsAgreeWithSwiftCrypto() {
        let high: UInt64 = 0x0123_4567_89AB_CDEF, low: UInt64 = 0xFEDC_BA98_7654_3210
        let key = SymmetricKey(data: DigestTests.bytes([high, low, 0, 0]).prefix(16))
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
            var hash = Primitives.SHA256.keyed(high: high, low: low)
            bytes.withUnsafeBytes { hash.take($0) }
            let ours = DigestTests.bytes(Primitives.SHA256.finishKeyed(hash, high: high, low: low))
            #expect(ours == Array(HMAC<Crypto.SHA256>.authenticationCode(for: bytes, using: key)), "\(count) bytes")
        }
    }

    @Test func keyedDigestsOfLongKeysAgreeWithSwiftCrypto() {
        let words: InlineArray<4, UInt64> = [0x0123_4567_89AB_CDEF, 1, 0xFEDC_BA98_7654_3210, 0x8000_0000_0000_0007]
        let key = SymmetricKey(data: DigestTests.bytes(words))
        for count in 0..<200 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
            var hash = Primitives.SHA256.keyed(words)
            bytes.withUnsafeBytes { hash.take($0) }
            let ours = DigestTests.bytes(Primitives.SHA256.finishKeyed(hash, words))
            #expect(ours == Array(HMAC<Crypto.SHA256>.authenticationCode(for: bytes, using: key)), "\(count) bytes")
        }
    }

    private static func bytes(_ words: InlineArray<4, UInt64>) -> [UInt8] {
        (0..<4).flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: words[word] >> UInt64((7 - $0) * 8)) } }
    }
}
