import ReferenceDigests
import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The proofs of a peer link against an independent implementation of HMAC-SHA-256.
@Suite struct PeerHandshakeAgainstOpenSSLTests {
    @Test func proofsAreWhatTheDescriptionSays() throws {
        let key = ReferenceDigests.digest("SHA256", Array("the secret of this cluster".utf8))
        var dialling = PeerHandshake(.dialling, secret: PeerHandshakeTests.secret)
        var accepting = PeerHandshake(.accepting, secret: PeerHandshakeTests.secret)
        let first = try #require(
            writing(PeerHello.byteCountMax) { dialling.sayHello(PeerHandshakeTests.hello(1), into: $0) })
        _ = first.withUnsafeBytes { accepting.hearHello($0) }
        let second = try #require(
            writing(PeerHello.byteCountMax) { accepting.sayHello(PeerHandshakeTests.hello(2), into: $0) })
        _ = second.withUnsafeBytes { dialling.hearHello($0) }
        let hellos = ReferenceDigests.digest("SHA256", first + second)
        for (label, handshake) in [("dialling", dialling), ("accepting", accepting)] {
            let message = Array("culvert peer link: \(label)".utf8) + hellos
            #expect(
                PeerHandshakeTests.bytes(handshake.proof())
                    == ReferenceDigests.keyedSHA256(message, key: key))
        }
    }
}
