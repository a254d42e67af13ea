import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// Words between control planes, as far as the desk has a part in them: which data planes can be told some, and what is
/// on its way. Nothing of it is kept for a control plane that comes later: it begins anew.
struct WordsDesk {
    /// The present control plane says and hears words.
    var isSpoken = false
    /// With whom worker 0 is linked, and what of it the present control plane was told.
    var linked: Set<LinkedPeer> = []
    var said: Set<LinkedPeer> = []
    /// What is on its way: the stream that carries it, and the control plane's number for it.
    var underWay: [UInt32: UInt64] = [:]

    /// Bytes that may wait for the control plane while other nodes' words are taken for it; beyond, they are refused, and
    /// come later.
    static let backlogBytesMax = 1 << 20
}

extension PlaneDesk {
    /// A control plane said hello.
    func wordsMet(_ hello: ControlHello) {
        cluster.words.isSpoken = hello.capabilities.contains(.words)
        cluster.words.said = []
        cluster.words.underWay = [:]
        sayLinked()
    }

    /// It is away.
    func wordsLost() {
        cluster.words.isSpoken = false
        cluster.words.said = []
        cluster.words.underWay = [:]
    }

    /// The data planes that can be told words now.
    func linked(with peers: Set<LinkedPeer>) {
        cluster.words.linked = peers
        sayLinked()
    }

    private func sayLinked() {
        guard cluster.words.isSpoken else { return }
        for peer in inOrder(cluster.words.said.subtracting(cluster.words.linked)) {
            send(.peerLinked(peer, isLinked: false))
        }
        for peer in inOrder(cluster.words.linked.subtracting(cluster.words.said)) {
            send(.peerLinked(peer, isLinked: true))
        }
        cluster.words.said = cluster.words.linked
    }

    private func inOrder(_ peers: Set<LinkedPeer>) -> [LinkedPeer] {
        peers.sorted { ($0.node, $0.plane) < ($1.node, $1.plane) }
    }

    /// Words are on their way, on a stream of a peer link.
    func tells(_ number: UInt64, on stream: UInt32) { cluster.words.underWay[stream] = number }

    /// What became of those on a stream; nothing is said to a control plane that did not send them.
    func told(on stream: UInt32, isTaken: Bool) {
        guard let number = cluster.words.underWay.removeValue(forKey: stream) else { return }
        told(number, isTaken: isTaken)
    }

    func told(_ number: UInt64, isTaken: Bool) {
        guard cluster.words.isSpoken else { return }
        send(.peerTold(number: number, isTaken: isTaken))
    }

    /// Words of another node; false when they cannot be passed on now.
    func heard(_ words: [UInt8], from node: NodeID) -> Bool {
        guard isConnected, cluster.words.isSpoken, outgoingBytes <= WordsDesk.backlogBytesMax else { return false }
        send(.peerSaid(node: node, words: words))
        return true
    }
}
