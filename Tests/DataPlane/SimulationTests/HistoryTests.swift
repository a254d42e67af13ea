import Simulator
import Testing
import Worker
import World

/// Visitor – node – client – origin under every fault that loses nothing, with rude visitors, with a client that dies,
/// and with a way between node and client that breaks or stalls.
@Suite struct HistoryTests {
    @Test(arguments: Seeds.regressions + Seeds.usual)
    func everyRequestIsAnsweredInFull(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .lossless)
        history.run()
        #expect(history.brokenLaws == [])
    }

    /// A layer that changes every byte and its number stands where TLS will: nothing above it notices.
    @Test(arguments: Seeds.regressions + Seeds.usual.prefix(8))
    func aCipherUnderTheLinkChangesNothing(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .lossless, cipher: .records)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func rudeVisitorsLeaveNothingBehind(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .rudeVisitors)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func aDyingClientLosesOnlyWhatItHeld(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .dyingClient)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func linksThatBreakComeBack(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .brokenLinks)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func linksThatStallLoseNothing(_ seed: UInt64) throws {
        let history = try History(seed: seed, weather: .stalledLinks)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theSameSeedIsTheSameHistory(_ seed: UInt64) throws {
        func trace() throws -> UInt64 {
            let history = try History(seed: seed, weather: .dyingClient)
            history.run()
            return history.world.kernel.trace.hash
        }
        #expect(try trace() == trace())
    }
}
