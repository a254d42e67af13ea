import Model
import PlaneLink
import Primitives

@testable import ControlCore

/// Peer links and the words on them: a link is there where one of two living data planes was told of the other and their
/// nodes reach each other.
extension ClusterWorld {
    /// How long it takes until a link is made, or is known to be gone.
    private static let meshMilliseconds: UInt64 = 20

    /// Every data plane says with whom it is linked, as far as it has not yet.
    mutating func mesh() {
        events.put(.mesh, at: now.advanced(milliseconds: Self.meshMilliseconds))
        for node in nodes.indices where isAlive[node] {
            for plane in nodes[node].planes.indices where nodes[node].planes[plane].link != nil {
                let linked = links(of: node, plane)
                let said = nodes[node].planes[plane].saidLinked
                guard linked != said else { continue }
                nodes[node].planes[plane].saidLinked = linked
                for peer in inOrder(said.subtracting(linked)) { say(node, plane, .peerLinked(peer, isLinked: false)) }
                for peer in inOrder(linked.subtracting(said)) { say(node, plane, .peerLinked(peer, isLinked: true)) }
            }
        }
    }

    private mutating func say(_ node: Int, _ plane: Int, _ message: DataToControl) {
        if let link = nodes[node].planes[plane].link { tell(node, .received(link, message)) }
    }

    private func inOrder(_ peers: Set<LinkedPeer>) -> [LinkedPeer] {
        peers.sorted { ($0.node.high, $0.node.low, $0.plane) < ($1.node.high, $1.node.low, $1.plane) }
    }

    private func links(of node: Int, _ plane: Int) -> Set<LinkedPeer> {
        var linked: Set<LinkedPeer> = []
        for other in nodes.indices where other != node {
            for peer in nodes[other].planes.indices where isLinked(node, plane, other, peer) {
                linked.insert(
                    LinkedPeer(node: Self.settings(other).node, plane: nodes[other].planes[peer].name))
            }
        }
        return linked
    }

    /// Whether two data planes have a link: it needs no control plane.
    func isLinked(_ node: Int, _ plane: Int, _ other: Int, _ peer: Int) -> Bool {
        guard isAlive[node], isAlive[other], !parted.contains([min(node, other), max(node, other)]) else {
            return false
        }
        let here = nodes[node].planes[plane], there = nodes[other].planes[peer]
        guard !here.isDead, !there.isDead, here.capabilities.contains(.words), there.capabilities.contains(.words)
        else {
            return false
        }
        return knows(here, other, there.name) || knows(there, node, here.name)
    }

    private func knows(_ plane: SimulatedDataPlane, _ other: Int, _ name: String) -> Bool {
        let id = Self.settings(other).node
        return plane.rows.values.contains { $0.id == id && $0.peers.contains { $0.plane == name } }
    }

    /// Words that the data planes of a node were given go on their way.
    mutating func carryWords(of node: Int) {
        for plane in nodes[node].planes.indices where !nodes[node].planes[plane].tellings.isEmpty {
            let tellings = nodes[node].planes[plane].tellings
            nodes[node].planes[plane].tellings = []
            guard let link = nodes[node].planes[plane].link else { continue }
            let from = Place(node: node, plane: plane, link: link)
            for telling in tellings {
                note(UInt64(telling.words.count))
                guard let found = place(of: telling.peer) else {
                    events.put(.told(from, number: telling.number, isTaken: false), at: later(latency()))
                    continue
                }
                events.put(.words(from: from, to: found, telling), at: later(latency()))
            }
        }
    }

    private func place(of peer: LinkedPeer) -> Place? {
        for other in nodes.indices where Self.settings(other).node == peer.node {
            guard let plane = nodes[other].planes.firstIndex(where: { $0.name == peer.plane && !$0.isDead }) else {
                continue
            }
            return Place(node: other, plane: plane, link: nodes[other].planes[plane].link ?? LinkID(0))
        }
        return nil
    }

    func isThere(_ place: Place) -> Bool {
        isAlive[place.node] && place.plane < nodes[place.node].planes.count
            && nodes[place.node].planes[place.plane].link == place.link
    }

    /// They come, or do not: who sent them hears which, if he is still there.
    mutating func bringWords(_ from: Place, _ to: Place, _ telling: PeerTelling) {
        var isTaken = false
        if to.plane < nodes[to.node].planes.count, from.plane < nodes[from.node].planes.count,
            isLinked(from.node, from.plane, to.node, to.plane), let link = nodes[to.node].planes[to.plane].link
        {
            isTaken = true
            let said = DataToControl.peerSaid(node: Self.settings(from.node).node, words: telling.words)
            let isSwallowed = swallowsWords.map { random.below($0) == 0 } ?? false
            if !isSwallowed { tell(to.node, .received(link, said)) }
        }
        if let doubtsWords, random.below(doubtsWords) == 0 { isTaken = false }
        events.put(.told(from, number: telling.number, isTaken: isTaken), at: later(latency()))
    }

    /// Two nodes do not reach each other for a while.
    mutating func part(_ node: Int, milliseconds: UInt64) {
        let other = (node + 1) % nodes.count
        let pair = [min(node, other), max(node, other)]
        guard parted.insert(pair).inserted else { return }
        events.put(.heal(pair[0], pair[1]), at: now.advanced(milliseconds: milliseconds))
    }

    // MARK: The law

    /// What another node has is known here a second later, whatever becomes of Redis, as long as both are linked and can
    /// say so.
    mutating func checkSaid() {
        for node in nodes.indices {
            for other in nodes.indices where other != node { checkSaid(by: other, to: node) }
        }
    }

    private mutating func checkSaid(by other: Int, to node: Int) {
        let pair = "\(other)>\(node)"
        guard isAlive[node], isAlive[other], laws.isSettled(node, now), laws.isSettled(other, now),
            nodes[node].core.cluster.words.isLinked(Self.settings(other).node),
            nodes[other].core.cluster.words.isLinked(Self.settings(node).node)
        else { return laws.forgetUnsaid(pair) }
        let said = nodes[node].core.cluster.words.heard[Self.settings(other).node]
        let time = now.nanoseconds / 1_000_000
        let missing = laws.unsaid(pair, "list", said?.isInOrder != true, now)
        laws.expect(missing <= 3_000, "node \(node) has no list of node \(other) for \(missing) ms, \(time) ms")
        guard said?.isInOrder == true else { return laws.forgetUnsaid(pair, besides: "list") }
        let there = nodes[other].core
        for number in UInt64(1)...12 {
            let has = there.registry[tunnel(number)]?.connectors.isEmpty == false
            let isGood = isCandidate(tunnel(number), of: other, at: node)
            let waited = laws.unsaid(pair, "tunnel \(number)", has && !isGood, now)
            laws.expect(
                waited <= 1_000,
                "node \(node) was not told for \(waited) ms that node \(other) has tunnel \(number), "
                    + "\(time) ms")
        }
        for (name, claim) in there.cluster.claims where claim.standing != .asking {
            let isSaid = said?.names[name]?.route.tunnel == claim.tunnel
            let waited = laws.unsaid(pair, "name \(name.key)", !isSaid, now)
            laws.expect(waited <= 1_000, "node \(node) was not told for \(waited) ms of \(name.key), \(time) ms")
        }
        for name in said?.names.keys.sorted(by: { $0.key < $1.key }) ?? [] {
            let waited = laws.unsaid(pair, "no name \(name.key)", there.cluster.claims[name] == nil, now)
            laws.expect(waited <= 1_000, "node \(node) believes for \(waited) ms in \(name.key), \(time) ms")
        }
    }

    /// Whether a node is a good candidate for a tunnel, as another would tell its data planes.
    private func isCandidate(_ tunnel: TunnelID, of other: Int, at node: Int) -> Bool {
        guard let link = nodes[node].planes.lazy.compactMap(\.link).first else { return true }
        let core = nodes[node].core
        return core.candidates(of: tunnel, for: link, now: now).contains { candidate in
            let row = core.cluster.nodes[candidate.node]
            return row.id == Self.settings(other).node && candidate.standing != .suspect
        }
    }
}
