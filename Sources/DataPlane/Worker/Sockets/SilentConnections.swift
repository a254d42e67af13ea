import Primitives

/// A connection of which nobody has anything to wait for.
struct SilentConnection: BitwiseCopyable {
    /// Since when it is silent.
    var since: Tick
    var slot: UInt32
    /// A link that has said nothing yet, else a visitor.
    var isLink: Bool
}

/// The connections of those considered that have been silent longest, longest first.
struct SilentConnections: BitwiseCopyable {
    static var countMax: Int { 32 }

    /// How many are looked for.
    let countSought: Int
    private(set) var count = 0
    private var oldest = InlineArray<32, SilentConnection>(
        repeating: SilentConnection(since: .never, slot: .max, isLink: false))

    /// Looks for so many of a table with `population` entries that finding them is worth a pass over it, and that few of
    /// those who could have stayed go.
    @_noLocks
    init(among population: UInt32) { countSought = Int(min(max(population / 256, 1), UInt32(Self.countMax))) }

    var isFull: Bool { count == countSought }

    subscript(position: Int) -> SilentConnection { oldest[position] }

    /// Keeps the connection if it is among the oldest so far.
    @_noLocks
    mutating func consider(_ candidate: SilentConnection) {
        var position = count
        if isFull {
            guard candidate.since < oldest[count - 1].since else { return }
            position = count - 1
        } else {
            count += 1
        }
        while position > 0, candidate.since < oldest[position - 1].since {
            oldest[position] = oldest[position - 1]
            position -= 1
        }
        oldest[position] = candidate
    }
}
