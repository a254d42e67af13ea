internal import Primitives

/// Numbers with deadlines that only grow: what waits, in the order in which its time is over. What was answered before is
/// passed over.
struct DeadlineOrder: Sendable {
    private var waiting: [(number: UInt64, deadline: Tick)] = []
    private var start = 0

    init() {}

    /// The first deadline, perhaps of something answered already; `.never` when nothing waits.
    var next: Tick { start < waiting.count ? waiting[start].deadline : .never }

    mutating func append(_ number: UInt64, deadline: Tick) { waiting.append((number, deadline)) }

    /// Takes the next number that still waits and whose time is over.
    mutating func takeDue(at now: Tick, where isWaiting: (UInt64) -> Bool) -> UInt64? {
        while start < waiting.count {
            let (number, deadline) = waiting[start]
            guard deadline <= now || !isWaiting(number) else { break }
            start += 1
            if isWaiting(number) { return number }
        }
        if start == waiting.count || start > 1_024 {
            waiting.removeFirst(start)
            start = 0
        }
        return nil
    }
}
