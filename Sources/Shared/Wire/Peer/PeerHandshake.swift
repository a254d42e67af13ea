package import Model
import Primitives

/// The handshake of a peer link: each side shows that it knows the cluster's secret before the other believes a byte.
///
/// ```
/// dialling side                                        accepting side
/// hello D ────────────────────────────────────────────▶
///         ◀──────────────────────────────────────────── hello A
/// proof D ────────────────────────────────────────────▶ judged; a wrong one ends the link unanswered
///         ◀──────────────────────────────────────────── proof A
/// judged, then smux (version 2 and the private extension, all of it) both ways
/// ```
///
/// A proof is HMAC-SHA-256(secret, label of the proving side ‖ SHA-256(hello D ‖ hello A)): 32 bytes. Both nonces are in
/// the hellos, so that a recorded conversation proves nothing; the labels differ, so that nobody can be made to prove his
/// own side to himself. The dialling side proves first: an address that anybody may reach gives away nothing that a weak
/// secret could be guessed from.
///
/// Pure: bytes in, bytes out. The order of calls is the caller's belief and asserted.
package struct PeerHandshake: Sendable, BitwiseCopyable {
    /// Which side of the link this is.
    package enum Role: UInt8, Sendable, BitwiseCopyable {
        case dialling
        case accepting

        var other: Role { self == .dialling ? .accepting : .dialling }
        /// What its proof begins with.
        var label: StaticString {
            self == .dialling ? "culvert peer link: dialling" : "culvert peer link: accepting"
        }
    }

    /// What the peer's bytes so far hold of its proof.
    package enum ProofStep: Equatable, Sendable, BitwiseCopyable {
        case needMore
        case proven(byteCount: Int)
        case fault(PeerFault)
    }

    package static let proofBytes = SHA256.digestBytes

    private let role: Role
    private let secret: PeerSecret
    /// The hellos so far, in the order in which they crossed the wire.
    private var hellos = SHA256()
    private var nonce = InlineArray<4, UInt64>(repeating: 0)
    private var hasSaidHello = false
    private var hasHeardHello = false

    package init(_ role: Role, secret: PeerSecret) {
        self.role = role
        self.secret = secret
    }

    /// Writes our hello; its bytes, or nil when they do not fit. The accepting side answers: it has heard first.
    package mutating func sayHello(_ hello: PeerHello, into target: UnsafeMutableRawBufferPointer) -> Int? {
        precondition(!hasSaidHello && hasHeardHello == (role == .accepting), "a hello out of turn")
        guard let count = hello.write(into: target) else { return nil }
        hellos.take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(target)[..<count]))
        nonce = hello.nonce
        hasSaidHello = true
        return count
    }

    /// Reads the peer's hello from the first byte of `bytes`; what follows it is not looked at.
    package mutating func hearHello(_ bytes: UnsafeRawBufferPointer) -> PeerHello.Step {
        precondition(!hasHeardHello && hasSaidHello == (role == .dialling), "a hello is heard out of turn")
        let step = PeerHello.read(bytes.bytes)
        guard case .hello(let hello, let count) = step else { return step }
        if hasSaidHello, PeerHandshake.isSame(hello.nonce, nonce) { return .fault(.reflected) }
        hellos.take(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        hasHeardHello = true
        return step
    }

    /// Our proof.
    package func proof() -> InlineArray<4, UInt64> { proof(of: role) }

    /// Judges the peer's proof from the first byte of `bytes`; what follows it is not looked at.
    package func judgeProof(_ bytes: UnsafeRawBufferPointer) -> ProofStep {
        guard bytes.count >= PeerHandshake.proofBytes else { return .needMore }
        var reader = ByteReader(from: 0, to: PeerHandshake.proofBytes)
        var heard = InlineArray<4, UInt64>(repeating: 0)
        for word in 0..<4 { heard[word] = reader.big64(bytes.bytes) }
        return PeerHandshake.isSame(heard, proof(of: role.other))
            ? .proven(byteCount: PeerHandshake.proofBytes) : .fault(.wrongProof)
    }

    private func proof(of prover: Role) -> InlineArray<4, UInt64> {
        precondition(hasSaidHello && hasHeardHello, "a proof before both hellos")
        var hash = SHA256.keyed(secret.words)
        let label = prover.label
        hash.take(UnsafeRawBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount))
        let said = hellos
        hash.take(words: said.finish())
        return SHA256.finishKeyed(hash, secret.words)
    }

    /// Compares all the bytes, whichever differ.
    private static func isSame(_ left: InlineArray<4, UInt64>, _ right: InlineArray<4, UInt64>) -> Bool {
        (left[0] ^ right[0]) | (left[1] ^ right[1]) | (left[2] ^ right[2]) | (left[3] ^ right[3]) == 0
    }
}
