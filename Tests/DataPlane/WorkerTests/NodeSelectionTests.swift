import Primitives
import Testing
import Worker

/// Which node is taken next (protocol tunnel-client §5.5).
struct NodeSelectionTests {
    private let start = Tick(nanoseconds: 1_000_000_000)

    private func nodes(_ weights: [UInt32], backups: Set<Int> = [], maxFails: UInt32 = 1) -> [NodeSelection.Node] {
        weights.enumerated().map { index, weight in
            var node = NodeSelection.Node()
            node.weight = weight
            node.isBackup = backups.contains(index)
            node.maxFails = maxFails
            node.failTimeoutMilliseconds = 1_000
            return node
        }
    }

    private func taken(
        _ selection: inout NodeSelection, _ count: Int, mask: UInt64? = nil, key: UInt64 = 0
    ) -> [Int] {
        var random = Random(seed: 5)
        return (0..<count).compactMap { _ in
            selection.choose(among: mask ?? selection.everyone, key: key, &random, now: start)
        }
    }

    @Test func roundMixesByWeight() {
        var selection = NodeSelection(.round, nodes([3, 1, 2]))
        #expect(taken(&selection, 6) == [0, 2, 0, 1, 2, 0])
        #expect(taken(&selection, 600).count { $0 == 0 } == 300)
    }

    @Test func fifoTakesTheFirstThatLives() {
        var selection = NodeSelection(.fifo, nodes([1, 1, 1]))
        #expect(taken(&selection, 2) == [0, 0])
        selection.failed(0, now: start)
        #expect(taken(&selection, 2) == [1, 1])
        selection.succeeded(0)
        #expect(taken(&selection, 1) == [0])
    }

    @Test func randomFollowsTheWeights() {
        var selection = NodeSelection(.random, nodes([1, 9]))
        let heavy = taken(&selection, 1_000).count { $0 == 1 }
        #expect((850...950).contains(heavy))
    }

    @Test func hashKeepsAKeyAndMovesOnlyTheDeadNodesKeys() {
        var selection = NodeSelection(.hash, nodes([1, 1, 1, 1]))
        let before = (0..<200).map { taken(&selection, 1, key: $0)[0] }
        #expect(before == (0..<200).map { taken(&selection, 1, key: $0)[0] })
        #expect(Set(before).count == 4)
        selection.failed(2, now: start)
        let after = (0..<200).map { taken(&selection, 1, key: $0)[0] }
        for (old, new) in zip(before, after) { #expect(old == 2 ? new != 2 : new == old) }
    }

    @Test func aMarkNeedsAsManyFailuresAndEndsByItself() {
        var selection = NodeSelection(.fifo, nodes([1, 1], maxFails: 2))
        selection.failed(0, now: start)
        #expect(taken(&selection, 1) == [0], "one failure is not two")
        selection.failed(0, now: start)
        #expect(taken(&selection, 1) == [1])
        var random = Random(seed: 1)
        let later = start.advanced(milliseconds: 1_000)
        #expect(selection.choose(among: selection.everyone, key: 0, &random, now: later) == 0)
        #expect(selection.hasLiving(among: 1, now: later))
        #expect(!selection.hasLiving(among: 1, now: start))
    }

    @Test func aBackupIsTakenWhenNobodyElseLives() {
        var selection = NodeSelection(.round, nodes([1, 1], backups: [0]))
        #expect(taken(&selection, 3) == [1, 1, 1])
        selection.failed(1, now: start)
        #expect(taken(&selection, 2) == [0, 0])
        selection.failed(0, now: start.advanced(milliseconds: 5))
        #expect(taken(&selection, 1) == [1], "of the dead the one that comes back first")
        #expect(taken(&selection, 1, mask: 0) == [])
    }

    @Test(arguments: [
        ("example.com", ["example.com", "EXAMPLE.com", "example.com."], ["a.example.com", "example.co", ""]),
        (
            ".example.com", ["example.com", "a.example.com", "a.b.EXAMPLE.com"],
            ["badexample.com", "com", "example.com.evil", ""]
        ),
        ("*.Example.com", ["a.example.com", "example.com"], ["badexample.com"]),
        ("10.0.0.1", ["10.0.0.1"], ["10.0.0.10", "110.0.0.1"]),
    ])
    func filtersEndAtLabels(filter: String, taken: [String], left: [String]) throws {
        let filter = try #require(HostFilter(filter))
        for host in taken { #expect(filter.takes(try #require(InlineText(host)).hostFolded), "\(host)") }
        for host in left { #expect(!filter.takes(try #require(InlineText(host)).hostFolded), "\(host)") }
    }

    @Test func theNarrowestFilterWins() throws {
        func node(_ host: String?) -> TargetGroup.Node {
            var node = TargetGroup.Node(.host("", port: 1))
            node.filter = host.flatMap { HostFilter($0) }
            return node
        }
        let group = TargetGroup([node("a.x.com"), node(".x.com"), node(".com"), node(nil), node("a.x.com")])
        func eligible(_ host: String) throws -> UInt64 { group.eligible(for: try #require(InlineText(host))) }
        #expect(try eligible("A.x.com") == 0b10001)
        #expect(try eligible("b.x.com") == 0b00010)
        #expect(try eligible("y.com") == 0b00100)
        #expect(try eligible("y.org") == 0b01000)
        #expect(try eligible("") == 0b01000)
        let strict = TargetGroup([node("a.x.com")])
        #expect(strict.eligible(for: try #require(InlineText("b.x.com"))) == 0)
        #expect(strict.eligible(for: InlineText()) == 0)
    }
}
