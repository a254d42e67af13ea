import Model
import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// What a client process wants: connections to servers, each bound to a tunnel whose streams go to local services.
/// State only, cold: the worker performs it. Names are resolved outside, by whoever runs the worker.
package final class ClientDesk {
    enum State {
        case waiting(until: Tick)
        /// The server's name is being resolved.
        case resolving(until: Tick)
        case connecting
        case bound
        /// It is not wanted any more; its place may be used again.
        case gone
    }

    struct Connection {
        var plan: Plan
        var state = State.waiting(until: .zero)
        /// Its link, from the dial on; `.max` for none.
        var link: UInt32 = .max
        /// The server that is dialled or was last, and those that failed since the last success, a bit each.
        var server = 0
        var isServerChosen = false
        var tried: UInt64 = 0
        /// Which of the server's addresses.
        var addressIndex = 0
        var failures = 0
        var templates: [String] = []
        var host = ""
        /// The key of the WebSocket upgrade that is under way.
        var key: WebSocketUpgrade.Key?
        /// Bound, and not yet announced: the server's notice says where visitors come, and is given until then.
        var announceBy = Tick.never
        /// A notice that is not complete yet.
        var notice: [UInt8] = []
        /// A failing target is told at most once until then.
        var targetToldUntil = Tick.zero
    }

    /// The services that carry local visitors to servers.
    package let visits: VisitDesk
    var connections: [Connection]
    /// Links that belong to no connection any more and end when their streams have.
    var departures: [Departure] = []
    /// Streams on the way to their target, by slot; an entry of another generation is a leftover.
    var dials: [UInt32: TargetDial] = [:]
    /// Streams among them that wait for a name, longest first.
    var awaitingNames: [UInt32] = []
    /// Taken and cleared by whoever runs the worker.
    package var events: [Event] = []
    var names = NameTable()
    var random: Random

    /// First try after a lost connection, and the longest pause between two.
    package static let retryMillisecondsFirst: UInt64 = 400
    package static let retryMillisecondsMax: UInt64 = 5_000
    /// The pause after credentials were refused: they do not become right by trying.
    package static let retryMillisecondsUnauthorized: UInt64 = 30_000
    /// How long a server of ours may take to say where visitors come.
    package static let noticeMilliseconds: UInt64 = 1_000
    /// How long a session that is asked to go and the one that takes over serve side by side: so long others may take to
    /// hear of the new one.
    package static let overlapMilliseconds: UInt64 = 1_000
    /// How long a server's name may take to be resolved.
    package static let resolveMilliseconds: UInt64 = 10_000
    /// A target that fails is told about this often.
    package static let targetToldMilliseconds: UInt64 = 1_000

    /// A desk that has dialled nothing yet; the seed gives the jitter of its retries.
    package init(plans: [Plan], visits: [VisitDesk.Service] = [], seed: UInt64) {
        self.visits = VisitDesk(visits)
        connections = plans.map { Connection(plan: $0) }
        random = Random(seed: seed)
    }

    /// What is kept up, or was, by position.
    package var plans: [Plan] { connections.map(\.plan) }

    /// Names to be resolved, since the last call.
    package func takeQuestions() -> [String] { names.takeQuestions() }

    /// When something is to be done though nothing comes.
    package var nextDeadline: Tick {
        var deadline = visits.nextDeadline
        for connection in connections {
            switch connection.state {
            case .waiting(let until), .resolving(let until): deadline = min(deadline, until)
            case .connecting, .bound, .gone: break
            }
            deadline = min(deadline, connection.announceBy)
        }
        for departure in departures { deadline = min(deadline, departure.due) }
        if let longest = awaitingNames.first, let dial = dials[longest] { deadline = min(deadline, dial.deadline) }
        return deadline
    }

    /// A name was resolved (to nothing: it could not be).
    func resolved(_ name: String, _ addresses: [SocketAddress], now: Tick) {
        names.resolved(name, addresses, now: now)
        for position in connections.indices {
            guard case .resolving = connections[position].state, server(position).host == name else { continue }
            if addresses.isEmpty {
                failed(position, .dialFailed, now: now)
            } else {
                connections[position].state = .waiting(until: now)
            }
        }
    }

    /// The server of the connection's present or last try.
    func server(_ position: Int) -> Server { connections[position].plan.servers[connections[position].server] }

    /// Chooses the server of the next try, and gives its address, or nil while its name is being resolved.
    func nextAddress(_ position: Int, now: Tick) -> SocketAddress? {
        if !connections[position].isServerChosen { chooseServer(position, now: now) }
        let server = server(position)
        guard let known = names.addresses(of: server.host, now: now) else { return nil }
        var address = known[connections[position].addressIndex % known.count]
        address.port = server.port
        return address
    }

    /// The first address of a host, or nil while it is being asked for.
    func address(_ host: String, _ port: UInt16, now: Tick) -> SocketAddress? {
        guard var address = names.addresses(of: host, now: now)?.first else { return nil }
        address.port = port
        return address
    }

    private func chooseServer(_ position: Int, now: Tick) {
        let choice = connections[position].plan.choice
        let untried = choice.selection.everyone & ~connections[position].tried
        // The same tunnel prefers the same server, wherever it comes from.
        let key = connections[position].plan.tunnel.low
        let chosen = choice.selection.choose(among: untried, key: key, &random, now: now)
        guard let chosen else { preconditionFailure("every server was tried and none is tried again") }
        connections[position].server = chosen
        connections[position].isServerChosen = true
    }

    func connecting(_ position: Int) {
        connections[position].state = .connecting
        events.append(.connecting(plan: position, server: connections[position].server))
    }

    /// The connection failed or ended. A server that was not tried since the last success and is believed to live comes
    /// at once; else there is a pause that grows. Both with jitter, so that the clients of a restarted server do not
    /// come all together. `status` is that of a BIND that was answered and refused.
    func failed(_ position: Int, _ reason: Reason, status: UInt8? = nil, now: Tick) {
        if case .gone = connections[position].state { return }
        let server = connections[position].server
        let choice = connections[position].plan.choice
        if case .bound = connections[position].state { connections[position].failures = 0 }
        choice.selection.failed(server, now: now)
        connections[position].tried |= 1 << UInt64(server)
        connections[position].addressIndex += 1
        let untried = choice.selection.everyone & ~connections[position].tried
        var pause: UInt64
        if untried != 0, choice.selection.hasLiving(among: untried, now: now) {
            pause = Self.retryMillisecondsFirst
        } else {
            let exponent = UInt64(min(connections[position].failures, 6))
            pause = min(Self.retryMillisecondsFirst << exponent, Self.retryMillisecondsMax)
            if status == RelayStatus.unauthorized.number { pause = Self.retryMillisecondsUnauthorized }
            connections[position].failures += 1
            connections[position].tried = 0
        }
        let jittered = pause / 2 + UInt64(random.below(UInt32(pause / 2 + 1)))
        events.append(
            .failed(
                plan: position, server: server, status.map { .refused(status: $0) } ?? .ended(reason),
                retryMilliseconds: jittered))
        restart(position, at: now.advanced(milliseconds: jittered))
    }

    /// The next try comes then; nothing of the last one is kept.
    func restart(_ position: Int, at instant: Tick) {
        connections[position].link = .max
        connections[position].isServerChosen = false
        connections[position].key = nil
        connections[position].templates = []
        connections[position].notice = []
        connections[position].announceBy = .never
        connections[position].state = .waiting(until: instant)
    }

    /// The server granted the host. `awaitsNotice`: it will say in a moment where visitors come.
    func bound(_ position: Int, host: String, awaitsNotice: Bool, now: Tick) {
        connections[position].state = .bound
        connections[position].host = host
        connections[position].failures = 0
        connections[position].tried = 0
        connections[position].plan.choice.selection.succeeded(connections[position].server)
        if awaitsNotice, connections[position].templates.isEmpty {
            connections[position].announceBy = now.advanced(milliseconds: Self.noticeMilliseconds)
        } else {
            announce(position)
        }
    }

    /// Says where the tunnel is reachable.
    func announce(_ position: Int) {
        connections[position].announceBy = .never
        let connection = connections[position]
        events.append(
            .bound(
                plan: position, host: connection.host,
                urls: connection.templates.map { ClientDesk.fill($0, connection.host) }))
    }

    /// A visitor found no service behind the connection; told once in a while.
    func targetFailed(_ connection: UInt32, _ reason: Reason, now: Tick) {
        guard connection != .max, connections[Int(connection)].targetToldUntil <= now else { return }
        connections[Int(connection)].targetToldUntil = now.advanced(milliseconds: Self.targetToldMilliseconds)
        events.append(.targetUnreachable(plan: Int(connection), reason))
    }

    /// A URL template of the server with the label in its place.
    static func fill(_ template: String, _ host: String) -> String {
        guard let star = template.firstIndex(of: "*") else { return template }
        return template[..<star] + host + template[template.index(after: star)...]
    }
}
