import Primitives
import StoreVocabulary

@testable import ControlCore

/// What can go wrong with Redis, with the ways to it, and with the nodes.
extension ClusterWorld {
    mutating func cutTracking(_ node: Int, milliseconds: UInt64) {
        guard shells[node].isTracking else { return }
        shells[node].isTracking = false
        laws.settle(node, at: .never)
        for store in [Self.nameStore, Self.entryStore] { tell(node, .store(.trackingLost(store))) }
        events.put(.track(node: node), at: now.advanced(milliseconds: milliseconds))
    }

    mutating func stopRedis(milliseconds: UInt64, losesData: Bool) {
        guard isRedisUp else { return }
        isRedisUp = false
        laws.settleAll(at: .never)
        if losesData { redis.flush() }
        for node in nodes.indices where isAlive[node] { disconnect(node) }
        events.put(.redisReturns, at: now.advanced(milliseconds: milliseconds))
    }

    mutating func flushRedis() {
        guard isRedisUp else { return }
        redis.flush()
        laws.settleAll(at: now.advanced(milliseconds: 5_000))
        for node in nodes.indices where isAlive[node] && shells[node].isTracking {
            for store in [Self.nameStore, Self.entryStore] { tell(node, .store(.flushed(store))) }
        }
    }

    mutating func slowRedis(to delay: UInt64, milliseconds: UInt64) {
        guard isRedisUp, slowMilliseconds == 0 else { return }
        slowMilliseconds = delay
        laws.settleAll(at: .never)
        events.put(.quicken, at: now.advanced(milliseconds: milliseconds))
    }

    /// The control plane of a node ends and another takes its place; the data planes live on.
    mutating func restartControl(_ node: Int) throws {
        guard isAlive[node] else { return }
        laws.settle(node, at: now.advanced(milliseconds: 6_000))
        shells[node] = Shell(connection: shells[node].connection + 1, tracking: shells[node].tracking + 1)
        nodes[node].now = now
        for plane in nodes[node].planes.indices {
            // Binds under way are answered by the data planes alone.
            nodes[node].cut(plane, dies: false)
            nodes[node].planes[plane].forgetOthers()
        }
        try nodes[node].restartControl()
        laws.forgetQuestions(of: node)
        begin(node)
        events.put(.connect(node: node), at: later(UInt64(random.below(300_000_000))))
        for plane in nodes[node].planes.indices where !nodes[node].planes[plane].isDead {
            events.put(.reconnect(node: node, plane: plane), at: later(UInt64(random.below(1_500_000_000))))
        }
    }

    /// The whole node dies, with everything that lives on it, and starts anew after a while.
    mutating func kill(_ node: Int, milliseconds: UInt64) {
        guard isAlive[node] else { return }
        isAlive[node] = false
        laws.settle(node, at: .never)
        shells[node] = Shell(connection: shells[node].connection + 1, tracking: shells[node].tracking + 1)
        for plane in nodes[node].planes.indices {
            nodes[node].planes[plane].link = nil
            nodes[node].planes[plane].isDead = true
            nodes[node].planes[plane].connectors = [:]
            nodes[node].planes[plane].remote = [:]
            nodes[node].planes[plane].asks = [:]
        }
        laws.forgetQuestions(of: node)
        events.put(.restart(node: node), at: now.advanced(milliseconds: milliseconds))
    }

    mutating func restart(_ node: Int) {
        isAlive[node] = true
        laws.settle(node, at: now.advanced(milliseconds: 8_000))
        nodes[node].now = now
        do { try nodes[node].restartControl() } catch { preconditionFailure("a core that started before does not") }
        begin(node)
        nodes[node].planes = []
        for plane in 0..<(node == 0 ? 2 : 1) { startPlane(node, "data-\(plane)") }
        events.put(.connect(node: node), at: later(UInt64(random.below(300_000_000))))
    }
}
