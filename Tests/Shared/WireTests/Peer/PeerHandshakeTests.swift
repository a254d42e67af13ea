import Testing

@testable import Model
@testable import Primitives
@testable import Wire

/// The handshake of a peer link in every split, and everybody who must not come through it.
@Suite struct PeerHandshakeTests {
    static let secret = PeerSecret(text: "the secret of this cluster")

    static func hello(_ number: UInt64, wanted: Int? = nil, plane: String = "data-0") -> PeerHello {
        PeerHello(
            nonce: [number, 2, 3, 4], node: NodeID(high: number, low: 7), epoch: 1_700_000_000_000 + number,
            plane: InlineText(plane)!, workers: 4, worker: 3, wanted: wanted)
    }

    static func bytes(_ proof: InlineArray<4, UInt64>) -> [UInt8] {
        (0..<4).flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: proof[word] >> UInt64((7 - $0) * 8)) } }
    }

    /// What one side said and came to believe.
    private struct Side {
        var handshake: PeerHandshake
        var said: [UInt8] = []
        var heard: [UInt8] = []
        var peer: PeerHello?
        var isProven = false
        var fault: PeerFault?

        init(_ role: PeerHandshake.Role, _ secret: PeerSecret) { handshake = PeerHandshake(role, secret: secret) }

        mutating func sayHello(_ hello: PeerHello) {
            said += writing(PeerHello.byteCountMax) { handshake.sayHello(hello, into: $0) }!
        }

        /// Takes some bytes, as far as they go.
        mutating func hear(_ piece: [UInt8]) {
            heard += piece
            guard fault == nil else { return }
            if peer == nil {
                switch heard.withUnsafeBytes({ handshake.hearHello($0) }) {
                case .needMore: return
                case .fault(let fault): self.fault = fault
                case .hello(let hello, let count):
                    peer = hello
                    heard.removeFirst(count)
                }
            } else if !isProven {
                switch heard.withUnsafeBytes({ handshake.judgeProof($0) }) {
                case .needMore: return
                case .fault(let fault): self.fault = fault
                case .proven(let count):
                    isProven = true
                    heard.removeFirst(count)
                }
            }
        }
    }

    @Test func bothSidesComeToKnowEachOtherInEverySplit() {
        var first = Side(.dialling, Self.secret)
        first.sayHello(Self.hello(1, wanted: 2))
        let whole = first.said
        for pieces in cuts(of: whole) {
            var dialling = Side(.dialling, Self.secret), accepting = Side(.accepting, Self.secret)
            dialling.sayHello(Self.hello(1, wanted: 2))
            for piece in pieces { accepting.hear(piece) }
            #expect(accepting.peer?.node == NodeID(high: 1, low: 7) && accepting.peer?.wanted == 2)
            #expect(accepting.peer?.plane.string == "data-0" && accepting.peer?.epoch == 1_700_000_000_001)
            accepting.sayHello(Self.hello(2))
            for piece in cuts(of: accepting.said)[pieces.count == 1 ? 1 : 0] { dialling.hear(piece) }
            #expect(dialling.peer?.node == NodeID(high: 2, low: 7) && dialling.peer?.wanted == nil)
            for byte in Self.bytes(dialling.handshake.proof()) {
                #expect(!accepting.isProven)
                accepting.hear([byte])
            }
            #expect(accepting.isProven && accepting.fault == nil && accepting.heard.isEmpty)
            dialling.hear(Self.bytes(accepting.handshake.proof()) + [2, 3])
            #expect(dialling.isProven && dialling.fault == nil && dialling.heard == [2, 3])
        }
    }

    /// Two sides as far as both hellos.
    private func met(_ left: PeerSecret, _ right: PeerSecret) -> (dialling: Side, accepting: Side) {
        var dialling = Side(.dialling, left), accepting = Side(.accepting, right)
        dialling.sayHello(Self.hello(1))
        accepting.hear(dialling.said)
        accepting.sayHello(Self.hello(2))
        dialling.hear(accepting.said)
        return (dialling, accepting)
    }

    @Test func anotherSecretProvesNothing() {
        var (dialling, accepting) = met(Self.secret, PeerSecret(text: "another"))
        accepting.hear(Self.bytes(dialling.handshake.proof()))
        dialling.hear(Self.bytes(accepting.handshake.proof()))
        #expect(accepting.fault == .wrongProof && dialling.fault == .wrongProof)
        #expect(!accepting.isProven && !dialling.isProven)
    }

    @Test func everyBitOfAProofCounts() {
        let proof = Self.bytes(met(Self.secret, Self.secret).dialling.handshake.proof())
        for bit in 0..<(proof.count * 8) {
            var accepting = met(Self.secret, Self.secret).accepting
            var wrong = proof
            wrong[bit / 8] ^= 1 << UInt8(bit % 8)
            accepting.hear(wrong)
            #expect(accepting.fault == .wrongProof, "bit \(bit)")
        }
    }

    /// Somebody without the secret sends back what he is sent.
    @Test func aMirrorIsNotBelieved() {
        var dialling = Side(.dialling, Self.secret)
        dialling.sayHello(Self.hello(1))
        dialling.hear(dialling.said)
        #expect(dialling.fault == .reflected)
        // With a hello of his own he is sent our proof, which is not his.
        var other = Side(.dialling, Self.secret)
        other.sayHello(Self.hello(1))
        other.hear(writing(PeerHello.byteCountMax) { Self.hello(9).write(into: $0) }!)
        other.hear(Self.bytes(other.handshake.proof()))
        #expect(other.fault == .wrongProof)
    }

    /// He dials us twice and lets us prove to ourselves: the second link's proof is about other nonces, and its side's.
    @Test func aProofOfAnotherLinkIsNotBelieved() {
        let (dialling, _) = met(Self.secret, Self.secret)
        let recorded = Self.bytes(dialling.handshake.proof())
        var later = Side(.accepting, Self.secret)
        later.hear(dialling.said)
        later.sayHello(Self.hello(3))
        later.hear(recorded)
        #expect(later.fault == .wrongProof)
    }

    @Test func aHelloThatWasChangedOnItsWayIsNoticed() {
        let genuine = writing(PeerHello.byteCountMax) { Self.hello(1).write(into: $0) }!
        for position in genuine.indices {
            var changed = genuine
            changed[position] ^= 1
            var dialling = Side(.dialling, Self.secret), accepting = Side(.accepting, Self.secret)
            dialling.sayHello(Self.hello(1))
            accepting.hear(changed)
            guard accepting.fault == nil, accepting.peer != nil else { continue }
            accepting.sayHello(Self.hello(2))
            dialling.hear(accepting.said)
            accepting.hear(Self.bytes(dialling.handshake.proof()))
            #expect(accepting.fault == .wrongProof, "byte \(position)")
        }
    }

    /// A newer minor's hello is longer; what it appends is proven like the rest.
    @Test func aLongerHelloIsUnderstood() {
        var longer = writing(PeerHello.byteCountMax) { Self.hello(1).write(into: $0) }!
        longer[5] = 9
        longer += [1, 2, 3]
        longer[7] += 3
        var accepting = Side(.accepting, Self.secret)
        accepting.hear(longer + [0xAA])
        #expect(accepting.peer?.minor == 9 && accepting.heard == [0xAA])
    }

    private func fault(_ change: (inout [UInt8]) -> Void) -> PeerFault? {
        var bytes = writing(PeerHello.byteCountMax) { Self.hello(1).write(into: $0) }!
        change(&bytes)
        guard case .fault(let fault) = PeerHello.read(bytes.span.bytes) else { return nil }
        return fault
    }

    @Test func whatNoPeerSends() {
        #expect(fault { $0 = Array("GET / HTTP/1.1\r\n".utf8) } == .notAPeer)
        #expect(fault { $0 = [0x43, 0x57] } == .notAPeer)
        #expect(fault { $0[4] = 2 } == .unknownVersion)
        #expect(fault { $0[6] = 2 } == .badLength)
        #expect(fault { $0[7] = 3 } == .badLength)
        #expect(fault { $0[72] = 0 } == .badValue)
        #expect(fault { $0[72] = 65 } == .badValue)
        #expect(fault { $0[73] = 4 } == .badValue)
        #expect(fault { $0[76] = 64 } == .badValue)
        #expect(fault { $0[77] = 0 } == .badValue)
        #expect(fault { $0[77] = 200 } == .badValue)
        #expect(fault { $0[77] = 7 } == .badLength)
        #expect(fault { $0 = Array($0.dropLast()) } == nil)
    }

    @Test func aSecretIsNeverPrinted() {
        #expect("\(Self.secret)" == "(secret)" && String(describing: Optional(Self.secret)).contains("(secret)"))
    }
}
