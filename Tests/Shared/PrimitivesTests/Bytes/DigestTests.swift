import Crypto
import Testing

@testable import Primitives

/// Our SHA-1 and MD5 against an independent implementation, at every length around the block and padding borders.
@Suite struct DigestTests {
    @Test func agreeWithSwiftCrypto() {
        for count in Array(0..<260) + [1_000, 4_096, 65_537] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ count) }
            let sha1 = SHA1.digest(of: bytes.span.bytes)
            let md5 = MD5.digest(of: bytes.span.bytes)
            #expect((0..<20).map { sha1[$0] } == Array(Insecure.SHA1.hash(data: bytes)), "SHA-1 of \(count) bytes")
            #expect((0..<16).map { md5[$0] } == Array(Insecure.MD5.hash(data: bytes)), "MD5 of \(count) bytes")
        }
    }
}
