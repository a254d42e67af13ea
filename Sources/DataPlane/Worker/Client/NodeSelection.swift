package import Primitives

/// Which of several equal nodes is taken next, and which are left alone for a while because they failed: the selector
/// of a hop or forwarder (protocol tunnel-client §5.5). Pure: the instant and the random numbers are arguments.
package struct NodeSelection: Sendable {
    /// The order in which nodes are taken.
    package enum Strategy: Sendable, Equatable {
        /// In turn, by weight, evenly mixed.
        case round
        /// By chance, by weight.
        case random
        /// The first that is alive, in the order in which they were written.
        case fifo
        /// The same key gets the same node; when a node dies, only its keys move.
        case hash
    }

    /// What is known of one node.
    package struct Node: Sendable, Equatable {
        /// 1 to `weightMax`.
        package var weight: UInt32 = 1
        /// Taken only while no other node is alive.
        package var isBackup = false
        /// Failures in a row that mark a node; at least 1.
        package var maxFails: UInt32 = 1
        /// How long the mark stays, in milliseconds.
        package var failTimeoutMilliseconds: UInt64 = 10_000

        package init() {}
    }

    private struct State {
        var node: Node
        var failures: UInt32 = 0
        var markedUntil = Tick.zero
        /// What it is owed by `round`: it grows by the weight each time another is taken.
        var credit: Int64 = 0
    }

    /// Nodes are bits of a mask.
    package static let countMax = 64
    package static let weightMax: UInt32 = 100

    private let strategy: Strategy
    private var states: [State]

    /// `nodes` has 1 to `countMax` elements.
    package init(_ strategy: Strategy, _ nodes: [Node]) {
        precondition((1...NodeSelection.countMax).contains(nodes.count))
        precondition(nodes.allSatisfy { (1...NodeSelection.weightMax).contains($0.weight) && $0.maxFails > 0 })
        self.strategy = strategy
        states = nodes.map { State(node: $0) }
    }

    /// All nodes.
    package var everyone: UInt64 { states.count == 64 ? .max : (1 << UInt64(states.count)) - 1 }

    /// A node of `mask`, or nil when it is empty: of those that are alive, then of the backups, and when all of them
    /// are marked, the one whose mark ends first. `key` matters to `hash` only.
    package mutating func choose(among mask: UInt64, key: UInt64, _ random: inout Random, now: Tick) -> Int? {
        let asked = states.indices.filter { mask & (1 << UInt64($0)) != 0 }
        let alive = asked.filter { !isMarked($0, now) }
        let primaries = alive.filter { !states[$0].node.isBackup }
        let tier = primaries.isEmpty ? alive : primaries
        guard !tier.isEmpty else { return asked.min { states[$0].markedUntil < states[$1].markedUntil } }
        switch strategy {
        case .fifo: return tier[0]
        case .round: return takeTurn(among: tier)
        case .random: return pick(random.below(weight(of: tier)), in: tier)
        case .hash: return tier.max { highest($0, key) < highest($1, key) }
        }
    }

    /// Whether a node of `mask` is alive.
    package func hasLiving(among mask: UInt64, now: Tick) -> Bool {
        states.indices.contains { mask & (1 << UInt64($0)) != 0 && !isMarked($0, now) }
    }

    /// The node could not be used.
    package mutating func failed(_ node: Int, now: Tick) {
        states[node].failures += 1
        guard states[node].failures >= states[node].node.maxFails else { return }
        states[node].markedUntil = now.advanced(milliseconds: states[node].node.failTimeoutMilliseconds)
    }

    /// The node works: nothing is held against it.
    package mutating func succeeded(_ node: Int) {
        states[node].failures = 0
        states[node].markedUntil = .zero
    }

    private func isMarked(_ node: Int, _ now: Tick) -> Bool { states[node].markedUntil > now }

    private func weight(of tier: [Int]) -> UInt32 { tier.reduce(0) { $0 + states[$1].node.weight } }

    private mutating func takeTurn(among tier: [Int]) -> Int {
        var best = tier[0]
        for index in tier {
            states[index].credit += Int64(states[index].node.weight)
            if states[index].credit > states[best].credit { best = index }
        }
        states[best].credit -= Int64(weight(of: tier))
        return best
    }

    private func pick(_ number: UInt32, in tier: [Int]) -> Int {
        var rest = number
        for index in tier {
            if rest < states[index].node.weight { return index }
            rest -= states[index].node.weight
        }
        preconditionFailure("a number beyond the sum of the weights")
    }

    /// The highest of as many lots as the node's weight: among all nodes the highest wins.
    private func highest(_ node: Int, _ key: UInt64) -> UInt64 {
        (0..<states[node].node.weight).reduce(0) { highest, copy in
            var lot = Random(seed: key ^ (UInt64(node) << 32 | UInt64(copy)) &* 0x9E37_79B9_7F4A_7C15)
            return max(highest, lot.next())
        }
    }
}
