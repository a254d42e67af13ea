internal import Model
internal import PlaneLink
internal import Primitives

/// Telling other nodes' control planes what this node has: one chunk at a time to each of them, over whichever peer link
/// there is.
///
/// ```
/// first way ──▶ list: everything, in chunks 0, 1, 2 … ──▶ listEnd ──▶ what changes
///                 ▲                                                       │
///                 └──── "again", or too much waits ◀──────────────────────┘
/// ```
///
/// A chunk that was refused, or of which nothing was heard, is told again over the next way, after a pause that grows. A
/// way that comes back begins nothing anew: numbers show whether something is missing, and who misses something asks.
extension ControlCore {
    /// A data plane says with whom it is linked.
    mutating func peerLinked(_ peer: LinkedPeer, isLinked: Bool, over id: LinkID, now: Tick) {
        guard peer.node != cluster.settings.node, links[id]?.speaksWords == true else { return }
        let way = Words.Way(link: id, plane: peer.plane)
        let wasLinked = cluster.words.isLinked(peer.node)
        if isLinked {
            guard wasLinked || cluster.words.ways.count < ControlLimit.nodesMax else {
                return cluster.tally.refuse(.words)
            }
            cluster.words.add(way, to: peer.node)
            if cluster.words.firstWayAt == nil { cluster.words.firstWayAt = now }
        } else {
            cluster.words.remove(way, to: peer.node)
        }
        noteWay(to: peer.node, wasLinked: wasLinked, now: now)
    }

    /// A data plane is gone, and its ways with it; what was under way over it may have been taken or not.
    mutating func waysLost(over id: LinkID, now: Tick) {
        for node in cluster.words.heardNodes where cluster.words.heard[node]?.over == id {
            cluster.words.heard[node]?.isInOrder = false
        }
        for node in cluster.words.nodes(over: id) {
            // What it took of others, and had not brought yet, is lost.
            cluster.words.heard[node]?.isInOrder = false
            for way in cluster.words.ways[node] ?? [] where way.link == id { cluster.words.remove(way, to: node) }
            noteWay(to: node, wasLinked: true, now: now)
        }
        for node in cluster.words.toldNodes where cluster.words.telling[node]?.sent?.way.link == id {
            tellingFailed(node, now: now)
        }
    }

    /// The first way to a node has come, or the last has gone.
    private mutating func noteWay(to node: NodeID, wasLinked: Bool, now: Tick) {
        let isLinked = cluster.words.isLinked(node)
        cluster.words.isTouched = true
        guard isLinked != wasLinked else { return }
        if isLinked, cluster.words.telling[node] == nil { cluster.words.telling[node] = WordsTelling() }
        cluster.words.telling[node]?.unlinkedSince = isLinked ? nil : now
        cluster.words.heard[node]?.unlinkedSince = isLinked ? nil : now
        if isLinked {
            cluster.words.telling[node]?.failures = 0
            cluster.words.telling[node]?.retryAt = now
        }
        // What it has said is worth more, or less.
        retell(saidBy: node, now: now)
    }

    // MARK: What is due

    /// Tells whoever can be told what there is to be said.
    mutating func attendWords(now: Tick) {
        guard cluster.words.isTouched || now >= cluster.words.nextDeadline else { return }
        let peers = toldPeers
        if peers != cluster.words.saidPeers {
            cluster.words.saidPeers = peers
            cluster.words.touch(.node)
        }
        cluster.words.isTouched = false
        var next = Tick.never
        for node in cluster.words.toldNodes {
            if let sent = cluster.words.telling[node]?.sent, now >= sent.deadline { tellingFailed(node, now: now) }
            if isLongUnlinked(cluster.words.telling[node]?.unlinkedSince, now: now) {
                cluster.words.telling[node] = nil
                continue
            }
            askForList(of: node, now: now)
            attendTelling(node, now: now)
            if let telling = cluster.words.telling[node] { next = min(next, deadline(of: telling, node)) }
        }
        for node in cluster.words.heardNodes {
            guard let since = cluster.words.heard[node]?.unlinkedSince else { continue }
            if isLongUnlinked(since, now: now) {
                forgetWords(of: node, now: now)
            } else {
                next = min(next, since.advanced(milliseconds: ControlLimit.wordsKeptMilliseconds))
            }
        }
        cluster.words.nextDeadline = next
        if cluster.words.telling.values.contains(where: { $0.owesEnd && !$0.owesList && !$0.hasMore }) {
            // Whether a list may end depends on what happens to data planes.
            cluster.words.isTouched = true
        }
    }

    private func isLongUnlinked(_ since: Tick?, now: Tick) -> Bool {
        since.map { now >= $0.advanced(milliseconds: ControlLimit.wordsKeptMilliseconds) } ?? false
    }

    private func deadline(of telling: WordsTelling, _ node: NodeID) -> Tick {
        if let sent = telling.sent { return sent.deadline }
        if let since = telling.unlinkedSince {
            return since.advanced(milliseconds: ControlLimit.wordsKeptMilliseconds)
        }
        var next = Tick.never
        if telling.chunk != nil || telling.owesList || telling.hasMore || telling.asksAgain { next = telling.retryAt }
        if telling.owesEnd, let first = cluster.words.firstWayAt {
            let early = first.advanced(milliseconds: ControlLimit.rejoinMilliseconds)
            let late = first.advanced(milliseconds: ControlLimit.epochGraceMilliseconds)
            next = min(next, max(telling.retryAt, isComplete ? early : late))
        }
        if needsList(of: node), let asked = telling.askedAt {
            next = min(next, asked.advanced(milliseconds: ControlLimit.wordsAgainMilliseconds))
        }
        return next
    }

    /// Whether all data planes are back that a restarted control plane waits for.
    private var isComplete: Bool { isServing && links.values.allSatisfy { $0.phase == .serving } }

    /// Whether a list may be over: not before those are back whose connectors would be forgotten by it.
    private func mayEndList(now: Tick) -> Bool {
        guard let first = cluster.words.firstWayAt else { return false }
        if now >= first.advanced(milliseconds: ControlLimit.epochGraceMilliseconds) { return true }
        return isComplete && now >= first.advanced(milliseconds: ControlLimit.rejoinMilliseconds)
    }

    /// Whether a node's list is not here, or not all of it.
    private func needsList(of node: NodeID) -> Bool { cluster.words.heard[node]?.isInOrder != true }

    /// Asks a node for its list where it is missing, now and then.
    private mutating func askForList(of node: NodeID, now: Tick) {
        guard needsList(of: node), let telling = cluster.words.telling[node] else { return }
        let pause = ControlLimit.wordsAgainMilliseconds
        if let asked = telling.askedAt, now < asked.advanced(milliseconds: pause) { return }
        cluster.words.telling[node]?.asksAgain = true
        cluster.words.telling[node]?.askedAt = now
    }

    private mutating func attendTelling(_ node: NodeID, now: Tick) {
        // Nothing of it is held here while a chunk is made: that would have its list copied.
        guard let retryAt = cluster.words.telling[node]?.retryAt, now >= retryAt,
            cluster.words.telling[node]?.sent == nil, let failures = cluster.words.telling[node]?.failures
        else { return }
        let ways = (cluster.words.ways[node] ?? []).filter { links[$0.link]?.isFrozen == false }
        guard !ways.isEmpty else {
            // Those that there are do not answer.
            cluster.words.telling[node]?.retryAt = now.advanced(milliseconds: ControlLimit.wordsToldMilliseconds)
            return
        }
        if cluster.words.telling[node]?.chunk == nil {
            guard let chunk = nextChunk(for: node, now: now) else { return }
            cluster.words.telling[node]?.chunk = chunk
        }
        guard let chunk = cluster.words.telling[node]?.chunk else { return }
        let way = ways[failures % ways.count]
        let number = cluster.words.nextNumber
        cluster.words.nextNumber += 1
        cluster.words.underWay[number] = node
        cluster.words.telling[node]?.sent = WordsTelling.Sent(
            number: number, way: way, deadline: now.advanced(milliseconds: ControlLimit.wordsToldMilliseconds))
        let peer = LinkedPeer(node: node, plane: way.plane)
        effects.append(.send(way.link, .tellPeer(PeerTelling(number: number, peer: peer, words: chunk))))
    }

    // MARK: What became of it

    mutating func peerTold(_ number: UInt64, isTaken: Bool, now: Tick) {
        guard let node = cluster.words.underWay[number], cluster.words.telling[node]?.sent?.number == number else {
            return
        }
        guard isTaken else { return tellingFailed(node, now: now) }
        cluster.words.underWay[number] = nil
        cluster.words.telling[node]?.sent = nil
        cluster.words.telling[node]?.chunk = nil
        cluster.words.telling[node]?.failures = 0
        cluster.words.telling[node]?.retryAt = now
        cluster.words.isTouched = true
        cluster.tally.wordsTold += 1
    }

    /// The chunk goes over the next way; when all were tried, after a pause.
    private mutating func tellingFailed(_ node: NodeID, now: Tick) {
        guard let telling = cluster.words.telling[node], let sent = telling.sent else { return }
        cluster.words.underWay[sent.number] = nil
        let failures = telling.failures + 1
        let ways = max(cluster.words.ways[node]?.count ?? 0, 1)
        let rounds = UInt64(min(failures / ways, 6))
        let pause = rounds == 0 ? 0 : ControlLimit.wordsRetryMilliseconds << (rounds - 1)
        cluster.words.telling[node]?.sent = nil
        cluster.words.telling[node]?.failures = failures
        cluster.words.telling[node]?.retryAt = now.advanced(milliseconds: pause)
        cluster.words.isTouched = true
        cluster.tally.wordsFailed += 1
    }

    // MARK: What is said

    /// The next chunk for a node; nil when there is nothing to be said.
    private mutating func nextChunk(for node: NodeID, now: Tick) -> [UInt8]? {
        if cluster.words.telling[node]?.owesList == true { beginList(for: node, now: now) }
        guard var telling = cluster.words.telling[node] else { return nil }
        let isFirst = telling.number == 0
        let endsList = telling.owesEnd && mayEndList(now: now)
        guard isFirst || telling.asksAgain || telling.hasMore || endsList else { return nil }
        cluster.words.telling[node] = nil
        var writer = PeerWordsWriter(epoch: nodeEpoch, list: telling.list, number: telling.number)
        if telling.asksAgain, writer.add(.again) { telling.asksAgain = false }
        while let subject = telling.next() {
            guard let statement = statement(of: subject) else { continue }
            guard writer.add(statement) else {
                // One that is too long for a chunk of its own is left out.
                if writer.count == 0 { cluster.tally.refuse(.words) } else { telling.leftOver = subject }
                break
            }
        }
        if endsList, !telling.hasMore, writer.add(.listEnd) { telling.owesEnd = false }
        telling.number += 1
        cluster.words.telling[node] = telling
        return writer.bytes
    }

    /// Everything that this node has, in an order of its own.
    private mutating func beginList(for node: NodeID, now: Tick) {
        guard var telling = cluster.words.telling[node] else { return }
        let told = Set(
            registry.connectors.values.filter { cluster.settings.discoveries[$0.bound.service] != nil }
                .map(\.bound.tunnel))
        let tunnels = told.sorted(by: >)
        let names = cluster.claims.filter { $0.value.standing != .asking }.keys
            .sorted { ($0.ingress.rawValue, $0.key) > ($1.ingress.rawValue, $1.key) }
        telling.beginAnew()
        telling.owesList = false
        telling.list = cluster.words.nextList
        cluster.words.nextList += 1
        telling.number = 0
        telling.owesEnd = true
        telling.beganAt = now
        // The last comes first: where we are, connectors, the names that lead to them.
        telling.rest = names.map { WordsTelling.Subject.name($0) }
        telling.rest += tunnels.map { WordsTelling.Subject.tunnel($0) }
        telling.rest.append(.node)
        cluster.words.telling[node] = telling
        cluster.tally.wordLists += 1
    }

    /// What is so of a subject now; nil for what is never told.
    private mutating func statement(of subject: WordsTelling.Subject) -> PeerWords.Statement? {
        switch subject {
        case .tunnel(let tunnel): return .tunnel(tunnel, toldConnectors(of: tunnel))
        case .name(let name):
            let ingress = ingresses[Int(name.ingress.rawValue)].name
            guard ingress.utf8.count <= 255, name.key.utf8.count <= 255 else {
                cluster.tally.refuse(.words)
                return nil
            }
            var route: Route?
            if let claim = cluster.claims[name], claim.standing != .asking {
                route = Route(tunnel: claim.tunnel, isPrivate: false)
            }
            return .name(ingress: ingress, key: name.key, route)
        case .node: return .node(weight: cluster.settings.weight, cluster.words.saidPeers)
        }
    }

    /// Where our data planes are reached, as our lease says.
    private var toldPeers: [PlaneNode.Peer] {
        guard let store = cluster.discoveryStores.first, let lane = cluster.lanes[store] else { return [] }
        return reachablePeers(in: lane).filter { $0.plane.utf8.count <= 255 && $0.address.utf8.count <= 255 }
    }

    /// A tunnel's connectors of this node that others may know of, as far as there is room for them.
    private mutating func toldConnectors(of tunnel: TunnelID) -> [PeerWords.Connector] {
        var told: [PeerWords.Connector] = []
        var planes: Set<String> = []
        let connectors = (registry[tunnel]?.connectors ?? []).sorted()
        for connector in connectors {
            guard let record = registry.connectors[connector],
                cluster.settings.discoveries[record.bound.service] != nil, let plane = links[record.link]?.name
            else { continue }
            guard told.count < PeerWords.connectorsMax, plane.utf8.count <= 255,
                planes.contains(plane) || planes.count < PeerWords.planesMax
            else {
                cluster.tally.refuse(.words)
                continue
            }
            planes.insert(plane)
            told.append(
                PeerWords.Connector(
                    id: connector, plane: plane, isUDP: record.bound.isUDP, weight: max(record.bound.weight, 1)))
        }
        return told
    }

    // MARK: Asked to begin anew

    /// A node does not have our list. One that has only just begun is on its way to it.
    mutating func listAskedAgain(by node: NodeID, now: Tick) {
        guard let telling = cluster.words.telling[node], !telling.owesList else { return }
        guard now >= telling.beganAt.advanced(milliseconds: ControlLimit.wordsAgainMilliseconds) else { return }
        cluster.words.telling[node]?.beginAnew()
        cluster.words.isTouched = true
    }
}
