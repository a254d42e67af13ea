package import Model
package import PlaneLink
package import Primitives

/// A host of an ingress: what can be claimed.
package struct HostKey: Hashable, Sendable {
    package var ingress: IngressIndex
    package var host: String

    package init(ingress: IngressIndex, host: String) {
        self.ingress = ingress
        self.host = host
    }
}

/// One connector and the link it was announced on.
package struct ConnectorRecord: Sendable {
    package var bound: BoundConnector
    package var link: LinkID
}

/// One tunnel: its living connectors and the hosts it holds.
package struct TunnelRecord: Sendable {
    package var connectors: Set<ConnectorID> = []
    package var hosts: Set<HostKey> = []
    /// Without a connector: until when nobody else gets its hosts, and until when its routes stay.
    package var heldUntil = Tick.zero
    package var offlineUntil = Tick.never

    package init() {}

    /// Whether another tunnel may take a host of this one.
    package func givesWay(at now: Tick) -> Bool { connectors.isEmpty && now >= heldUntil }
}

/// Which tunnels and connectors there are. Holds no decision: it keeps the two tables in step.
package struct Registry: Sendable {
    package private(set) var tunnels: [TunnelID: TunnelRecord] = [:]
    package private(set) var connectors: [ConnectorID: ConnectorRecord] = [:]
    /// Tunnels that lost their last connector, in the order in which their routes go.
    private var offline: [(until: Tick, tunnel: TunnelID)] = []
    private var offlineStart = 0

    package init() {}

    package subscript(tunnel: TunnelID) -> TunnelRecord? { tunnels[tunnel] }

    /// Adds a connector or replaces what is known about it.
    package mutating func add(_ bound: BoundConnector, on link: LinkID) {
        if let known = connectors[bound.connector], known.bound.tunnel != bound.tunnel {
            tunnels[known.bound.tunnel]?.connectors.remove(bound.connector)
        }
        connectors[bound.connector] = ConnectorRecord(bound: bound, link: link)
        var record = tunnels[bound.tunnel] ?? TunnelRecord()
        record.connectors.insert(bound.connector)
        record.offlineUntil = .never
        tunnels[bound.tunnel] = record
    }

    /// Removes a connector. When it was its tunnel's last, the tunnel's hosts stay its own until `heldUntil` and its
    /// routes until `offlineUntil`. Gives the record, if there was one.
    package mutating func remove(
        _ connector: ConnectorID, heldUntil: Tick, offlineUntil: Tick
    ) -> ConnectorRecord? {
        guard let known = connectors.removeValue(forKey: connector) else { return nil }
        let tunnel = known.bound.tunnel
        guard var record = tunnels[tunnel] else { preconditionFailure("a connector without a tunnel") }
        record.connectors.remove(connector)
        if record.connectors.isEmpty {
            record.heldUntil = heldUntil
            record.offlineUntil = offlineUntil
            offline.append((offlineUntil, tunnel))
        }
        tunnels[tunnel] = record
        forgetReturned()
        return known
    }

    /// Notes that a host belongs to a tunnel.
    package mutating func hold(_ key: HostKey, by tunnel: TunnelID) {
        tunnels[tunnel, default: TunnelRecord()].hosts.insert(key)
    }

    package mutating func release(_ key: HostKey, by tunnel: TunnelID) { tunnels[tunnel]?.hosts.remove(key) }

    /// Tunnels that came back leave entries behind in the list: they are dropped before they outnumber the tunnels, so
    /// that a client that comes and goes cannot make it grow.
    private mutating func forgetReturned() {
        guard offline.count - offlineStart > 2 * tunnels.count + 1_024 else { return }
        offline = tunnels.filter { $0.value.connectors.isEmpty }.map { ($0.value.offlineUntil, $0.key) }
        offline.sort { $0.until < $1.until }
        offlineStart = 0
    }

    /// Entries in the list of tunnels that may go.
    package var offlineEntries: Int { offline.count - offlineStart }

    /// When the next tunnel's routes go.
    package var nextOffline: Tick? { offlineStart < offline.count ? offline[offlineStart].until : nil }

    /// Takes the next tunnel whose time without connectors is over out of the registry, with the hosts it held.
    package mutating func takeExpired(at now: Tick) -> (tunnel: TunnelID, hosts: Set<HostKey>)? {
        while offlineStart < offline.count, offline[offlineStart].until <= now {
            let (until, tunnel) = offline[offlineStart]
            offlineStart += 1
            if offlineStart > 1_024, offlineStart * 2 > offline.count {
                offline.removeFirst(offlineStart)
                offlineStart = 0
            }
            // It may have come back, or have come back and left again, which put it further behind in the list.
            guard let record = tunnels[tunnel], record.connectors.isEmpty, record.offlineUntil == until else {
                continue
            }
            tunnels[tunnel] = nil
            return (tunnel, record.hosts)
        }
        return nil
    }
}
