import Primitives
import Testing

@testable import culvert

/// When processes are started, restarted and ended; no process and no clock is involved.
struct SupervisionTests {
    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    @Test func allStartAtOnce() {
        var supervision = Supervision(count: 2, now: tick(5))
        #expect(supervision.nextDeadline == tick(5))
        #expect(supervision.turn(now: tick(5)) == [.start(0), .start(1)])
        #expect(supervision.nextDeadline == .never)
        #expect(supervision.turn(now: tick(6)).isEmpty)
    }

    @Test func aCrashLoopBacksOffToFiveSecondsAndIsSaidOncePerStep() {
        var supervision = Supervision(count: 1, now: tick(0))
        var now: UInt64 = 0
        var delays: [UInt64] = []
        var reports: [UInt64] = []
        _ = supervision.turn(now: tick(now))
        for _ in 0..<10 {
            now += 10
            let effects = supervision.ended(0, .signal(11), now: tick(now))
            for case .report(0, .signal(11), let milliseconds) in effects { reports.append(milliseconds) }
            let due = supervision.nextDeadline.milliseconds(since: tick(now))
            delays.append(due)
            if due > 0 { #expect(supervision.turn(now: tick(now + due - 1)).isEmpty) }
            now += due
            #expect(supervision.turn(now: tick(now)) == [.start(0)])
        }
        #expect(delays == [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000])
        #expect(reports == [0, 100, 200, 400, 800, 1_600, 3_200, 5_000])
    }

    @Test func tenSecondsOfLifeMakeGood() {
        var supervision = Supervision(count: 1, now: tick(0))
        _ = supervision.turn(now: tick(0))
        _ = supervision.ended(0, .exit(1), now: tick(1))
        _ = supervision.turn(now: tick(1))
        _ = supervision.ended(0, .exit(1), now: tick(2))
        _ = supervision.turn(now: tick(102))
        #expect(
            supervision.ended(0, .exit(0), now: tick(10_102)) == [.report(0, .exit(0), retryMilliseconds: 0)])
        #expect(supervision.nextDeadline == tick(10_102))
    }

    @Test func aProcessThatCannotBeStartedIsTriedAgain() {
        var supervision = Supervision(count: 1, now: tick(0))
        _ = supervision.turn(now: tick(0))
        #expect(
            supervision.ended(0, .notStarted(2), now: tick(0)) == [.report(0, .notStarted(2), retryMilliseconds: 0)])
        #expect(supervision.turn(now: tick(0)) == [.start(0)])
    }

    @Test func stoppingEndsTheLivingAndKillsTheStubborn() {
        var supervision = Supervision(count: 3, now: tick(0))
        _ = supervision.turn(now: tick(0))
        _ = supervision.ended(2, .exit(1), now: tick(1))
        _ = supervision.turn(now: tick(1))
        _ = supervision.ended(2, .exit(1), now: tick(2))
        // The third waits for its restart: it ends without a word.
        #expect(supervision.stop(now: tick(50)) == [.terminate(0), .terminate(1)])
        #expect(supervision.turn(now: tick(5_000)).isEmpty)
        #expect(supervision.ended(0, .exit(0), now: tick(5_000)).isEmpty)
        #expect(supervision.nextDeadline == tick(5_050))
        #expect(supervision.turn(now: tick(5_050)) == [.kill(1)])
        #expect(supervision.turn(now: tick(9_000)).isEmpty, "once is enough")
        #expect(supervision.ended(1, .signal(9), now: tick(9_000)) == [.finish(.stopped)])
    }

    @Test func aRefusedConfigurationEndsEverything() {
        var supervision = Supervision(count: 2, now: tick(0))
        _ = supervision.turn(now: tick(0))
        #expect(supervision.ended(0, .exit(78), now: tick(3)) == [.terminate(1)])
        #expect(supervision.stop(now: tick(4)).isEmpty, "a signal meanwhile changes nothing")
        #expect(supervision.ended(1, .exit(0), now: tick(5)) == [.finish(.configuration(child: 0))])
    }

    /// A busy port at the first start ends the program; later it is tried again.
    @Test func whatIsNotToBeHadEndsTheFirstStartOnly() {
        var supervision = Supervision(count: 2, now: tick(0))
        _ = supervision.turn(now: tick(0))
        #expect(supervision.ended(0, .exit(69), now: tick(2_000)) == [.terminate(1)])
        #expect(supervision.ended(1, .exit(0), now: tick(2_001)) == [.finish(.unavailable(child: 0))])

        var later = Supervision(count: 1, now: tick(0))
        _ = later.turn(now: tick(0))
        _ = later.ended(0, .signal(9), now: tick(20_000))
        #expect(later.turn(now: tick(20_000)) == [.start(0)])
        #expect(later.ended(0, .exit(69), now: tick(22_000)) == [.report(0, .exit(69), retryMilliseconds: 100)])
        #expect(later.turn(now: tick(22_100)) == [.start(0)])
    }

    @Test func stoppingWhileNothingLivesFinishes() {
        var supervision = Supervision(count: 1, now: tick(0))
        #expect(supervision.stop(now: tick(0)) == [.finish(.stopped)])
    }
}
