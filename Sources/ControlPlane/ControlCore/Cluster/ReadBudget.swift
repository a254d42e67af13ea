internal import Primitives

/// How many of something may be done in a second; what was not used of one second's share is not kept for the next.
struct ReadBudget: Sendable {
    let perSecond: UInt64
    /// Thousandths.
    private var left: UInt64
    private var countedAt = Tick.zero

    init(perSecond: UInt64) {
        precondition(perSecond > 0)
        self.perSecond = perSecond
        left = perSecond * 1_000
    }

    /// How many may be done now, at most `wanted`; they count as done.
    mutating func take(_ wanted: Int, now: Tick) -> Int {
        if now > countedAt {
            let milliseconds = now.milliseconds(since: countedAt)
            left = min(perSecond &* 1_000, left &+ min(milliseconds, 1_000) &* perSecond)
            // Parts of a millisecond are counted the next time.
            countedAt = countedAt.advanced(milliseconds: milliseconds)
        }
        let count = min(UInt64(max(wanted, 0)), left / 1_000)
        left -= count * 1_000
        return Int(count)
    }

    /// When the next one may be done; `.zero` for at once.
    var nextDeadline: Tick {
        if left >= 1_000 { return .zero }
        return countedAt.advanced(milliseconds: (1_000 - left + perSecond - 1) / perSecond)
    }
}
