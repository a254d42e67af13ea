import Model
import Primitives
import Settings
import Worker

/// Which tunnels run as which connections of the worker, and how that follows a configuration that changes: what is
/// still wanted goes on untouched, what only leads elsewhere keeps its connections, what is carried differently gets new
/// connections before the old ones leave, what is gone leaves.
struct TunnelRoster {
    private struct Running {
        /// Never used twice in a process.
        let key: Int
        var tunnel: ExposedTunnel
        var targets: TargetGroup
        let choice: ClientDesk.ServerChoice
        /// Of its connections, in their order, the worker's positions.
        var positions: [Int] = []
    }

    /// Connections that leave when those of another tunnel stand, or then.
    private struct Predecessor {
        let successor: Int
        var positions: [Int]
        let until: Tick
    }

    private var running: [Running] = []
    private var predecessors: [Predecessor] = []
    private var owners: [Int: (key: Int, connection: Int)] = [:]
    private var nextKey = 0
    /// What people are told, in order; taken by the runner.
    private(set) var statuses: [TunnelStatus] = []

    /// How long a tunnel that was changed keeps its old connections when the new ones are not granted.
    static let handoverMilliseconds: UInt64 = 15_000

    /// When the next predecessor leaves at the latest.
    var nextDeadline: Tick { predecessors.reduce(.never) { min($0, $1.until) } }

    mutating func takeStatuses() -> [TunnelStatus] {
        defer { statuses = [] }
        return statuses
    }

    // MARK: The configuration

    /// From now on these tunnels are wanted, and no others.
    mutating func apply(_ tunnels: [ExposedTunnel], to worker: inout Worker, now: Tick) {
        var former = running
        running = []
        // Those that need no new connection first, so that nothing else takes their place.
        var kept: [Int: Running] = [:]
        for (index, tunnel) in tunnels.enumerated() {
            let same = former.firstIndex { tunnel.isCarried(as: $0.tunnel) && tunnel.name == $0.tunnel.name }
            guard let position = same ?? former.firstIndex(where: { tunnel.isCarried(as: $0.tunnel) }) else { continue }
            kept[index] = former.remove(at: position)
        }
        for (index, tunnel) in tunnels.enumerated() {
            if let known = kept[index] {
                running.append(update(known, to: tunnel, &worker))
            } else if let position = former.firstIndex(where: { $0.tunnel.name == tunnel.name }) {
                replace(former.remove(at: position), by: start(tunnel, &worker), &worker, now)
            } else {
                _ = start(tunnel, &worker)
            }
        }
        for gone in former { remove(gone, &worker) }
    }

    /// A new tunnel; its key.
    private mutating func start(_ tunnel: ExposedTunnel, _ worker: inout Worker) -> Int {
        var new = Running(key: nextKey, tunnel: tunnel, targets: tunnel.targets.group, choice: tunnel.choice)
        nextKey += 1
        tell(new, 0, .added)
        connect(&new, &worker)
        running.append(new)
        return new.key
    }

    /// As many connections as are wanted.
    private mutating func connect(_ tunnel: inout Running, _ worker: inout Worker) {
        let wanted = max(tunnel.tunnel.connections, 1)
        while tunnel.positions.count < wanted {
            let position = worker.addConnection(tunnel.tunnel.plan(tunnel.targets, tunnel.choice))
            owners[position] = (tunnel.key, tunnel.positions.count)
            tunnel.positions.append(position)
        }
        while tunnel.positions.count > wanted {
            let position = tunnel.positions.removeLast()
            leave([position], serves: false, &worker)
            tell(tunnel, tunnel.positions.count, .left)
        }
    }

    private mutating func update(_ known: Running, to tunnel: ExposedTunnel, _ worker: inout Worker) -> Running {
        var known = known
        let isNews = known.tunnel != tunnel
        if known.tunnel.targets != tunnel.targets {
            known.targets = tunnel.targets.group
            for position in known.positions { worker.setTargets(position, known.targets) }
        }
        known.tunnel = tunnel
        if isNews { tell(known, 0, .changed) }
        connect(&known, &worker)
        return known
    }

    private mutating func replace(_ old: Running, by key: Int, _ worker: inout Worker, _ now: Tick) {
        tell(old, 0, .replaced)
        let waiting = predecessors.firstIndex { $0.successor == old.key }
        var positions = old.positions
        if let waiting {
            // It never stood itself: what stands before it goes on standing.
            leave(positions, serves: true, &worker)
            positions = predecessors.remove(at: waiting).positions
        }
        for position in positions { owners[position] = nil }
        predecessors.append(
            Predecessor(
                successor: key, positions: positions,
                until: now.advanced(milliseconds: TunnelRoster.handoverMilliseconds)))
    }

    private mutating func remove(_ gone: Running, _ worker: inout Worker) {
        leave(gone.positions, serves: false, &worker)
        if let waiting = predecessors.firstIndex(where: { $0.successor == gone.key }) {
            leave(predecessors.remove(at: waiting).positions, serves: false, &worker)
        }
        tell(gone, 0, .removed)
    }

    private mutating func leave(_ positions: [Int], serves: Bool, _ worker: inout Worker) {
        for position in positions {
            owners[position] = nil
            worker.leaveConnection(position, serves: serves)
        }
    }

    // MARK: What happens

    /// Lets the predecessors go whose time is over. True when something changed.
    mutating func advance(_ worker: inout Worker, now: Tick) -> Bool {
        let late = predecessors.filter { $0.until <= now }
        guard !late.isEmpty else { return false }
        predecessors.removeAll { $0.until <= now }
        for predecessor in late { leave(predecessor.positions, serves: true, &worker) }
        return true
    }

    /// Tells what the worker's desk noted, and lets predecessors go. True when something changed.
    mutating func note(_ event: ClientDesk.Event, _ worker: inout Worker) -> Bool {
        switch event {
        case .connecting(let plan, let server):
            tell(plan) { .connecting($0.servers[server]) }
        case .bound(let plan, let host, let urls):
            tell(plan) { _ in .bound(host: host, urls: urls) }
            guard let key = owners[plan]?.key,
                let waiting = predecessors.firstIndex(where: { $0.successor == key })
            else { return false }
            leave(predecessors.remove(at: waiting).positions, serves: true, &worker)
            return true
        case .failed(let plan, let server, let failure, let retryMilliseconds):
            tell(plan) {
                .lost($0.servers[server], reason: failure.text, retryMilliseconds: retryMilliseconds)
            }
        case .targetUnreachable(let plan, let reason):
            tell(plan) { _ in .targetUnreachable(reason: reason.targetText) }
        case .sentAway(let plan):
            tell(plan) { _ in .sentAway }
        }
        return false
    }

    /// A position that nobody owns belongs to a predecessor: nobody cares.
    private mutating func tell(_ position: Int, _ change: (ExposedTunnel) -> TunnelStatus.Change) {
        guard let owner = owners[position], let tunnel = running.first(where: { $0.key == owner.key }) else { return }
        tell(tunnel, owner.connection, change(tunnel.tunnel))
    }

    private mutating func tell(_ tunnel: Running, _ connection: Int, _ change: TunnelStatus.Change) {
        statuses.append(
            TunnelStatus(key: tunnel.key, tunnel: tunnel.tunnel, connection: connection, change: change))
    }
}
