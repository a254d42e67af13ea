import Model
import PlaneLink
import Primitives
import StoreVocabulary

@testable import ControlCore

/// The laws, looked at after every step.
extension ClusterWorld {
    /// How long a change may take to be known everywhere.
    static let noticeMilliseconds: UInt64 = 2_500

    private var areStoresSettled: Bool { isRedisUp && slowMilliseconds == 0 && laws.isSettled(now) }

    private func isSettled(_ node: Int) -> Bool {
        isAlive[node] && shells[node].isUp && shells[node].isTracking && laws.isSettled(node, now)
    }

    mutating func check() {
        notePresence()
        checkBounds()
        if carriesWords { checkSaid() }
        guard areStoresSettled else { return }
        checkOwners()
        for node in nodes.indices where isSettled(node) {
            checkWritten(node)
            checkReach(node)
        }
    }

    /// Questions are answered in time, whatever happens.
    mutating func judgeQuestions(of node: Int) {
        guard judgesQuestions else { return }
        for (question, since) in laws.lookups where question.node == node {
            let waited = now.milliseconds(since: since)
            if let outcome = nodes[node].planes[question.plane].lookups[question.number] {
                laws.longestLookupMilliseconds = max(laws.longestLookupMilliseconds, waited)
                laws.lookups[question] = nil
                note(UInt64(outcome == .unknown ? 1 : 2))
            } else {
                laws.expect(waited <= 1_000, "a lookup waits for \(waited) ms on node \(node)")
            }
        }
        for (question, since) in laws.binds where question.node == node {
            let waited = now.milliseconds(since: since)
            if nodes[node].planes[question.plane].asks[question.number] == nil {
                laws.longestBindMilliseconds = max(laws.longestBindMilliseconds, waited)
                laws.binds[question] = nil
            } else {
                laws.expect(waited <= 300, "a bind waits for \(waited) ms on node \(node)")
            }
        }
    }

    private mutating func notePresence() {
        for node in nodes.indices {
            var there: Set<UInt64> = []
            if isAlive[node] {
                for (tunnel, record) in nodes[node].core.registry.tunnels where !record.connectors.isEmpty {
                    there.insert(tunnel.low)
                }
            }
            note(there, at: node)
        }
        for (index, stock) in stocks.enumerated() { note(Set(stock.connectors.map(\.tunnel.low)), at: 100 + index) }
    }

    private mutating func note(_ there: Set<UInt64>, at place: Int) {
        for number in UInt64(1)...12 {
            let isThere = there.contains(number)
            if laws.presence[place]?[number]?.isThere != isThere {
                laws.presence[place, default: [:]][number] = (isThere, now)
            }
        }
    }

    /// One owner per name, always: of those who have a living connector for it.
    private mutating func checkOwners() {
        var owners: [String: TunnelID] = [:]
        for node in nodes.indices where isSettled(node) {
            for (name, claim) in nodes[node].core.cluster.claims.sorted(by: { $0.key.key < $1.key.key })
            where claim.standing != .asking {
                guard nodes[node].core.registry[claim.tunnel]?.connectors.isEmpty == false else { continue }
                let other = owners[name.key]
                laws.expect(
                    other == nil || other == claim.tunnel,
                    "\(name.key) has two owners at \(now.nanoseconds / 1_000_000) ms")
                owners[name.key] = claim.tunnel
            }
        }
    }

    /// What lives on a node stands in Redis: its names, and its connectors, as stock nodes need them.
    private mutating func checkWritten(_ node: Int) {
        let core = nodes[node].core
        let time = now.nanoseconds / 1_000_000
        for (name, claim) in core.cluster.claims where claim.standing == .confirmed {
            guard core.registry[claim.tunnel]?.connectors.isEmpty == false else { continue }
            let value = redis.text(Self.names, name.key)
            laws.expect(
                value == claim.tunnel.text,
                "name \(name.key) of a living tunnel is \(value ?? "gone") at \(time) ms, node \(node)")
        }
        for number in UInt64(1)...12 {
            guard let (isThere, since) = laws.presence[node]?[number], isThere,
                now.milliseconds(since: since) > 1_000
            else { continue }
            let fields = redis.hash(Self.entries, tunnel(number).text)
            let id = core.cluster.settings.node.text
            let isLiving = fields.values.contains { $0.contains(id) && wall <= Self.renew(in: $0) + Self.entrySeconds }
            laws.expect(isLiving, "tunnel \(number) of node \(node) is not registered at \(time) ms")
            laws.expect(
                redis.cells[FakeRedis.Key(database: Self.entries, name: tunnel(number).text)]?.expires != nil,
                "a hash without expiry")
        }
    }

    /// The time of an entry's renewal, without reading the rest of it.
    private static func renew(in entry: String) -> UInt64 {
        guard let start = entry.firstRange(of: "\"Renew\":")?.upperBound else { return 0 }
        return UInt64(entry[start...].prefix { $0.isNumber }) ?? 0
    }

    /// What a data plane was told of is so: every other place of the tunnel is a candidate, and none that is not.
    private mutating func checkReach(_ node: Int) {
        let time = now.nanoseconds / 1_000_000
        for plane in nodes[node].planes where plane.link != nil {
            for (tunnel, candidates) in plane.remote.sorted(by: { $0.key.low < $1.key.low }) {
                let told = candidates.compactMap { candidate in
                    plane.rows[candidate.node].map { ($0, candidate.standing) }
                }
                for other in nodes.indices where other != node && isSettled(other) {
                    guard let (isThere, since) = laws.presence[other]?[tunnel.low] else { continue }
                    let id = Self.settings(other).node
                    let good = told.contains { row, standing in
                        row.id == id && (standing == .preferred || standing == .outweighed)
                    }
                    // A node that is only told of a moment ago, or has left one ago, is not wrong yet.
                    let waited = laws.wrong(
                        ClusterLaws.Belief(node: node, plane: plane.name, tunnel: tunnel.low, other: other),
                        isThere != good, now)
                    laws.expect(
                        min(waited, now.milliseconds(since: since)) <= Self.noticeMilliseconds,
                        "node \(node) \(good ? "believes" : "does not know") for \(waited) ms that node \(other) has tunnel "
                            + "\(tunnel.low), \(time) ms")
                }
                for (index, stock) in stocks.enumerated() {
                    guard let (isThere, since) = laws.presence[100 + index]?[tunnel.low], isThere,
                        !redis.hash(Self.entries, tunnel.text).filter({ $0.value.contains(stock.id.text) }).isEmpty
                    else { continue }
                    let waited = min(now.milliseconds(since: since), now.milliseconds(since: laws.storeSettles))
                    laws.expect(
                        waited <= 22_000 || told.contains { $0.0.entrypoints.contains(stock.address) },
                        "node \(node) does not know for \(waited) ms that a stock node has tunnel \(tunnel.low), \(time) ms"
                    )
                }
            }
        }
    }

    /// Everything is bounded, whatever happens.
    private mutating func checkBounds() {
        for node in nodes.indices where isAlive[node] {
            let cluster = nodes[node].core.cluster
            for lane in cluster.lanes.values {
                laws.expect(lane.writesUnderWay <= ControlLimit.writesUnderWayMax, "too many writes under way")
                laws.expect(lane.readsUnderWay <= ControlLimit.readsUnderWayMax, "too many reads under way")
                laws.expect(lane.writesUnderWay >= 0 && lane.readsUnderWay >= 0, "more answers than questions")
                laws.expect(
                    lane.names.count == cluster.claims.values.filter { $0.standing != .asking }.count
                        || lane.id != Self.nameStore, "a name is not renewed")
            }
            laws.expect(cluster.names.count <= 64 && cluster.tunnels.count <= 24, "the mirror grows")
            laws.expect(cluster.sent.count <= 200, "batches are forgotten: \(cluster.sent.count)")
            laws.expect(cluster.binds.count <= 64 && cluster.lookups.count <= 256, "questions are forgotten")
            laws.expect(cluster.nodes.count <= 8, "nodes are forgotten")
            laws.expect(cluster.words.underWay.count <= 2, "words are forgotten")
            laws.expect(cluster.words.tunnelCount <= 16 && cluster.words.nameCount <= 64, "what was said grows")
        }
    }
}
