import Primitives
import Testing

@testable import Worker

@Suite struct SilentConnectionsTests {
    private func found(_ silences: [UInt64], among population: UInt32) -> [UInt64] {
        var found = SilentConnections(among: population)
        for (slot, since) in silences.enumerated() {
            found.consider(
                SilentConnection(since: Tick(nanoseconds: since), slot: UInt32(slot), isLink: false))
        }
        return (0..<found.count).map { found[$0].since.nanoseconds }
    }

    @Test func theLongestSilentOfMany() {
        var random = Random(seed: 7)
        let silences = (0..<10_000).map { _ in random.next() % 1_000_000 }
        #expect(found(silences, among: 10_000) == Array(silences.sorted().prefix(SilentConnections.countMax)))
    }

    @Test func oneOfFew() {
        #expect(found([5, 3, 9], among: 3) == [3])
        #expect(found([], among: 0) == [])
    }

    @Test func fewerThanSought() {
        #expect(found([5, 3, 9], among: 1_024) == [3, 5, 9])
    }
}
