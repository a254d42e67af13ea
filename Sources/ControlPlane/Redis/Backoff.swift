/// How long to wait before the next try: doubling up to a bound, with half of it left to chance, so that the nodes of a
/// cluster do not all come back in the same instant.
struct Backoff {
    private let firstMilliseconds: Int64
    private let lastMilliseconds: Int64
    private var ceiling: Int64

    /// Both above zero, the first not above the last.
    init(firstMilliseconds: Int64, lastMilliseconds: Int64) {
        precondition(firstMilliseconds > 0)
        precondition(firstMilliseconds <= lastMilliseconds)
        self.firstMilliseconds = firstMilliseconds
        self.lastMilliseconds = lastMilliseconds
        ceiling = firstMilliseconds
    }

    /// Milliseconds to wait now; the next wait is longer. `random`: any number.
    mutating func next(random: UInt64) -> Int64 {
        let half = ceiling / 2
        let wait = ceiling - Int64(random % UInt64(half + 1))
        ceiling = min(ceiling * 2, lastMilliseconds)
        return wait
    }

    /// What was tried held: the next wait is the shortest again.
    mutating func reset() { ceiling = firstMilliseconds }
}
