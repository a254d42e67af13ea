import Simulator
import Testing
import Worker
import World

/// Local visitor – visiting client – node – binding client – service, under faults.
@Suite struct VisitHistoryTests {
    @Test(arguments: Seeds.regressions + Seeds.usual)
    func everythingIsAnswered(_ seed: UInt64) throws {
        let history = try VisitHistory(seed: seed, weather: .lossless)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func rudenessAndLossLeaveNothingBehind(_ seed: UInt64) throws {
        let history = try VisitHistory(seed: seed, weather: .rude)
        history.run()
        #expect(history.brokenLaws == [])
    }

    @Test(arguments: Seeds.regressions + Seeds.usual)
    func aDyingNodeLeavesNothingBehind(_ seed: UInt64) throws {
        let history = try VisitHistory(seed: seed, weather: .dyingNode)
        history.run()
        #expect(history.brokenLaws == [])
    }
}
