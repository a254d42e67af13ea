import Primitives
import Testing

@testable import ControlCore

struct RenewalWheelTests {
    private let start = Tick(nanoseconds: 5_000_000_000)

    /// Turns a wheel for a while; how often and when each element came.
    private func turn(
        _ wheel: inout RenewalWheel<Int>, milliseconds: UInt64, from: Tick
    ) -> [Int: [UInt64]] {
        var times: [Int: [UInt64]] = [:]
        var now = from
        let end = from.advanced(milliseconds: milliseconds)
        while wheel.nextDeadline <= end {
            now = max(now, wheel.nextDeadline)
            for element in wheel.take(64, now: now) {
                times[element, default: []].append(now.milliseconds(since: from))
            }
        }
        return times
    }

    @Test func everyElementComesOnceInEveryPeriod() {
        var wheel = RenewalWheel<Int>(periodMilliseconds: 10_000)
        for element in 0..<5_000 { wheel.insert(element, hash: UInt64(element) &* 0x9E37_79B9, now: start) }
        let times = turn(&wheel, milliseconds: 30_500, from: start)
        #expect(times.count == 5_000)
        for (_, list) in times {
            #expect((2...4).contains(list.count))
            #expect(list[0] <= 10_100)
            for index in 1..<list.count { #expect((9_900...10_100).contains(list[index] - list[index - 1])) }
        }
    }

    @Test func theyAreSpreadOverThePeriod() {
        var wheel = RenewalWheel<Int>(periodMilliseconds: 10_000)
        for element in 0..<2_560 { wheel.insert(element, hash: UInt64(element), now: start) }
        var busiest = 0
        var now = start
        for _ in 0..<100 {
            now = now.advanced(milliseconds: 100)
            busiest = max(busiest, wheel.take(10_000, now: now).count)
        }
        #expect(busiest <= 40, "ten cells of ten in the tenth of a second at most four")
    }

    @Test func aQuickTurnBringsEverythingAtABoundedRateAndThePeriodGoesOn() {
        var wheel = RenewalWheel<Int>(periodMilliseconds: 60_000)
        for element in 0..<3_000 { wheel.insert(element, hash: UInt64(element), now: start) }
        let begin = start.advanced(milliseconds: 7_000)
        _ = turn(&wheel, milliseconds: 7_000, from: start)
        wheel.turnQuickly(withinMilliseconds: 3_000, now: begin)
        let times = turn(&wheel, milliseconds: 66_500, from: begin)
        #expect(times.count == 3_000)
        #expect(times.values.allSatisfy { $0[0] <= 3_050 })
        #expect(times.values.allSatisfy { $0.count < 2 || $0[1] - $0[0] <= 63_200 })
        #expect(times.values.contains { $0[0] > 2_500 }, "not all at once")
        #expect(!wheel.isTurningQuickly)
    }

    @Test func whatIsRemovedDoesNotCome() {
        var wheel = RenewalWheel<Int>(periodMilliseconds: 1_000)
        for element in 0..<100 { wheel.insert(element, hash: 3, now: start) }
        _ = wheel.take(10, now: start.advanced(milliseconds: 1_000))
        for element in 0..<99 { wheel.remove(element) }
        wheel.remove(7)
        #expect(wheel.count == 1 && wheel.contains(99))
        let times = turn(&wheel, milliseconds: 2_500, from: start.advanced(milliseconds: 1_000))
        #expect(Set(times.keys) == [99])
        wheel.remove(99)
        #expect(wheel.isEmpty && wheel.nextDeadline == .never)
    }

    @Test func oneThatWasNotTurnedForLongOwesOneTurnOnly() {
        var wheel = RenewalWheel<Int>(periodMilliseconds: 1_000)
        for element in 0..<50 { wheel.insert(element, hash: UInt64(element), now: start) }
        let late = start.advanced(milliseconds: 3_600_000)
        var count = 0
        while wheel.nextDeadline <= late { count += wheel.take(64, now: late).count }
        #expect(count <= 100)
    }
}
