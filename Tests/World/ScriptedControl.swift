package import Model
package import PlaneLink
package import Primitives
package import Simulator
import Wire

/// The control plane of a node in a cluster, as far as its data plane needs one: says hello, who the other nodes are and
/// where tunnels are, grants binds, and answers questions as a test tells it.
package final class ScriptedControl: Scripted {
    /// What it says to a question.
    package enum Answer: Sendable {
        /// What `hosts` and `tunnels` know; without an entry there is no such host, and the tunnel is nowhere.
        case known
        case unknown
        case nothing
    }

    private let listener: SimulatedPeerListener
    private let node: PlaneNode
    private var peer: SimulatedPeer?
    private var reader = PlaneFrameReader()
    private var generation: UInt64 = 0
    private let secret: PeerSecret
    /// The other nodes.
    package var rows: [PlaneNode]
    /// Hosts of the whole cluster.
    package var hosts: [String: TunnelID] = [:]
    package var tunnels: [TunnelID: [Candidate]] = [:]
    package var answer = Answer.known
    /// Nodes that are told of only with the tunnels that they have.
    package var lateRows: [PlaneNode] = []
    package private(set) var lookups: [PlaneLookup] = []
    /// It says and hears words; said with its hello.
    package var speaksWords = false
    /// Who can be told words, what became of those that were sent, and what others said.
    package private(set) var linked: [LinkedPeer] = []
    package private(set) var told: [UInt64: Bool] = [:]
    package private(set) var heard: [(node: NodeID, words: [UInt8])] = []
    private var chunksToTell: UInt32 = 0
    /// How many of the chunks of `tellEverybody` each has taken.
    package private(set) var taken: [LinkedPeer: UInt32] = [:]
    private var underWay: [UInt64: LinkedPeer] = [:]
    private var nextNumber: UInt64 = 1_000
    package private(set) var isMet = false

    package init(_ world: World, _ host: SimulatedHost, node: PlaneNode, rows: [PlaneNode], secret: PeerSecret) {
        self.node = node
        self.rows = rows
        self.secret = secret
        listener = world.kernel.listen(on: host, at: SimulatedAddress(path: Array(NodeProcess.controlPath.utf8)))
        world.add(self)
    }

    /// The row of the node of a number, whose data plane is called `simulated`.
    package static func row(_ number: Int, address: String? = nil, plane: String = "simulated") -> PlaneNode {
        let host = SocketAddress(high: 0, low: NodeProcess.hostLow(number), port: NodeProcess.peersPort)
        return PlaneNode(
            index: UInt16(number), id: NodeID(high: 0xC0DE, low: UInt64(number)), kind: .culvert, epoch: 1,
            isAlive: true, weight: 1, peers: [PlaneNode.Peer(plane: plane, address: address ?? host.text)],
            entrypoints: [])
    }

    /// The row of one node that has the data planes of so many numbers, called `data-0` and so on, each on its own host.
    package static func row(planes count: Int) -> PlaneNode {
        var row = row(0)
        row.peers = (0..<count).map { number in
            let host = SocketAddress(high: 0, low: NodeProcess.hostLow(number), port: NodeProcess.peersPort)
            return PlaneNode.Peer(plane: "data-\(number)", address: host.text)
        }
        return row
    }

    /// The row of a stock node, as far as it is told: where it stands.
    package static func stockRow(_ index: UInt16, at address: String, isAlive: Bool = true) -> PlaneNode {
        PlaneNode(
            index: index, id: NodeID(high: 0x5100, low: UInt64(index)), kind: .stock, epoch: 0, isAlive: isAlive,
            weight: 1, peers: [], entrypoints: [address])
    }

    /// A candidate at the node of a number.
    package static func candidate(
        _ number: Int, isUDP: Bool = false, standing: Candidate.Standing = .preferred
    )
        -> Candidate
    {
        Candidate(node: UInt16(number), place: 0, isUDP: isUDP, weight: 1, standing: standing)
    }

    package func send(_ messages: [ControlToData]) {
        var bytes: [UInt8] = []
        for message in messages { message.encode(to: &bytes) }
        peer?.write(bytes)
    }

    /// Tells where a tunnel is, without being asked.
    package func tell(_ tunnel: TunnelID) {
        send(lateRows.map { .node($0) })
        lateRows = []
        send([.remoteTunnel(RemoteTunnel(tunnel: tunnel, candidates: tunnels[tunnel] ?? []))])
    }

    /// The chunk of a number: it, and bytes that are like no other chunk's.
    package static func chunk(_ number: UInt32) -> [UInt8] {
        let head = (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32((3 - $0) * 8)) }
        return head + Content.bytes(UInt64(number), Int(number &* 2_654_435_761 % 8_000))
    }

    /// Tells so many chunks to everybody who can be told, one after another, each until it was taken.
    package func tellEverybody(_ chunks: UInt32) {
        chunksToTell = chunks
        for peer in linked { tellNext(peer) }
    }

    private func tellNext(_ peer: LinkedPeer) {
        let chunk = taken[peer] ?? 0
        guard chunk < chunksToTell, linked.contains(peer), !underWay.values.contains(peer) else { return }
        underWay[nextNumber] = peer
        send([.tellPeer(PeerTelling(number: nextNumber, peer: peer, words: Self.chunk(chunk)))])
        nextNumber += 1
    }

    private func wasTold(_ number: UInt64, isTaken: Bool) {
        told[number] = isTaken
        guard let peer = underWay.removeValue(forKey: number) else { return }
        if isTaken { taken[peer, default: 0] += 1 }
        tellNext(peer)
    }

    /// Ends the connection; the data plane comes back.
    package func hangUp() {
        peer?.close()
        peer = nil
    }

    package var nextAct: Tick { .never }

    package func leave() {
        peer?.close()
        peer = nil
        listener.close()
    }

    package func act(_ now: Tick) {
        if let next = listener.accept() {
            peer = next
            reader = PlaneFrameReader()
        }
        guard let peer else { return }
        reader.receive(peer.take())
        while case .frame(let frame) = reader.next() {
            if let message = try? DataToControl.decode(frame) { handle(message) }
        }
        if peer.isEnded || peer.isReset {
            peer.close()
            self.peer = nil
        }
    }

    private func handle(_ message: DataToControl) {
        switch message {
        case .hello:
            isMet = true
            linked = []
            underWay = [:]
            let capabilities: PlaneCapabilities = speaksWords ? [.cluster, .words] : [.cluster]
            send(
                [
                    .hello(
                        ControlHello(
                            version: .current, capabilities: capabilities, nodeName: "node-\(node.index)",
                            nodeEpoch: node.epoch)),
                    .peering(PlanePeering(node: node.id, secret: secret)),
                ] + rows.map { .node($0) })
        case .bindAsk(let ask):
            let label = Endpoint.label(of: ask.tunnel)
            generation += 1
            let host = "\(label.string).\(NodeProcess.domain)"
            send([
                .routeDelta(
                    generation: generation,
                    [
                        RouteChange(
                            ingress: IngressIndex(0), host: InlineText(host)!,
                            route: Route(tunnel: ask.tunnel, isPrivate: false))
                    ]), .bindAnswer(ask: ask.ask, .granted(host: label)),
            ])
        case .lookup(let lookup):
            lookups.append(lookup)
            answer(lookup)
        case .peerLinked(let peer, let isLinked):
            linked.removeAll { $0 == peer }
            if isLinked { linked.append(peer) }
            tellNext(peer)
        case .peerTold(let number, let isTaken): wasTold(number, isTaken: isTaken)
        case .peerSaid(let node, let words): heard.append((node, words))
        case .listenerHeld, .connectorBound, .connectorLost, .inventoryEnd, .applied, .dump, .pong, .leaving: return
        }
    }

    private func answer(_ lookup: PlaneLookup) {
        switch answer {
        case .nothing: return
        case .unknown: send([.lookupAnswer(question: lookup.question, .unknown)])
        case .known:
            let tunnel = lookup.host.isEmpty ? lookup.tunnel : hosts[lookup.host.string]
            guard let tunnel else {
                return send([.lookupAnswer(question: lookup.question, .absent(milliseconds: 2_000))])
            }
            let route = Route(tunnel: tunnel, isPrivate: false)
            if !lookup.host.isEmpty {
                generation += 1
                send([
                    .routeDelta(
                        generation: generation,
                        [RouteChange(ingress: lookup.ingress, host: lookup.host, route: route)])
                ])
            }
            tell(tunnel)
            send([.lookupAnswer(question: lookup.question, .found(route))])
        }
    }
}
