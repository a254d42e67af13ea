import Primitives
import Testing

@Suite struct TimerWheelTests {
    private func tick(_ milliseconds: UInt64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

    @Test func dueOnceAndNotBefore() {
        var wheel = TimerWheel(capacity: 4, now: tick(1_000))
        wheel.set(2, tick(1_500))
        #expect(wheel.popDue(tick(1_499)) == nil)
        #expect(wheel.popDue(tick(1_500)) == 2)
        #expect(wheel.popDue(tick(9_000)) == nil)
        #expect(wheel.count == 0)
    }

    @Test func deadlinesMoveBothWays() {
        var wheel = TimerWheel(capacity: 4, now: tick(0))
        wheel.set(1, tick(1_000))
        wheel.set(1, tick(50_000))
        #expect(wheel.popDue(tick(1_100)) == nil)
        wheel.set(1, tick(2_000))
        #expect(wheel.popDue(tick(2_000)) == 1)
        wheel.set(3, tick(5_000))
        wheel.clear(3)
        #expect(wheel.popDue(tick(90_000)) == nil)
        #expect(wheel.nextCheck() == .never)
    }

    /// Nothing is early, nothing is forgotten, and whoever looks when told to is late by at most two cells.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func randomUseAgreesWithAList(_ seed: UInt64) {
        var wheel = TimerWheel(capacity: 50, now: tick(0))
        var known: [UInt32: Tick] = [:]
        var random = Random(seed: seed)
        var now = tick(0)
        for _ in 0..<2_000 {
            let node = random.below(50)
            switch random.below(4) {
            case 0:
                wheel.clear(node)
                known[node] = nil
            case 1, 2:
                let deadline = now.advanced(milliseconds: UInt64(random.below(90_000)))
                wheel.set(node, deadline)
                known[node] = deadline
            default:
                now = min(wheel.nextCheck(), now.advanced(milliseconds: UInt64(random.below(5_000))))
                while let due = wheel.popDue(now) {
                    #expect(known[due].map { $0 <= now } == true)
                    known[due] = nil
                }
                #expect(!known.values.contains { $0.advanced(milliseconds: 128) <= now })
            }
            #expect(wheel.count == known.count)
        }
    }
}
