import Observe
import Primitives
import Testing

/// A burst passes, a flood is counted, the next window says how much was left out.
struct LogRateTests {
    private func tick(_ milliseconds: UInt64) -> Tick { Tick.zero.advanced(milliseconds: milliseconds) }

    @Test func aFloodIsCounted() {
        var rate = LogRate()
        for _ in 0..<LogRate.burstLines { #expect(rate.judge("m", at: tick(5)) == .write(suppressed: 0)) }
        for _ in 0..<1_000 { #expect(rate.judge("m", at: tick(9_000)) == .suppress) }
        #expect(rate.judge("other", at: tick(9_000)) == .write(suppressed: 0))
        #expect(rate.judge("m", at: tick(10_005)) == .write(suppressed: 1_000))
        #expect(rate.judge("m", at: tick(10_006)) == .write(suppressed: 0))
    }

    @Test func differentMessagesAreBounded() {
        var rate = LogRate()
        var written = 0
        for number in 0..<10_000 where rate.judge("message \(number)", at: tick(1)) != .suppress { written += 1 }
        #expect(written == LogRate.messagesMax + Int(LogRate.burstLines))
    }
}
