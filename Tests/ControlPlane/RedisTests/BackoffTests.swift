import Testing

@testable import Redis

/// The pauses between dials.
struct BackoffTests {
    @Test func doublesUpToItsBound() {
        var backoff = Backoff(firstMilliseconds: 50, lastMilliseconds: 1_000)
        #expect((0..<7).map { _ in backoff.next(random: 0) } == [50, 100, 200, 400, 800, 1_000, 1_000])
        backoff.reset()
        #expect(backoff.next(random: 0) == 50)
    }

    @Test func halfOfItIsChance() {
        var waits: Set<Int64> = []
        for random in UInt64(0)..<200 {
            var backoff = Backoff(firstMilliseconds: 50, lastMilliseconds: 50)
            waits.insert(backoff.next(random: random))
        }
        #expect(waits == Set(25...50))
        var backoff = Backoff(firstMilliseconds: 1, lastMilliseconds: 1)
        #expect(backoff.next(random: .max) == 1)
    }
}
