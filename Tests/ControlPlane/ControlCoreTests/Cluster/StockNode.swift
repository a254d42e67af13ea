import ControlCore
import Model
import Primitives
import StoreVocabulary

/// A stock GOST node with gost-plugins before the same Redis (protocol ingress-sd-plugins §5): its names are set once, its
/// connectors registered once and renewed every 15 s, where they are still there.
struct StockNode {
    static let renewMilliseconds: UInt64 = 15_000
    let id: NodeID
    let address: String
    var connectors: [(tunnel: TunnelID, connector: ConnectorID)] = []
    var renewAt: Tick

    init(number: UInt64, now: Tick) {
        id = NodeID(high: 0x5100, low: number)
        address = "10.9.0.\(number):80"
        renewAt = now.advanced(milliseconds: StockNode.renewMilliseconds)
    }

    private func entry(_ wall: UInt64) -> String {
        "{\"Node\":\"\(id.text)\",\"Network\":\"tcp\",\"Address\":\"\(address)\",\"Renew\":\(wall)}"
    }

    mutating func bind(
        _ tunnel: TunnelID, _ connector: ConnectorID, host: String?, redis: inout FakeRedis, wall: UInt64, now: Tick,
        names: Int, entries: Int
    ) {
        for name in [endpoint(tunnel), host].compactMap({ $0 }) {
            _ = redis.execute(
                StoreCommand("SET", name, tunnel.text, "EX", "3600", "NX"), database: names, now: now)
        }
        _ = redis.execute(StoreCommand("HSET", tunnel.text, connector.text, entry(wall)), database: entries, now: now)
        _ = redis.execute(StoreCommand("EXPIRE", tunnel.text, "60"), database: entries, now: now)
        connectors.append((tunnel, connector))
    }

    mutating func leave(_ index: Int, redis: inout FakeRedis, now: Tick, entries: Int) {
        let (tunnel, connector) = connectors.remove(at: index)
        _ = redis.execute(StoreCommand("HDEL", tunnel.text, connector.text), database: entries, now: now)
    }

    mutating func renew(redis: inout FakeRedis, wall: UInt64, now: Tick, entries: Int) {
        renewAt = now.advanced(milliseconds: StockNode.renewMilliseconds)
        for (tunnel, connector) in connectors {
            let known = redis.execute(StoreCommand("HGET", tunnel.text, connector.text), database: entries, now: now)
            guard case .bytes = known else { continue }
            _ = redis.execute(
                StoreCommand("HSET", tunnel.text, connector.text, entry(wall)), database: entries, now: now)
            _ = redis.execute(StoreCommand("EXPIRE", tunnel.text, "60"), database: entries, now: now)
        }
    }

    /// What a stock node would forward to (plugin's Get): addresses of the entries that are young enough.
    static func get(_ tunnel: TunnelID, redis: FakeRedis, wall: UInt64, entries: Int) -> [String] {
        redis.hash(entries, tunnel.text).values.compactMap { value in
            guard let entry = DiscoveryEntry(Array(value.utf8)), wall <= entry.renew + 60 else { return nil }
            return entry.address
        }
    }
}
