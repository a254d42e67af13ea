import Primitives

/// What has to hold in a cluster, and since when the world gives it the chance to: after a fault a law's time begins when
/// the fault is over.
struct ClusterLaws {
    struct Question: Hashable {
        var node: Int
        var plane: Int
        var number: UInt64
    }

    struct Waiting {
        var since: Tick
    }

    /// First violations, one line each.
    private(set) var violations: [String] = []
    private(set) var checks = 0
    /// From when on the stores have to be as they should, and from when on each node.
    private(set) var storeSettles = Tick.zero
    private(set) var nodeSettles: [Int: Tick] = [:]
    var lookups: [Question: Tick] = [:]
    var binds: [Question: Tick] = [:]
    /// Whether a tunnel has a connector on a node, and since when that is so.
    var presence: [Int: [UInt64: (isThere: Bool, since: Tick)]] = [:]
    /// What is believed wrongly, and since when.
    struct Belief: Hashable {
        var node: Int
        var plane: String
        var tunnel: UInt64
        var other: Int
    }
    private var wrongBeliefs: [Belief: Tick] = [:]
    /// What a pair of nodes has not said yet, and since when.
    private var silences: [String: [String: Tick]] = [:]
    var longestLookupMilliseconds: UInt64 = 0
    var longestBindMilliseconds: UInt64 = 0

    mutating func settle(_ node: Int, at: Tick) {
        let known = nodeSettles[node] ?? .zero
        nodeSettles[node] = known == .never ? at : max(known, at)
    }

    mutating func settleAll(at: Tick) { storeSettles = storeSettles == .never ? at : max(storeSettles, at) }

    /// What one node writes again; not when a fault is under way.
    mutating func settleStores(at: Tick) { if storeSettles != .never { storeSettles = max(storeSettles, at) } }

    func isSettled(_ now: Tick) -> Bool { now >= storeSettles }

    func isSettled(_ node: Int, _ now: Tick) -> Bool { now >= (nodeSettles[node] ?? .zero) }

    mutating func forgetQuestions(of node: Int) {
        lookups = lookups.filter { $0.key.node != node }
        binds = binds.filter { $0.key.node != node }
    }

    mutating func forgetQuestions(of node: Int, plane: Int) {
        lookups = lookups.filter { $0.key.node != node || $0.key.plane != plane }
        binds = binds.filter { $0.key.node != node || $0.key.plane != plane }
    }

    /// How long a belief has been wrong, in milliseconds.
    mutating func wrong(_ belief: Belief, _ isWrong: Bool, _ now: Tick) -> UInt64 {
        guard isWrong else {
            wrongBeliefs[belief] = nil
            return 0
        }
        let since = wrongBeliefs[belief] ?? now
        wrongBeliefs[belief] = since
        return now.milliseconds(since: since)
    }

    /// How long something has not been said by one node to another, in milliseconds.
    mutating func unsaid(_ pair: String, _ what: String, _ isUnsaid: Bool, _ now: Tick) -> UInt64 {
        guard isUnsaid else {
            silences[pair]?[what] = nil
            return 0
        }
        let since = silences[pair]?[what] ?? now
        silences[pair, default: [:]][what] = since
        return now.milliseconds(since: since)
    }

    /// Two nodes cannot say anything now.
    mutating func forgetUnsaid(_ pair: String, besides kept: String? = nil) {
        silences[pair] = silences[pair]?.filter { $0.key == kept }
    }

    mutating func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        checks += 1
        if !holds, violations.count < 10 { violations.append(text()) }
    }
}
