import Model
import PlaneLink
import Primitives
import StoreVocabulary
import Testing

@testable import ControlCore

/// The small tables and budgets from which the cluster is made.
struct BoundedTableTests {
    private let start = Tick(nanoseconds: 9_000_000_000)

    /// For what changes what it looks at, which the macro does not take.
    private func expect(_ holds: Bool, _ text: String = "", at place: SourceLocation = #_sourceLocation) {
        #expect(holds, "\(text)", sourceLocation: place)
    }

    @Test func aBudgetGivesSoManyInASecondAndKeepsNothingForLater() {
        var budget = ReadBudget(perSecond: 200)
        expect(budget.take(500, now: start) == 200)
        expect(budget.take(1, now: start) == 0)
        #expect(budget.nextDeadline == start.advanced(milliseconds: 5))
        expect(budget.take(500, now: start.advanced(milliseconds: 100)) == 20)
        expect(budget.take(500, now: start.advanced(milliseconds: 60_000)) == 200)
        var total = 0
        for step in 0..<10_000 {
            total += budget.take(3, now: start.advanced(milliseconds: 60_000 + UInt64(step)))
        }
        #expect((1_990...2_000).contains(total))
        expect(budget.take(0, now: start.advanced(milliseconds: 90_000)) == 0)
    }

    @Test func aQueueHoldsEachOnce() {
        var queue = UniqueQueue<Int>()
        for round in 0..<3 { for element in 0..<5_000 { queue.append(element + round) } }
        #expect(queue.count == 5_002)
        queue.remove(0)
        queue.remove(99_999)
        #expect(!queue.contains(0) && queue.contains(1))
        expect(queue.take(3) == [1, 2, 3])
        queue.append(2)
        expect(queue.take(10_000).last == 2)
        expect(queue.isEmpty && queue.take(5).isEmpty)
    }

    /// Removed and put in again, an element stands at its new place only, and the list does not grow by it.
    @Test func aQueueForgetsWhatWasRemoved() {
        var queue = UniqueQueue<Int>()
        queue.append(1)
        queue.append(2)
        for _ in 0..<10_000 {
            queue.remove(1)
            queue.append(1)
        }
        expect(Set(queue.take(10)) == [1, 2])
        #expect(queue.isEmpty)
    }

    @Test func theOldestThatIsStillThereGoes() {
        var order = AgeOrder<Int>()
        for key in 0..<3_000 { order.append(key, count: 3_000) { _ in true } }
        expect(order.takeOldest { $0 % 2 == 1 } == 1)
        expect(order.takeOldest { $0 > 2_500 } == 2_501)
        expect(order.takeOldest { _ in false } == nil)
    }

    @Test func keysThatWentAndCameAgainDoNotMakeTheListGrow() {
        var order = AgeOrder<Int>()
        order.append(7, count: 1) { _ in true }
        for _ in 0..<20_000 { order.append(8, count: 2) { _ in true } }
        var left = 0
        while order.takeOldest(where: { _ in true }) != nil { left += 1 }
        #expect((2...1_100).contains(left))
    }

    @Test func deadlinesComeInOrderAndAnswersArePassedOver() {
        var order = DeadlineOrder()
        #expect(order.next == .never)
        for number in UInt64(0)..<3_000 { order.append(number, deadline: start.advanced(milliseconds: number)) }
        #expect(order.next == start)
        let odd: (UInt64) -> Bool = { $0 % 2 == 1 }
        expect(order.takeDue(at: start, where: odd) == nil)
        expect(order.takeDue(at: start.advanced(milliseconds: 3), where: odd) == 1)
        expect(order.takeDue(at: start.advanced(milliseconds: 3), where: odd) == 3)
        expect(order.takeDue(at: start.advanced(milliseconds: 3), where: odd) == nil)
        expect(order.takeDue(at: start, where: { _ in false }) == nil)
        #expect(order.next == .never)
    }

    // MARK: Nodes

    @Test func nodesKeepTheirIndexAndStockOnesAreToldApartByAddress() {
        var table = NodeTable(
            own: PlaneNode(
                index: 0, id: .zero, kind: .own, epoch: 1, isAlive: true, weight: 1, peers: [], entrypoints: []))
        let id = NodeID(name: "b")
        expect(table.enter(id, now: start, isNeeded: { _ in true }) == 1)
        expect(table.enter(stock: "10.0.0.9:80", now: start, isNeeded: { _ in true }) == 2)
        expect(table.enter(id, now: start, isNeeded: { _ in true }) == 1)
        expect(table.enter(stock: "10.0.0.9:80", now: start, isNeeded: { _ in true }) == 2)
        #expect(!table[1].isAlive && !table[2].isAlive && table[2].kind == .stock)
        let end = start.advanced(milliseconds: 10)
        expect(table.register(2, until: end))
        expect(!table.register(2, until: start), "nothing new")
        #expect(table[2].isAlive && table.registered == [table[2]] && table.nextDeparture == end)
        expect(table.takeDeparted(now: start).isEmpty)
        expect(table.takeDeparted(now: end).map(\.entrypoints) == [["10.0.0.9:80"]])
        #expect(!table[2].isAlive && table.registered.isEmpty && table.nextDeparture == .never)
        expect(table.register(2, until: end), "and back")
        let lease = NodeLease(epoch: 5, weight: 3, peers: [PlaneNode.Peer(plane: "p", address: "a:1")], entrypoints: [])
        expect(table.take(lease, of: id, from: StoreID(1), now: start))
        expect(!table.take(lease, of: id, from: StoreID(1), now: start), "nothing new")
        #expect(table[1].isAlive && table[1].epoch == 5 && table[1].peers.count == 1)
        expect(table.take(nil, of: id, from: StoreID(1), now: start))
        #expect(!table[1].isAlive && table[1].epoch == 5, "what is known of it stays")
        #expect(table.epoch(of: id, in: StoreID(1)) == 5)
        expect(!table.take(lease, of: NodeID(name: "c"), from: StoreID(1), now: start))
    }

    @Test func aFullTableGivesThePlaceOfWhoeverIsNotNeeded() {
        var table = NodeTable(
            own: PlaneNode(
                index: 0, id: .zero, kind: .own, epoch: 1, isAlive: true, weight: 1, peers: [], entrypoints: []))
        for number in 1..<ControlLimit.nodesMax {
            let at = start.advanced(milliseconds: UInt64(number))
            expect(table.enter(stock: "10.0.0.1:\(number)", now: at, isNeeded: { _ in true }) != nil)
        }
        #expect(table.count == ControlLimit.nodesMax)
        expect(table.enter(stock: "new:1", now: start, isNeeded: { _ in true }) == nil)
        expect(table.enter(stock: "new:1", now: start, isNeeded: { $0 < 10 }) == 10)
        #expect(table.stockRow(at: "10.0.0.1:10") == nil && table[10].entrypoints == ["new:1"])
        #expect(table.count == ControlLimit.nodesMax)
    }

    // MARK: Candidates

    @Test func candidatesAreOrderedByStandingAndWeight() {
        var gathering = CandidateGathering()
        gathering.add(node: 1, place: 0, isUDP: false, weight: 2, standing: .lastResort)
        gathering.add(node: 2, place: 0, isUDP: false, weight: 1, standing: .preferred)
        gathering.add(node: 3, place: 1, isUDP: false, weight: 5, standing: .preferred)
        gathering.add(node: 3, place: 1, isUDP: false, weight: 5, standing: .preferred)
        gathering.add(node: 4, place: 0, isUDP: false, weight: 9, standing: .suspect)
        #expect(gathering.candidates.map(\.node) == [3, 2, 4, 1])
        #expect(gathering.candidates[0].weight == 10)
        #expect(gathering.candidates.map(\.standing) == [.preferred, .preferred, .suspect, .lastResort])
    }

    /// Weight 255 takes all new streams, wherever it is (protocol tunnel-server §5); of its own network only.
    @Test func weightTwoHundredFiftyFiveOutweighsTheOthers() {
        var gathering = CandidateGathering()
        gathering.add(node: 1, place: 0, isUDP: false, weight: 200, standing: .preferred)
        gathering.add(node: 2, place: 0, isUDP: false, weight: 255, standing: .preferred)
        gathering.add(node: 3, place: 0, isUDP: true, weight: 1, standing: .preferred)
        #expect(gathering.candidates.map(\.node) == [2, 3, 1])
        #expect(gathering.candidates.last?.standing == .outweighed)
        var own = CandidateGathering()
        own.add(node: 0, place: nil, isUDP: false, weight: 255, standing: .preferred)
        own.add(node: 1, place: 0, isUDP: false, weight: 9, standing: .preferred)
        #expect(own.candidates.map(\.standing) == [.outweighed], "one of the data plane's own outweighs the others")
        var many = CandidateGathering()
        for node in 0..<300 { many.add(node: UInt16(node), place: 0, isUDP: false, weight: 255, standing: .preferred) }
        #expect(many.candidates.count == Candidate.perTunnelMax)
    }

    // MARK: Mirrored tunnels

    @Test func aReturningStoreMakesWhatItLacksASuspect() {
        var tunnel = MirroredTunnel()
        let entry = DiscoveryEntry(
            node: NodeID(name: "b"), isUDP: false, address: "a:1", renew: 1,
            extra: DiscoveryEntry.Extra(epoch: 1, plane: "p", weight: 1))
        let one = MirroredTunnel.Connector(id: ConnectorID(high: 1, low: 1), entry: entry, isSuspect: false)
        let two = MirroredTunnel.Connector(id: ConnectorID(high: 1, low: 2), entry: entry, isSuspect: false)
        #expect(tunnel.isRereadWhenTouched && !tunnel.answers(at: start))
        tunnel.replace(with: [two, one], keepsMissing: false, now: start)
        #expect(tunnel.connectors.map(\.id.low) == [1, 2] && !tunnel.isRereadWhenTouched && !tunnel.hasStock)
        tunnel.replace(with: [two], keepsMissing: true, now: start)
        #expect(tunnel.connectors.map(\.isSuspect) == [true, false] && tunnel.isRereadWhenTouched)
        tunnel.replace(with: [one, two], keepsMissing: true, now: start)
        #expect(tunnel.connectors.allSatisfy { !$0.isSuspect })
        tunnel.replace(with: [], keepsMissing: false, now: start)
        #expect(tunnel.answers(at: start))
        #expect(!tunnel.answers(at: start.advanced(milliseconds: ControlLimit.absentMilliseconds)))
        var stock = one
        stock.entry.extra = nil
        tunnel.replace(with: [stock], keepsMissing: false, now: start)
        #expect(tunnel.hasStock && tunnel.isRereadWhenTouched)
    }
}
