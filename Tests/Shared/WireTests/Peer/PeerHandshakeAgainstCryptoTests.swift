import Crypto
import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The proofs of a peer link against an independent implementation of HMAC-SHA-256.
@Suite struct PeerHandshakeAgainstCryptoTests {
    @Test func proofsAreWhatTheDescriptionSays() throws {
        let key = SymmetricKey(data: Crypto.SHA256.hash(data: Array("the secret of this cluster".utf8)))
        var dialling = PeerHandshake(.dialling, secret: PeerHandshakeTests.secret)
        var accepting = PeerHandshake(.accepting, secret: PeerHandshakeTests.secret)
        let first = try #require(
            writing(PeerHello.byteCountMax) { dialling.sayHello(PeerHandshakeTests.hello(1), into: $0) })
        _ = first.withUnsafeBytes { accepting.hearHello($0) }
        let second = try #require(
            writing(PeerHello.byteCountMax) { accepting.sayHello(PeerHandshakeTests.hello(2), into: $0) })
        _ = second.withUnsafeBytes { dialling.hearHello($0) }
        let hellos = Array(Crypto.SHA256.hash(data: first + second))
        for (label, handshake) in [("dialling", dialling), ("accepting", accepting)] {
            let message = Array("culvert peer link: \(label)".utf8) + hellos
            #expect(
                PeerHandshakeTests.bytes(handshake.proof())
                    == Array(HMAC<Crypto.SHA256>.authenticationCode(for: message, using: key)))
        }
    }
}
