import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// Words of control planes on peer links: who can be told some, that they come whole or not at all, and what is said of
/// those that did not.
@Suite struct PeerWordsTests {
    private static func node(_ number: Int) -> NodeID { NodeID(high: 0xC0DE, low: UInt64(number)) }

    private static func peer(_ number: Int) -> LinkedPeer { LinkedPeer(node: node(number), plane: "simulated") }

    private static func telling(_ number: UInt64, to peer: Int, _ words: [UInt8]) -> ControlToData {
        .tellPeer(PeerTelling(number: number, peer: Self.peer(peer), words: words))
    }

    /// A node and a scripted peer, the node of number 7.
    private func alone(
        workers: Int = 1, hearsWords: Bool = true, wanted: Int? = 0
    ) throws -> (ClusterBench, ScriptedPeer) {
        let bench = try ClusterBench(workers: [workers], speaksWords: true)
        bench.controls[0].send([.node(ScriptedControl.row(7, address: ""))])
        bench.run(50)
        let peer = ScriptedPeer(
            bench.world, bench.nodes[0], bench.outside, secret: ClusterBench.secret, wanted: wanted,
            hearsWords: hearsWords)
        bench.run(50)
        #expect(peer.isProven)
        return (bench, peer)
    }

    @Test(arguments: [[1, 1], [2, 3]])
    func wordsPassFromControlPlaneToControlPlane(_ workers: [Int]) throws {
        let bench = try ClusterBench(workers: workers, speaksWords: true)
        #expect(bench.controls[0].linked == [Self.peer(1)] && bench.controls[1].linked == [Self.peer(0)])
        let largest = Content.bytes(1, PeerWords.bytesMax)
        let said: [[UInt8]] = [[7], largest, Content.bytes(2, 3_000)]
        for (number, words) in said.enumerated() {
            bench.controls[0].send([Self.telling(UInt64(number + 1), to: 1, words)])
            bench.run(50)
            #expect(bench.controls[0].told[UInt64(number + 1)] == true)
        }
        #expect(bench.controls[1].heard.map { $0.words } == said)
        #expect(bench.controls[1].heard.allSatisfy { $0.node == Self.node(0) })
        // Both at once.
        bench.controls[0].send([Self.telling(9, to: 1, [1, 2])])
        bench.controls[1].send([Self.telling(4, to: 0, [3])])
        bench.run(50)
        #expect(bench.controls[0].told[9] == true && bench.controls[1].told[4] == true)
        #expect(bench.controls[0].heard.map { $0.words } == [[3]])
        bench.expectQuiet(connectors: 0)
    }

    /// A control plane from before words hears nothing of it, and what others would tell it is refused.
    @Test func whoDoesNotSpeakWordsIsToldNone() throws {
        let bench = try ClusterBench(speaksWords: true)
        bench.controls[1].speaksWords = false
        bench.controls[1].hangUp()
        bench.run(500)
        #expect(bench.controls[1].linked.isEmpty)
        bench.controls[0].send([Self.telling(1, to: 1, [1])])
        bench.run(50)
        #expect(bench.controls[0].told[1] == false && bench.controls[1].heard.isEmpty)
        // The link is as good as before.
        #expect(bench.isMeshed())
        bench.expectQuiet(connectors: 0)
    }

    @Test func aPeerFromBeforeWordsIsNotTold() throws {
        let (bench, peer) = try alone(hearsWords: false)
        #expect(bench.controls[0].linked.isEmpty)
        bench.controls[0].send([Self.telling(1, to: 7, [1])])
        bench.run(50)
        #expect(bench.controls[0].told[1] == false && peer.streams.isEmpty)
    }

    /// A peer says what it takes by ending the stream, and what it does not by a reset; neither hurts the link.
    @Test func whatBecomesOfWordsIsSaid() throws {
        let (bench, peer) = try alone()
        #expect(bench.controls[0].linked == [Self.peer(7)])
        bench.controls[0].send([Self.telling(1, to: 7, [1, 2, 3])])
        bench.run(50)
        let stream = try #require(peer.streams.first)
        #expect(stream.words == [1, 2, 3] && stream.isHalfClosed && bench.controls[0].told[1] == true)
        peer.manner = .refuses(.lookupFailed)
        bench.controls[0].send([Self.telling(2, to: 7, [4])])
        bench.run(50)
        #expect(bench.controls[0].told[2] == false)
        // A reset for the reason that stands for a FIN is none all the same.
        peer.manner = .refuses(.streamEndedEarly)
        bench.controls[0].send([Self.telling(3, to: 7, [4])])
        bench.run(50)
        #expect(bench.controls[0].told[3] == false)
        // Whom nobody knows, and nothing at all.
        bench.controls[0].send([Self.telling(4, to: 5, [4]), Self.telling(5, to: 7, [])])
        bench.run(50)
        #expect(bench.controls[0].told[4] == false && bench.controls[0].told[5] == false)
        #expect(peer.violations.isEmpty && !peer.isEnded)
    }

    /// One that does not answer is not waited for longer than a visitor would wait.
    @Test func aSilentPeerIsGivenUp() throws {
        let (bench, peer) = try alone()
        peer.manner = .ignores
        bench.controls[0].send([Self.telling(1, to: 7, [1])])
        bench.run(900)
        #expect(bench.controls[0].told[1] == nil)
        bench.run(200)
        #expect(bench.controls[0].told[1] == false)
        #expect(peer.streams[0].refusal?.reason == Reason.forwardTimeout.rawValue)
        // Its late answer is nobody's.
        peer.finish(peer.streams[0])
        bench.run(50)
        #expect(bench.controls[0].told == [1: false] && !peer.isEnded)
    }

    /// The link breaks under the words: that is said, and that there is no way any more.
    @Test func aLinkThatBreaksIsSaid() throws {
        let (bench, peer) = try alone()
        peer.manner = .ignores
        bench.controls[0].send([Self.telling(1, to: 7, [1])])
        bench.run(50)
        #expect(peer.streams.first?.words == [1])
        peer.leave()
        bench.run(50)
        #expect(bench.controls[0].told[1] == false && bench.controls[0].linked.isEmpty)
        bench.expectQuiet(connectors: 0)
    }

    /// Another control plane process, or the same one again, is told who can be told; what was under way is not its.
    @Test func anotherControlPlaneIsToldTheSame() throws {
        let (bench, peer) = try alone()
        peer.manner = .ignores
        bench.controls[0].send([Self.telling(1, to: 7, [1])])
        bench.run(50)
        bench.controls[0].hangUp()
        bench.run(500)
        #expect(bench.controls[0].linked == [Self.peer(7)])
        peer.finish(peer.streams[0])
        bench.run(50)
        #expect(bench.controls[0].told.isEmpty)
    }

    // MARK: What comes

    @Test func wordsOfAPeerAreTakenInEverySplit() throws {
        let (bench, peer) = try alone()
        let words = Content.bytes(3, 700)
        for cut in [1, 2, 3, 4, 5, 400, 699] {
            let stream = peer.tell(Array(words.prefix(cut)), count: words.count)
            bench.run(30)
            #expect(!stream.isOver)
            peer.send(stream, Array(words.dropFirst(cut)))
            bench.run(30)
            #expect(stream.isFinished)
        }
        #expect(bench.controls[0].heard.count == 7)
        #expect(bench.controls[0].heard.allSatisfy { $0.node == Self.node(7) && $0.words == words })
    }

    @Test func whatIsNoWordsIsRefused() throws {
        let (bench, peer) = try alone()
        let refused = [
            peer.tell([1], kind: 2), peer.tell([], count: 0), peer.tell([1, 2, 3], count: 2),
            peer.tell(Content.bytes(1, PeerWords.bytesMax + 1)),
        ]
        bench.run(50)
        for stream in refused { #expect(stream.refusal?.reason == Reason.relayFault.rawValue) }
        // Words that do not come whole.
        let half = peer.tell([1, 2], count: 3)
        bench.run(9_900)
        #expect(!half.isOver)
        bench.run(200)
        #expect(half.refusal?.reason == Reason.streamHeaderTimeout.rawValue)
        #expect(bench.controls[0].heard.isEmpty && !peer.isEnded && peer.violations.isEmpty)
        #expect(peer.tell([9]).refusal == nil)
        bench.run(50)
        #expect(bench.controls[0].heard.map { $0.words } == [[9]])
    }

    /// Only where the desk is somebody hears.
    @Test func anotherWorkerHearsNoWords() throws {
        let (bench, peer) = try alone(workers: 2, wanted: 1)
        #expect(peer.hello?.worker == 1 && bench.controls[0].linked.isEmpty)
        let stream = peer.tell([1])
        bench.run(50)
        #expect(stream.refusal?.reason == Reason.relayFault.rawValue && bench.controls[0].heard.isEmpty)
    }

    /// Without a control plane nothing is taken: it would be lost.
    @Test func withoutAControlPlaneNothingIsTaken() throws {
        let (bench, peer) = try alone()
        bench.controls[0].leave()
        bench.run(100)
        let stream = peer.tell([1])
        bench.run(50)
        #expect(stream.refusal == ForwardRefusal(.lookupFailed, isUntouched: true) && !peer.isEnded)
    }
}
