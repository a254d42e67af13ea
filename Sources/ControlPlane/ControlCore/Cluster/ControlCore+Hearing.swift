internal import Model
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// What other nodes' control planes say of their connectors and names, and what it is used for: candidates that the mirror
/// does not have, hosts whose names the stores have not said yet, and knowledge while the stores are away.
///
/// It is second to the stores where they are there: a name whose route is mirrored is whose the store says. And it is
/// worth as much as the way to the node that said it: connectors of a node that nobody here is linked with are suspects,
/// those of a node whose lease is gone a last resort.
extension ControlCore {
    /// A chunk came over one of our data planes.
    mutating func peerSaid(_ bytes: [UInt8], by node: NodeID, over id: LinkID, now: Tick) {
        guard node != cluster.settings.node, !cluster.settings.isAlone else { return }
        let words: PeerWords
        do throws(PeerWordsFault) {
            words = try PeerWords(bytes)
        } catch {
            cluster.tally.wordFaults += 1
            cluster.words.heard[node]?.isInOrder = false
            cluster.words.isTouched = true
            return
        }
        cluster.tally.wordsHeard += 1
        // Who speaks can be told: no pause is waited for.
        if cluster.words.telling[node]?.sent == nil { cluster.words.telling[node]?.retryAt = now }
        // Said in whatever order, since two who both miss something would never hear each other.
        if words.statements.contains(.again) { listAskedAgain(by: node, now: now) }
        if cluster.words.heard[node] == nil {
            guard cluster.words.heard.count < ControlLimit.nodesMax else { return cluster.tally.refuse(.words) }
            cluster.words.heard[node] = WordsHeard()
            if !cluster.words.isLinked(node) { cluster.words.heard[node]?.unlinkedSince = now }
            meet(node, now: now)
        }
        cluster.words.isTouched = true
        cluster.words.heard[node]?.over = id
        guard cluster.words.heard[node]?.place(words) == .inOrder else { return }
        for statement in words.statements { take(statement, of: node, now: now) }
    }

    /// A node that may not have been heard of in a store is asked after.
    private mutating func meet(_ node: NodeID, now: Tick) {
        guard cluster.nodes.row(of: node) == nil, enterNode(node, now: now) != nil else { return }
        for store in cluster.discoveryStores {
            guard (cluster.lanes[store]?.lookedLeases.count ?? 0) < ControlLimit.nodesMax else { continue }
            cluster.lanes[store]?.lookedLeases.append(node)
            cluster.lanes[store]?.leasesDue = now
        }
    }

    private mutating func take(_ statement: PeerWords.Statement, of node: NodeID, now: Tick) {
        switch statement {
        case .again: break
        case .listEnd: endList(of: node, now: now)
        case .node(let weight, let peers): take(peers, weight: weight, isAlive: true, of: node, now: now)
        case .tunnel(let tunnel, let connectors): take(connectors, of: tunnel, at: node, now: now)
        case .name(let ingress, let key, let route):
            guard let table = ingresses.first(where: { $0.name == ingress }),
                nameStore(of: Int(table.index.rawValue)) != nil
            else { return }
            take(route, of: NameID(ingress: table.index, key: key), at: node, now: now)
        }
    }

    /// Where a node is reached, by its own word: for a control plane that was started while its store is away.
    private mutating func take(
        _ peers: [PlaneNode.Peer], weight: UInt8, isAlive: Bool, of node: NodeID, now: Tick
    ) {
        guard let epoch = cluster.words.heard[node]?.epoch,
            cluster.nodes.take(said: peers, weight: weight, epoch: epoch, isAlive: isAlive, of: node),
            let row = cluster.nodes.row(of: node)?.node
        else { return }
        tellRow(row)
        introduce(row)
        retell(referringTo: node, now: now)
    }

    private mutating func take(
        _ connectors: [PeerWords.Connector], of tunnel: TunnelID, at node: NodeID, now: Tick
    ) {
        // Nothing of it is held here while it is changed: that would have all of it copied.
        let held = cluster.words.heard[node]?.tunnels[tunnel]?.connectors.count ?? 0
        var told = connectors
        if cluster.words.connectorCount - held + connectors.count > ControlLimit.saidConnectorsMax {
            // Nothing is better than what was true before.
            cluster.tally.refuse(.words)
            told = []
        }
        guard let before = cluster.words.heard[node]?.say(told, of: tunnel), before != told else { return }
        retell(tunnel, now: now)
        for store in cluster.discoveryStores { answerWaiting(TunnelKey(store: store, tunnel: tunnel), now: now) }
    }

    private mutating func take(_ route: Route?, of name: NameID, at node: NodeID, now: Tick) {
        guard let lists = cluster.words.heard[node]?.lists else { return }
        if let route {
            let isNew = cluster.words.heard[node]?.names[name] == nil
            guard !isNew || cluster.words.nameCount < ControlLimit.saidNamesMax else {
                return cluster.tally.refuse(.words)
            }
            let said = WordsHeard.Name(route: route, said: lists)
            let before = cluster.words.heard[node]?.names.updateValue(said, forKey: name)
            guard before?.route != route else { return }
        } else {
            guard cluster.words.heard[node]?.names.removeValue(forKey: name) != nil else { return }
        }
        nameSaid(name, now: now)
    }

    /// Another node says something else of a name: hosts that were asked for by it get its route, and who waits for it.
    private mutating func nameSaid(_ name: NameID, now: Tick) {
        guard let mirrored = cluster.names[name] else { return }
        for host in mirrored.hosts { showMirrored(host, in: Int(name.ingress.rawValue)) }
        cluster.names[name]?.lookups = []
        for number in mirrored.lookups { evaluate(number, now: now) }
    }

    /// A node has said everything: what its list does not name is gone.
    private mutating func endList(of node: NodeID, now: Tick) {
        guard let heard = cluster.words.heard[node] else { return }
        let tunnels = heard.tunnels.filter { $0.value.said != heard.lists }.keys
        let names = heard.names.filter { $0.value.said != heard.lists }.keys
        for tunnel in tunnels.sorted() {
            take([], of: tunnel, at: node, now: now)
        }
        for name in names.sorted(by: { ($0.ingress.rawValue, $0.key) < ($1.ingress.rawValue, $1.key) }) {
            take(nil, of: name, at: node, now: now)
        }
    }

    /// A node that nobody here has been linked with for long: what it said is forgotten, and heard anew when it is back.
    mutating func forgetWords(of node: NodeID, now: Tick) {
        if let row = cluster.nodes.row(of: node)?.node {
            take(row.peers, weight: row.weight, isAlive: false, of: node, now: now)
        }
        guard let gone = cluster.words.heard.removeValue(forKey: node) else { return }
        for tunnel in toldTunnels(among: gone.tunnels) { retell(tunnel, now: now) }
        for name in gone.names.keys.sorted(by: { ($0.ingress.rawValue, $0.key) < ($1.ingress.rawValue, $1.key) }) {
            nameSaid(name, now: now)
        }
    }

    // MARK: What it is used for

    /// Tells what has become of a node's connectors to those that were told of them.
    mutating func retell(saidBy node: NodeID, now: Tick) {
        guard let heard = cluster.words.heard[node] else { return }
        for tunnel in toldTunnels(among: heard.tunnels) { retell(tunnel, now: now) }
    }

    private func toldTunnels(among tunnels: [TunnelID: WordsHeard.Tunnel]) -> [TunnelID] {
        var told: Set<TunnelID> = []
        for known in cluster.told.values {
            for tunnel in known.tunnels.keys where tunnels[tunnel] != nil { told.insert(tunnel) }
        }
        return told.sorted()
    }

    /// Gathers what linked nodes, or those that nobody is linked with, said of a tunnel, besides those that are gathered
    /// already; gives which were.
    func gatherWords(
        of tunnel: TunnelID, linked: Bool, besides known: Set<ConnectorID>, _ gathered: inout CandidateGathering
    ) -> Set<ConnectorID> {
        var found = known
        // In one order: where there are more than candidates may be, the same ones are left out.
        for node in cluster.words.heardNodes where cluster.words.isLinked(node) == linked {
            guard let heard = cluster.words.heard[node], let said = heard.tunnels[tunnel],
                let row = reached(node, heard)
            else { continue }
            let standing: Candidate.Standing = row.isAlive ? (linked ? .preferred : .suspect) : .lastResort
            for connector in said.connectors {
                guard let place = row.peers.firstIndex(where: { $0.plane == connector.plane }),
                    found.insert(connector.id).inserted
                else { continue }
                gathered.add(
                    node: row.index, place: UInt8(place), isUDP: connector.isUDP, weight: connector.weight,
                    standing: standing)
            }
        }
        return found
    }

    /// The row of a node whose words hold: none of an epoch that a store says is over.
    private func reached(_ node: NodeID, _ heard: WordsHeard) -> PlaneNode? {
        guard let row = cluster.nodes.row(of: node) else { return nil }
        return row.epochs.values.allSatisfy { heard.epoch >= $0 } ? row.node : nil
    }

    /// Whether a node has said that it has a tunnel, and there is a way to it; while a store is there, a link.
    func isReachedBySaid(_ tunnel: TunnelID, storeIsUp: Bool) -> Bool {
        cluster.words.heard.contains { node, heard in
            guard let said = heard.tunnels[tunnel], !storeIsUp || cluster.words.isLinked(node),
                let row = reached(node, heard)
            else { return false }
            return said.connectors.contains { connector in row.peers.contains { $0.plane == connector.plane } }
        }
    }

    /// Whose a name is by what other nodes said; while its store is there, only those that we are linked with.
    func saidRoute(of name: NameID) -> Route? {
        let isUp = nameStore(of: Int(name.ingress.rawValue)).map { cluster.lanes[$0]?.isUp == true } ?? false
        return cluster.words.route(of: name, onlyLinked: isUp)
    }
}
