import Model
import PlaneLink
import Primitives
import Testing
import Wire

@testable import Worker

/// What worker 0's desk makes of the control plane's words about other data planes.
@Suite struct ClusterDeskTests {
    private static let ours = NodeID(high: 1, low: 1)
    private static let other = NodeID(high: 2, low: 2)
    private static let tunnel = TunnelID(high: 3, low: 3)
    private static let secret = PeerSecret(text: "secret")

    private func desk() -> PlaneDesk {
        let desk = PlaneDesk(
            hello: DataHello(
                version: .current, capabilities: [.cluster], dataPlaneName: "data-0", processEpoch: 1, workers: 1,
                processID: 1, countersLayout: 1),
            path: "/run/culvert/control", workerCount: 1, countersDescriptor: -1)
        desk.connected()
        return desk
    }

    private func hear(_ desk: PlaneDesk, _ messages: [ControlToData]) {
        var bytes: [UInt8] = []
        for message in messages { message.encode(to: &bytes) }
        bytes.withUnsafeBytes { desk.received($0, descriptors: []) }
    }

    private func hello(epoch: UInt64) -> ControlToData {
        .hello(
            ControlHello(version: .current, capabilities: [.cluster], nodeName: "node", nodeEpoch: epoch))
    }

    private func row(
        _ index: UInt16, _ id: NodeID = other, kind: PlaneNode.Kind = .culvert, planes: [(String, String)]
    ) -> ControlToData {
        .node(
            PlaneNode(
                index: index, id: id, kind: kind, epoch: 1, isAlive: true, weight: 3,
                peers: planes.map { PlaneNode.Peer(plane: $0.0, address: $0.1) }, entrypoints: []))
    }

    private func remote(_ node: UInt16, place: UInt8 = 0) -> ControlToData {
        .remoteTunnel(
            RemoteTunnel(
                tunnel: Self.tunnel,
                candidates: [
                    Candidate(node: node, place: place, isUDP: false, weight: 7, standing: .preferred)
                ]))
    }

    private func tables(_ desk: PlaneDesk) -> [PeerTable] {
        desk.effects.compactMap { if case .replacePeers(let table) = $0 { table } else { nil } }
    }

    private func remotes(_ desk: PlaneDesk) -> [RemoteEntry] {
        desk.effects.compactMap { if case .setRemote(let entry) = $0 { entry } else { nil } }
    }

    @Test func rowsBecomeOneTable() throws {
        let desk = desk()
        hear(
            desk,
            [
                hello(epoch: 9), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                row(0, Self.ours, kind: .own, planes: [("data-0", ""), ("data-1", "")]),
                row(3, planes: [("data-0", "10.42.0.100:8430"), ("data-1", "[2001:db8:0:0:0:0:0:1]:8430")]),
                row(4, NodeID(high: 5, low: 5), kind: .stock, planes: [("x", "10.42.0.9:1")]),
            ])
        let table = try #require(tables(desk).last)
        #expect(tables(desk).count == 1)
        #expect(table.node == Self.ours && table.epoch == 9 && table.plane.string == "data-0")
        #expect(table.secret == Self.secret)
        // Ourselves and nodes that do not know peer links are none.
        #expect(table.rows.map(\.plane.string).sorted() == ["data-0", "data-1", "data-1"])
        #expect(Set(table.rows.map(\.number)).count == 3)
        let paths = table.rows.compactMap { row -> String? in
            if case .unix(let path)? = row.address { path.string } else { nil }
        }
        #expect(paths == ["/run/culvert/data-1.peer"])
        #expect(table.rows.allSatisfy { $0.address != nil })
    }

    /// Where a stock node stands is told to the workers, as long as it is there; a name in place of an address is no
    /// place from which something comes.
    @Test func stockNodesAreKnownByTheirAddresses() throws {
        let desk = desk()
        func stock(_ index: UInt16, _ address: String, isAlive: Bool = true) -> ControlToData {
            let id = NodeID(high: 0x51, low: address.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
            return .node(
                PlaneNode(
                    index: index, id: id, kind: .stock, epoch: 0, isAlive: isAlive, weight: 1, peers: [],
                    entrypoints: [address]))
        }
        hear(
            desk,
            [
                hello(epoch: 1), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                stock(1, "10.42.0.9:80"), stock(2, "[2001:db8::7]:80"), stock(3, "gost.example:80"),
                stock(4, "10.42.0.8:80", isAlive: false),
            ])
        func known() -> [String] { tables(desk).last?.stockNodes.map(\.hostText).sorted() ?? [] }
        #expect(known() == ["10.42.0.9", "2001:db8:0:0:0:0:0:7"])
        let rows = try #require(tables(desk).last).rows
        #expect(rows.count == 3 && rows.filter(\.isStock).count == 3)
        hear(desk, [stock(1, "10.42.0.9:80", isAlive: false), stock(4, "10.42.0.8:80")])
        #expect(known() == ["10.42.0.8", "2001:db8:0:0:0:0:0:7"])
        // Another one in its place.
        hear(desk, [stock(4, "10.42.0.5:80")])
        #expect(known() == ["10.42.0.5", "2001:db8:0:0:0:0:0:7"])
        // A control plane that has just started finds them as they renew their entries; those that are gone it never
        // speaks of.
        desk.disconnected(.zero)
        desk.connected()
        hear(
            desk,
            [
                hello(epoch: 2), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                stock(9, "10.42.0.5:80"),
            ])
        #expect(known() == ["10.42.0.5", "2001:db8:0:0:0:0:0:7"])
        desk.advance(.zero)
        #expect(desk.nextDeadline == Tick.zero.advanced(milliseconds: PlaneDesk.stockNodeMilliseconds))
        desk.advance(desk.nextDeadline)
        #expect(known() == ["10.42.0.5"])
        #expect(desk.nextDeadline == .never)
    }

    /// A stock node has a number as data planes have theirs, and is a candidate by it; one at no address is none.
    @Test func stockNodesAreCandidates() throws {
        let desk = desk()
        func stock(_ index: UInt16, _ id: NodeID, _ address: String) -> ControlToData {
            .node(
                PlaneNode(
                    index: index, id: id, kind: .stock, epoch: 0, isAlive: true, weight: 1, peers: [],
                    entrypoints: [address]))
        }
        let id = NodeID(high: 0x51, low: 1), nameless = NodeID(high: 0x51, low: 2)
        hear(
            desk,
            [
                hello(epoch: 1), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                row(3, planes: [("data-0", "10.42.0.100:8430")]), stock(4, id, "10.42.0.9:80"),
                stock(5, nameless, "gost.example:80"), stock(6, NodeID(high: 0x51, low: 3), "10.42.0.9:0"), remote(4),
                remote(5), remote(6), remote(4, place: 1), remote(3),
            ])
        let table = try #require(tables(desk).last)
        let row = try #require(table.rows.first { $0.isStock })
        #expect(row.node == id && table.rows.count == 2)
        guard case .ip(let address)? = row.address else {
            Issue.record("no address")
            return
        }
        #expect(address.text == "10.42.0.9:80")
        #expect(remotes(desk).map(\.count) == [1, 0, 0, 0, 1])
        #expect(remotes(desk)[0].candidates[0].peer == UInt16(row.number))
        let planes = try #require(table.rows.first { !$0.isStock })
        #expect(remotes(desk)[4].candidates[0].peer == UInt16(planes.number) && planes.number != row.number)
        // It keeps its number, whatever index another control plane gives it.
        desk.disconnected(.zero)
        desk.connected()
        hear(
            desk,
            [
                hello(epoch: 2), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                stock(7, id, "10.42.0.9:80"), remote(7),
            ])
        #expect(remotes(desk).last?.candidates[0].peer == UInt16(row.number))
    }

    /// Another control plane process counts anew: data planes keep their numbers, candidates are found by the new one's.
    @Test func numbersOutliveAControlPlane() throws {
        let desk = desk()
        let planes = [("data-0", "10.42.0.100:8430")]
        hear(
            desk,
            [
                hello(epoch: 1), .peering(PlanePeering(node: Self.ours, secret: Self.secret)), row(3, planes: planes),
                remote(3),
            ])
        let first = try #require(remotes(desk).last)
        #expect(first.count == 1)
        desk.effects = []
        desk.disconnected(.zero)
        desk.connected()
        hear(
            desk,
            [
                hello(epoch: 2), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                row(2, NodeID(high: 8, low: 8), planes: [("data-0", "10.42.0.8:8430")]), row(5, planes: planes),
                remote(5), remote(3),
            ])
        #expect(remotes(desk).map(\.count) == [1, 0])
        #expect(remotes(desk)[0].candidates[0] == first.candidates[0])
        #expect(remotes(desk)[0].connection != first.connection)
    }

    /// One that has just started does not know all data planes of its node yet: links to the others stay.
    @Test func dataPlanesOfThisNodeOutliveAControlPlane() throws {
        let desk = desk()
        let others = ["data-1", "data-2"]
        hear(
            desk,
            [
                hello(epoch: 1), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                row(0, Self.ours, kind: .own, planes: [("data-0", ""), ("data-1", ""), ("data-2", "")]),
            ])
        let before = try #require(tables(desk).last)
        #expect(before.rows.map(\.plane.string) == others)
        desk.disconnected(.zero)
        desk.connected()
        hear(
            desk,
            [
                hello(epoch: 2), .peering(PlanePeering(node: Self.ours, secret: Self.secret)),
                row(0, Self.ours, kind: .own, planes: [("data-2", ""), ("data-0", "")]), remote(0),
            ])
        let after = try #require(tables(desk).last)
        #expect(after.rows.map(\.number) == before.rows.map(\.number))
        #expect(after.rows.map(\.plane.string) == others)
        let number = try #require(after.rows.first { $0.plane.string == "data-2" }?.number)
        #expect(remotes(desk).last?.candidates[0].peer == UInt16(number), "places are those of the new row")
    }

    /// Nobody is asked before the control plane has said that there is a cluster, and every question is answered.
    @Test func everyQuestionIsAnswered() throws {
        let desk = desk()
        let question = LookupQuestion(
            lookup: PlaneLookup(
                question: 0, service: ServiceIndex(0), ingress: IngressIndex(0), host: InlineText("a.example")!,
                tunnel: .zero), worker: 0, slot: 1, generation: 2)
        func answers() -> [PlaneLookupOutcome] {
            let outcomes = desk.effects.compactMap { effect -> PlaneLookupOutcome? in
                if case .answerLookup(_, let outcome) = effect { outcome } else { nil }
            }
            desk.effects = []
            return outcomes
        }
        hear(desk, [hello(epoch: 1)])
        desk.lookUp(question, now: .zero, patienceMilliseconds: 100)
        #expect(answers() == [.unknown])
        hear(desk, [.peering(PlanePeering(node: Self.ours, secret: Self.secret))])
        desk.lookUp(question, now: .zero, patienceMilliseconds: 100)
        #expect(answers() == [])
        hear(desk, [.lookupAnswer(question: 1, .absent(milliseconds: 5)), .lookupAnswer(question: 1, .unknown)])
        #expect(answers() == [.absent(milliseconds: 5)])
        desk.lookUp(question, now: .zero, patienceMilliseconds: 100)
        desk.advance(Tick(nanoseconds: 99_000_000))
        #expect(answers() == [])
        desk.advance(Tick(nanoseconds: 100_000_000))
        #expect(answers() == [.unknown])
        desk.lookUp(question, now: .zero, patienceMilliseconds: 100)
        desk.disconnected(.zero)
        #expect(answers() == [.unknown])
    }

    // MARK: Words

    private func speaksWords(epoch: UInt64 = 1) -> ControlToData {
        .hello(
            ControlHello(
                version: .current, capabilities: [.cluster, .words], nodeName: "node", nodeEpoch: epoch))
    }

    /// What the desk has said since it was asked last, but for its inventory.
    private func said(_ desk: PlaneDesk) throws -> [DataToControl] {
        var reader = PlaneFrameReader()
        while let batch = desk.takeOutgoing() { reader.receive(batch.bytes) }
        var messages: [DataToControl] = []
        while case .frame(let frame) = reader.next() {
            guard let message = try DataToControl.decode(frame) else { continue }
            switch message {
            case .hello, .inventoryEnd: continue
            default: messages.append(message)
            }
        }
        return messages
    }

    /// A control plane that speaks words is told who is linked, and what changes; one that does not is told nothing.
    @Test func whoIsLinkedIsSaidOnce() throws {
        let desk = desk()
        let first = LinkedPeer(node: Self.other, plane: "data-0"),
            second = LinkedPeer(node: Self.other, plane: "data-1")
        desk.linked(with: [first])
        hear(desk, [hello(epoch: 1)])
        #expect(try said(desk).isEmpty)
        hear(desk, [speaksWords()])
        desk.linked(with: [first])
        #expect(try said(desk) == [.peerLinked(first, isLinked: true)])
        desk.linked(with: [second])
        #expect(try said(desk) == [.peerLinked(first, isLinked: false), .peerLinked(second, isLinked: true)])
        desk.disconnected(.zero)
        desk.linked(with: [first, second])
        desk.connected()
        hear(desk, [speaksWords(epoch: 2)])
        #expect(try said(desk) == [.peerLinked(first, isLinked: true), .peerLinked(second, isLinked: true)])
    }

    /// What became of words is said to the control plane that sent them, once.
    @Test func whatBecameOfWordsIsSaidOnce() throws {
        let desk = desk()
        hear(desk, [speaksWords()])
        desk.tells(7, on: 3)
        desk.told(on: 4, isTaken: true)
        desk.told(on: 3, isTaken: true)
        desk.told(on: 3, isTaken: false)
        #expect(try said(desk) == [.peerTold(number: 7, isTaken: true)])
        desk.tells(8, on: 3)
        desk.disconnected(.zero)
        desk.connected()
        hear(desk, [speaksWords()])
        desk.told(on: 3, isTaken: true)
        #expect(try said(desk).isEmpty)
    }

    /// A control plane that is behind, or away, is brought no more words; whoever sent them tries later.
    @Test func wordsThatCannotBePassedOnAreNotTaken() throws {
        let desk = desk()
        let words = [UInt8](repeating: 5, count: PeerWords.bytesMax)
        #expect(!desk.heard(words, from: Self.other), "nobody said that he hears any")
        hear(desk, [speaksWords()])
        _ = try said(desk)
        var count = 0
        while desk.heard(words, from: Self.other), count < 1_000 { count += 1 }
        #expect(count > 100 && count <= WordsDesk.backlogBytesMax / PeerWords.bytesMax)
        #expect(try said(desk) == Array(repeating: .peerSaid(node: Self.other, words: words), count: count))
        #expect(desk.heard([1], from: Self.other))
        desk.disconnected(.zero)
        #expect(!desk.heard([1], from: Self.other))
    }
}
