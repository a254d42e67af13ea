internal import Model
internal import PlaneLink
internal import Primitives
internal import StoreVocabulary

/// Names that are given up: their tunnel is gone from here, and service discovery shows it nowhere else. What cannot be
/// known is left to expire.
extension ControlCore {
    /// The tunnel is gone from here: its names are given up, unless others have it.
    mutating func releaseNames(of tunnel: TunnelID, now: Tick) {
        guard let names = cluster.namesOf[tunnel] else { return }
        var held: [HeldName] = []
        for name in names {
            if let claim = cluster.claims[name], claim.standing == .confirmed {
                held.append(HeldName(name: name, renewedAt: claim.renewedAt))
            }
            forget(name, of: tunnel)
        }
        release(held, of: tunnel, now: now)
    }

    /// Gives up names whose tunnel nobody else has. Without a service discovery nobody can say: they are left to expire.
    mutating func release(_ held: [HeldName], of tunnel: TunnelID, now: Tick) {
        let discoveries = cluster.discoveryStores
        guard !held.isEmpty, !discoveries.isEmpty else { return }
        guard cluster.releases.count < ControlLimit.releasesMax || cluster.releases[tunnel] != nil else {
            return cluster.tally.refuse(.releases)
        }
        cluster.releases[tunnel, default: []] += held
        for store in discoveries { readTunnel(TunnelKey(store: store, tunnel: tunnel), now: now) }
    }

    /// What service discovery says of a tunnel whose names wait to be given up.
    mutating func judgeReleases(of tunnel: TunnelID, now: Tick) {
        guard let held = cluster.releases[tunnel] else { return }
        let keys = cluster.discoveryStores.map { TunnelKey(store: $0, tunnel: tunnel) }
        guard keys.allSatisfy({ cluster.tunnels[$0]?.isAsked != true }) else { return }
        cluster.releases[tunnel] = nil
        defer { if isAway(tunnel) { forgetOwn(tunnel) } }
        let isElsewhere =
            cluster.words.isSaid(tunnel) || keys.contains { cluster.tunnels[$0]?.connectors.isEmpty == false }
        // A store that has just returned may not have heard of the others yet.
        guard !isElsewhere, cluster.lanes.values.allSatisfy({ !$0.isReturning(at: now) }) else { return }
        for store in cluster.stores {
            let names = held.filter {
                cluster.claims[$0.name] == nil && nameStore(of: Int($0.name.ingress.rawValue)) == store
            }
            guard let lane = cluster.lanes[store], lane.isUp, !names.isEmpty else { continue }
            let arguments = names.flatMap { name -> [[UInt8]] in
                // Somebody who renewed it after us has it longer than this.
                let age = now.milliseconds(since: name.renewedAt)
                let left = lane.expirationSeconds * 1_000
                return [tunnel.bytes, Array("\(left > age ? left - age + 1 : 1)".utf8)]
            }
            let keys = names.map { Array($0.name.key.utf8) }
            send(.release, to: store, [StoreScript.command(StoreScript.release, keys: keys, arguments)])
        }
    }
}
