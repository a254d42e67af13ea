package import Model
internal import PlaneLink
package import Primitives
package import Settings

/// The control plane as a pure machine: events in, effects out; no I/O, no clock, nothing asynchronous.
///
/// It knows the data planes that are connected, the tunnels and connectors that live on them and who holds which host,
/// decides binds, and keeps every data plane's routing table equal to its own. What it cannot do itself it asks of the
/// shell: sockets, files, bytes.
package struct ControlCore: Sendable {
    package let plan: NodePlan
    /// New at every start.
    package let nodeEpoch: UInt64
    package internal(set) var ingresses: [Ingress]
    package internal(set) var registry = Registry()
    package internal(set) var links: [LinkID: DataPlaneLink] = [:]
    /// By the data plane's name.
    package internal(set) var sockets: [String: PlaneSockets] = [:]
    /// Of the routing table: grows with every change.
    package internal(set) var generation: UInt64 = 1
    package internal(set) var tally = ControlTally()
    /// Names and connectors in the stores, and the mirror of other nodes; empty for a node on its own.
    package internal(set) var cluster: Cluster
    /// Of all routing tables, so that a host is hashed once for both: kernel randomness.
    package let tableSeed: UInt64
    /// The key of the digests below: kernel randomness.
    let credentialKey: CredentialKey
    /// What files of credentials hold, by auther.
    var files: [Int: [Credential]] = [:]
    var credentialTables: [[CredentialDigest]] = []

    /// Changes of the routes that no data plane has heard of yet.
    var changes: [RouteChange] = []
    var effects: [ControlEffect] = []
    /// The fixed rules in force.
    package internal(set) var rules: RuleTable
    /// With which generation they were sent.
    package internal(set) var rulesGeneration: UInt64 = 1
    /// Routes of bound tunnels, and the bytes they take in a table.
    var dynamicRoutes = 0
    var dynamicEntryBytes = 0

    /// A core that knows its configuration and nobody yet; throws when the configuration cannot be served.
    package init(
        _ configuration: ServerConfiguration, nodeName: String, nodeEpoch: UInt64, credentialKey: CredentialKey,
        tableSeed: UInt64, cluster: ClusterSettings = ClusterSettings()
    ) throws(NodePlanFault) {
        plan = try NodePlan(configuration, nodeName: nodeName)
        self.nodeEpoch = nodeEpoch
        self.credentialKey = credentialKey
        self.cluster = Cluster(cluster, epoch: nodeEpoch)
        for table in configuration.ingresses {
            for rule in table.rules where rule.host.isEmpty || rule.host.utf8.count > RouteKey.bytesMax {
                throw .badRule(ingress: table.name, host: rule.host)
            }
        }
        let count = configuration.ingresses.reduce(0) { $0 + $1.rules.count }
        guard count <= ControlLimit.rulesMax else { throw .tooMany(what: "host rules", limit: ControlLimit.rulesMax) }
        let rules = RuleTable(inline: configuration.ingresses, seed: tableSeed)
        self.rules = rules
        self.tableSeed = tableSeed
        ingresses = configuration.ingresses.enumerated().map { index, table in
            Ingress(index: IngressIndex(UInt16(index)), table: table, rules: rules)
        }
        credentialTables = makeTables()
        guard credentialTables.reduce(0, { $0 + $1.count }) <= ControlLimit.credentialsMax else {
            throw .tooMany(what: "credentials", limit: ControlLimit.credentialsMax)
        }
    }

    /// Handles one event and gives what has to be done, in order. `now` never goes back.
    package mutating func handle(_ event: ControlEvent, now: Tick) -> [ControlEffect] {
        switch event {
        case .connected(let link): connected(link, now: now)
        case .disconnected(let link, let end): disconnected(link, end, now: now)
        case .received(let link, let message): received(message, from: link, now: now)
        case .listenersOpened(let link, let opened, let failed):
            listenersOpened(link, opened, failed, now: now)
        case .credentialsRead(let auther, let credentials): credentialsRead(auther, credentials)
        case .rulesRead(let table): rulesRead(table)
        case .store(let event): storeTold(event, now: now)
        case .wallTime(let seconds):
            cluster.wallSeconds = seconds
            cluster.wallAt = now
        case .tick: tick(now: now)
        }
        attendStores(now: now)
        attendWords(now: now)
        publish()
        let done = effects
        effects = []
        return done
    }

    /// The next instant at which `tick` is due.
    package var nextDeadline: Tick {
        // What a store would have to be asked for again is not forgotten while it is away.
        var next = registry.nextOffline.map { max($0, forgetsAt) } ?? .never
        next = min(next, cluster.nextDeadline)
        for link in links.values { next = min(next, link.nextDeadline) }
        // Sockets wait for ever where nobody else serves.
        guard isServing else { return next }
        for kept in sockets.values {
            guard let since = kept.orphanedSince else { continue }
            next = min(next, since.advanced(milliseconds: ControlLimit.successorGraceMilliseconds))
        }
        return next
    }

    /// Whether some data plane has sockets and table.
    var isServing: Bool { links.values.contains { $0.phase == .serving && $0.isStaying } }

    private mutating func tick(now: Tick) {
        for link in links.keys.sorted(by: { $0.rawValue < $1.rawValue }) { attend(to: link, now: now) }
        dropOrphanedSockets(now: now)
        guard now >= forgetsAt else { return }
        while let (tunnel, hosts) = registry.takeExpired(at: now) {
            releaseNames(of: tunnel, now: now)
            for key in hosts { removeRoute(key, of: tunnel) }
            if cluster.releases[tunnel] == nil { forgetOwn(tunnel) }
        }
    }

    /// From when on tunnels that are gone from here may be forgotten: when every store can be asked for them.
    private var forgetsAt: Tick {
        cluster.lanes.values.reduce(.zero) { max($0, $1.isUp ? $1.graceUntil : .never) }
    }

    mutating func note(_ severity: Severity, _ message: String, _ fields: KeyValuePairs<String, String> = [:]) {
        effects.append(.log(ControlNote(severity, message, fields)))
    }
}
