import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What the desk knows of other data planes, in the control plane's terms: rows of the table of nodes by their ids, and
/// the numbers by which workers know data planes.
struct ClusterDesk {
    /// A data plane as its number is kept.
    struct Name: Hashable {
        var node: NodeID
        /// Empty for a stock node, which has none.
        var plane: String

        init(node: NodeID, plane: String) {
            self.node = node
            self.plane = plane
        }

        init(stock: NodeID) { self.init(node: stock, plane: "") }

        /// By which names are put in order.
        var place: (Int, String, String) { (plane.isEmpty ? 1 : 0, node.text, plane) }
    }

    /// A question that is out.
    struct Pending {
        var question: LookupQuestion
        var deadline: Tick
    }

    var peering: PlanePeering?
    /// Of this node, as the present control plane says it.
    var epoch: UInt64 = 0
    var rows: [NodeID: PlaneNode] = [:]
    /// Whose row has an index, as the present control plane process counts.
    var ids: [UInt16: NodeID] = [:]
    var numbers: [Name: Int] = [:]
    var isChanged = false
    /// Stock nodes of which the present control plane has not spoken yet: it finds them as their entries are renewed.
    var unconfirmed: Set<NodeID> = []
    /// When they are believed no more; `.never` while nobody looked at the time.
    var unconfirmedUntil = Tick.never
    /// When the desk wants to look at them.
    var unconfirmedDue: Tick { unconfirmedUntil == .never ? .zero : unconfirmedUntil }
    /// The present control plane said that there is a cluster: it is asked.
    var isMet = false
    /// Counts connections to control planes that know the cluster.
    var connections: UInt32 = 0
    var pending: [UInt64: Pending] = [:]
    var nextQuestion: UInt64 = 1
    /// Of the answer that is awaited longest, or before.
    var nextDeadline = Tick.never
    /// What passes between control planes.
    var words = WordsDesk()
}

// The cluster, as far as worker 0 hears of it: who the other data planes are, who has a tunnel, and answers.

extension PlaneDesk {
    /// A control plane said hello.
    func clusterMet(_ hello: ControlHello) {
        wordsMet(hello)
        if cluster.epoch != hello.nodeEpoch {
            // Another process counts anew; rows stay until it has said its own.
            cluster.ids = [:]
            cluster.unconfirmed = Set(cluster.rows.filter { $0.value.kind == .stock }.keys)
            cluster.unconfirmedUntil = .never
            cluster.epoch = hello.nodeEpoch
            cluster.isChanged = true
        }
    }

    /// What concerns other nodes.
    func heardOfCluster(_ message: ControlToData) {
        switch message {
        case .peering(let peering):
            cluster.isChanged = cluster.isChanged || cluster.peering != peering
            cluster.peering = peering
            guard !cluster.isMet else { return }
            cluster.isMet = true
            cluster.connections &+= 1
            effects.append(.meetCluster(connection: cluster.connections))
        case .node(let row): take(row)
        case .remoteTunnel(let tunnel): effects.append(.setRemote(remoteEntry(tunnel)))
        case .lookupAnswer(let number, let outcome): answer(number, outcome)
        case .tellPeer(let telling): effects.append(.tellPeer(telling))
        default: preconditionFailure("not a message of the cluster")
        }
    }

    private func take(_ row: PlaneNode) {
        if let before = cluster.ids[row.index], before != row.id { cluster.rows[before] = nil }
        cluster.ids[row.index] = row.id
        cluster.unconfirmed.remove(row.id)
        var row = row
        if row.kind == .own, let before = cluster.rows[row.id] {
            // A control plane that has just started has not heard of all of them yet. Places stay: these come last.
            for peer in before.peers
            where row.peers.count < PlaneNode.peersMax && !row.peers.contains(where: { $0.plane == peer.plane }) {
                row.peers.append(peer)
            }
        }
        guard cluster.rows[row.id] != row else { return }
        cluster.rows[row.id] = row
        cluster.isChanged = true
    }

    /// Says to the workers who the other data planes are, if that changed.
    func settleCluster() {
        guard cluster.isChanged, let peering = cluster.peering else { return }
        cluster.isChanged = false
        numberPeers()
        var rows: [PeerTable.Row] = []
        for (id, node) in cluster.rows {
            if node.kind == .stock {
                if let row = stockRow(id, node) { rows.append(row) }
                continue
            }
            for peer in node.peers {
                guard let number = cluster.numbers[ClusterDesk.Name(node: id, plane: peer.plane)],
                    let plane = InlineText(peer.plane)
                else { continue }
                rows.append(
                    PeerTable.Row(
                        number: number, node: id, plane: plane, address: address(of: peer, node), isAlive: node.isAlive,
                        epoch: node.epoch, weight: max(node.weight, 1)))
            }
        }
        rows.sort { $0.number < $1.number }
        guard let plane = InlineText(hello.dataPlaneName), plane.count > 0,
            Int(plane.count) <= PeerHello.planeBytesMax
        else { return }
        effects.append(
            .replacePeers(
                PeerTable(
                    node: peering.node, epoch: cluster.epoch, plane: plane, secret: peering.secret, rows: rows,
                    stockNodes: stockNodes)))
    }

    /// Where the stock nodes stand that are there: what they forward comes from the address at which they are reached.
    private var stockNodes: [SocketAddress] {
        cluster.rows.values.filter { $0.kind == .stock && $0.isAlive }.flatMap(\.entrypoints)
            .compactMap { RelayAddress($0)?.socketAddress }
    }

    /// A stock node, where it has a number: of one at no address there is none.
    private func stockRow(_ id: NodeID, _ node: PlaneNode) -> PeerTable.Row? {
        guard let number = cluster.numbers[ClusterDesk.Name(stock: id)], let address = entrypoint(of: node) else {
            return nil
        }
        return PeerTable.Row(
            number: number, node: id, plane: InlineText(), address: .ip(address), isStock: true, isAlive: node.isAlive,
            epoch: node.epoch, weight: 1)
    }

    private func entrypoint(of node: PlaneNode) -> SocketAddress? {
        guard let address = node.entrypoints.first.flatMap({ RelayAddress($0)?.socketAddress }), address.port != 0
        else { return nil }
        return address
    }

    /// Every data plane of the rows gets a number and keeps it; numbers of those that are in no row any more are free.
    /// Stock nodes get theirs last, where there are too many for all.
    private func numberPeers() {
        var names: Set<ClusterDesk.Name> = []
        for (id, node) in cluster.rows {
            if node.kind == .stock {
                if entrypoint(of: node) != nil { names.insert(ClusterDesk.Name(stock: id)) }
                continue
            }
            for peer in node.peers where !isOurselves(id, peer) && isNamed(peer) {
                names.insert(ClusterDesk.Name(node: id, plane: peer.plane))
            }
        }
        cluster.numbers = cluster.numbers.filter { names.contains($0.key) }
        var used = Set(cluster.numbers.values)
        var next = 0
        for name in names.sorted(by: { $0.place < $1.place })
        where cluster.numbers[name] == nil {
            while used.contains(next) { next += 1 }
            guard next < Peers.countMax else {
                effects.append(.log(.warning, "more data planes than can be known: some are never reached", []))
                return
            }
            cluster.numbers[name] = next
            used.insert(next)
        }
    }

    private func isOurselves(_ id: NodeID, _ peer: PlaneNode.Peer) -> Bool {
        id == cluster.peering?.node && peer.plane == hello.dataPlaneName
    }

    private func isNamed(_ peer: PlaneNode.Peer) -> Bool {
        !peer.plane.isEmpty && peer.plane.utf8.count <= PeerHello.planeBytesMax
    }

    private func address(of peer: PlaneNode.Peer, _ node: PlaneNode) -> DialedAddress? {
        if node.kind == .own {
            let path = InlineText(PlanePeering.socketPath(beside: self.path, plane: peer.plane))
            return path.flatMap { $0.count <= DialedAddress.pathBytesMax ? .unix($0) : nil }
        }
        guard let address = RelayAddress(peer.address)?.socketAddress, address.port != 0 else { return nil }
        return .ip(address)
    }

    /// A tunnel's candidates by the numbers that workers know. Those to which no way is known are left out.
    private func remoteEntry(_ tunnel: RemoteTunnel) -> RemoteEntry {
        // A row that came just before may have a number only now.
        settleCluster()
        var entry = RemoteEntry(tunnel: tunnel.tunnel, connection: cluster.connections)
        for candidate in tunnel.candidates {
            guard let id = cluster.ids[candidate.node], let node = cluster.rows[id],
                let number = number(of: candidate, id, node)
            else { continue }
            entry.add(
                RemoteCandidate(
                    peer: UInt16(number), weight: max(candidate.weight, 1), isUDP: candidate.isUDP,
                    standing: candidate.standing))
        }
        return entry
    }

    private func number(of candidate: Candidate, _ id: NodeID, _ node: PlaneNode) -> Int? {
        if node.kind == .stock {
            // Each has one entrypoint.
            return candidate.place == 0 ? cluster.numbers[ClusterDesk.Name(stock: id)] : nil
        }
        guard Int(candidate.place) < node.peers.count else { return nil }
        return cluster.numbers[ClusterDesk.Name(node: id, plane: node.peers[Int(candidate.place)].plane)]
    }

    // MARK: Look-ups

    /// A worker's question. Answered always: by the control plane, or with "nobody knows".
    func lookUp(_ question: LookupQuestion, now: Tick, patienceMilliseconds: UInt64) {
        guard isConnected, cluster.isMet else {
            return effects.append(.answerLookup(question, .unknown))
        }
        let number = cluster.nextQuestion
        cluster.nextQuestion += 1
        let deadline = now.advanced(milliseconds: patienceMilliseconds)
        cluster.pending[number] = ClusterDesk.Pending(question: question, deadline: deadline)
        cluster.nextDeadline = min(cluster.nextDeadline, deadline)
        var lookup = question.lookup
        lookup.question = number
        send(.lookup(lookup))
    }

    private func answer(_ number: UInt64, _ outcome: PlaneLookupOutcome) {
        guard let pending = cluster.pending.removeValue(forKey: number) else { return }
        effects.append(.answerLookup(pending.question, outcome))
    }

    /// How long a new control plane may take to find the stock nodes that the one before knew.
    static var stockNodeMilliseconds: UInt64 { 600_000 }

    private func forgetUnconfirmed(_ now: Tick) {
        guard !cluster.unconfirmed.isEmpty else { return }
        if cluster.unconfirmedUntil == .never {
            cluster.unconfirmedUntil = now.advanced(milliseconds: Self.stockNodeMilliseconds)
        }
        guard cluster.unconfirmedUntil <= now else { return }
        for id in cluster.unconfirmed { cluster.rows[id] = nil }
        cluster.unconfirmed = []
        cluster.isChanged = true
        settleCluster()
    }

    /// Questions that nobody answered in time, and nodes that nobody spoke of again.
    func advanceCluster(_ now: Tick) {
        forgetUnconfirmed(now)
        guard cluster.nextDeadline <= now else { return }
        for (number, pending) in cluster.pending where pending.deadline <= now { answer(number, .unknown) }
        cluster.nextDeadline = cluster.pending.values.map(\.deadline).min() ?? .never
    }

    /// The control plane is away: workers go on by what they know.
    func clusterLost() {
        wordsLost()
        // Every try to connect that fails ends here: workers are told once.
        guard cluster.isMet else { return }
        cluster.isMet = false
        for number in Array(cluster.pending.keys) { answer(number, .unknown) }
        cluster.nextDeadline = .never
        effects.append(.meetCluster(connection: 0))
    }
}
