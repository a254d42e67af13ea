import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// The table of limits, row by row: each is reached with a small value; the one who reaches it is told, the reason is
/// counted and stands in the log, somebody else is unharmed, and nothing stays behind.
@Suite struct LimitTableTests {
    @Test(arguments: LimitCase.all)
    func reached(_ row: LimitCase) throws {
        let bench = try LimitBench(
            row.limits, muxVersion: row.muxVersion, workers: row.workers, asksForLogin: row.asksForLogin,
            takesProxyHeader: row.takesProxyHeader)
        try row.reach(bench)
        if let reason = row.limit.row.reason, !row.isOfClient { bench.expectCountedAndLogged(reason) }
        bench.expectNeighbourUnharmed()
        bench.expectNothingLeft()
    }

    @Test func everyRowHasACase() {
        let covered = Set(LimitCase.all.map(\.limit))
        let missing = Limit.allCases.filter { !covered.contains($0) }
        #expect(missing.isEmpty, "no case reaches \(missing)")
    }
}
