package import Model
import Observe
import Operations
import PlaneLink
package import Primitives
import Wire

/// What a client process wants: connections to servers, each bound to a tunnel whose streams go to a local service.
/// State only, cold: the worker performs it. Names are resolved outside, by whoever runs the worker.
package final class ClientDesk {
    /// A server as it is dialled.
    package struct Server: Sendable {
        package var host: String
        package var port: UInt16
        package var isWebSocket: Bool
        package var path: InlineText
        package var hostHeader: InlineText
        /// `.records` in tests only.
        package var cipher = LinkCipher.Kind.none

        package init(host: String, port: UInt16, isWebSocket: Bool, path: InlineText, hostHeader: InlineText) {
            self.host = host
            self.port = port
            self.isWebSocket = isWebSocket
            self.path = path
            self.hostHeader = hostHeader
        }
    }

    /// One connection that is to be kept up.
    package struct Plan: Sendable {
        package var name: String
        package var tunnel: TunnelID
        package var servers: [Server]
        package var requestedHost = InlineText()
        package var requestedPort: UInt16 = 0
        package var weight: UInt8 = 0
        package var muxVersion: UInt8 = 2
        /// The target takes datagrams (`rudp`).
        package var isUDP = false
        package var user: InlineText?
        package var password = InlineText()
        package var targetHost: String
        package var targetPort: UInt16

        package init(name: String, tunnel: TunnelID, servers: [Server], targetHost: String, targetPort: UInt16) {
            self.name = name
            self.tunnel = tunnel
            self.servers = servers
            self.targetHost = targetHost
            self.targetPort = targetPort
        }
    }

    /// What people are told. `plan` is the position in `plans`.
    package enum Event: Sendable {
        /// `server` is the position among the plan's servers.
        case connecting(plan: Int, server: Int)
        /// The server granted a host; the URLs are those it announced, filled in.
        case bound(plan: Int, host: String, urls: [String])
        /// A session ended or could not be made; the next try follows.
        case failed(plan: Int, Failure, retryMilliseconds: UInt64)
        /// A visitor came and the local service did not answer.
        case targetUnreachable(plan: Int, Reason)
    }

    /// Why a connection did not come to be, or ended.
    package enum Failure: Sendable, Equatable {
        /// The server answered the BIND with this relay status.
        case refused(status: UInt8)
        case ended(Reason)
    }

    enum State {
        case waiting(until: Tick)
        /// The server's name is being resolved.
        case resolving
        case connecting
        case bound
    }

    struct Connection {
        var state = State.waiting(until: .zero)
        var server = 0
        var failures = 0
        var templates: [String] = []
        var host = ""
        /// The key of the WebSocket upgrade that is under way.
        var key: WebSocketUpgrade.Key?
        /// Bound, and not yet announced: the server's notice says where visitors come, and is given until then.
        var announceBy = Tick.never
        /// A notice that is not complete yet.
        var notice: [UInt8] = []
    }

    package let plans: [Plan]
    /// The services that carry local visitors to servers.
    package let visits: VisitDesk
    var connections: [Connection]
    /// Taken and cleared by whoever runs the worker.
    package var events: [Event] = []
    /// Names to be resolved, taken and cleared by whoever runs the worker.
    package var questions: [String] = []
    private var addresses: [String: (address: SocketAddress, until: Tick)] = [:]
    private var asked: Set<String> = []
    private var random: Random

    /// First try after a lost connection, and the longest pause between two.
    package static let retryMillisecondsFirst: UInt64 = 400
    package static let retryMillisecondsMax: UInt64 = 5_000
    /// How long a server of ours may take to say where visitors come.
    package static let noticeMilliseconds: UInt64 = 1_000
    /// How long a resolved name is believed.
    package static let addressMilliseconds: UInt64 = 30_000

    /// A desk that has dialled nothing yet; the seed gives its instance number and the jitter of its retries.
    package init(plans: [Plan], visits: [VisitDesk.Service] = [], seed: UInt64) {
        self.plans = plans
        self.visits = VisitDesk(visits)
        connections = plans.map { _ in Connection() }
        random = Random(seed: seed)
    }

    /// When the next connection is to be dialled.
    package var nextDeadline: Tick {
        var deadline = visits.nextDeadline
        for connection in connections {
            if case .waiting(let until) = connection.state { deadline = min(deadline, until) }
            deadline = min(deadline, connection.announceBy)
        }
        return deadline
    }

    /// A name was resolved (nil: it could not be).
    package func resolved(_ name: String, _ address: SocketAddress?, now: Tick) {
        asked.remove(name)
        if let address {
            addresses[name] = (address, now.advanced(milliseconds: Self.addressMilliseconds))
        }
        for position in connections.indices {
            guard case .resolving = connections[position].state, server(position).host == name else { continue }
            if address == nil {
                failed(position, .dialFailed, now: now)
            } else {
                connections[position].state = .waiting(until: now)
            }
        }
    }

    /// The address of a host, or nil while it is being asked for. An old answer is used while a new one is fetched.
    func address(_ host: String, _ port: UInt16, now: Tick) -> SocketAddress? {
        if host.isEmpty || host == "localhost" { return SocketAddress(ipv4: 0x7F00_0001, port: port) }
        if let literal = SocketAddress(host: host, port: port) { return literal }
        if let known = addresses[host] {
            if known.until <= now { ask(host) }
            return SocketAddress(high: known.address.high, low: known.address.low, port: port)
        }
        ask(host)
        return nil
    }

    private func ask(_ host: String) {
        if asked.insert(host).inserted { questions.append(host) }
    }

    func server(_ position: Int) -> Server {
        plans[position].servers[connections[position].server % plans[position].servers.count]
    }

    func connecting(_ position: Int) {
        connections[position].state = .connecting
        events.append(
            .connecting(plan: position, server: connections[position].server % plans[position].servers.count))
    }

    /// The connection failed or ended: the next server, after a pause that grows, with jitter so that the clients of a
    /// restarted server do not come all at once. `status` is that of a BIND that was answered and refused.
    func failed(_ position: Int, _ reason: Reason, status: UInt8? = nil, now: Tick) {
        if case .bound = connections[position].state { connections[position].failures = 0 }
        let exponent = UInt64(min(connections[position].failures, 6))
        let pause = min(Self.retryMillisecondsFirst << exponent, Self.retryMillisecondsMax)
        let jittered = pause / 2 + UInt64(random.below(UInt32(pause / 2 + 1)))
        events.append(
            .failed(
                plan: position, status.map { .refused(status: $0) } ?? .ended(reason), retryMilliseconds: jittered))
        connections[position].failures += 1
        connections[position].server += 1
        connections[position].templates = []
        connections[position].announceBy = .never
        connections[position].state = .waiting(until: now.advanced(milliseconds: jittered))
    }

    /// The server granted the host. `awaitsNotice`: it will say in a moment where visitors come.
    func bound(_ position: Int, host: String, awaitsNotice: Bool, now: Tick) {
        connections[position].state = .bound
        connections[position].host = host
        connections[position].failures = 0
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

    /// A URL template of the server with the label in its place.
    static func fill(_ template: String, _ host: String) -> String {
        guard let star = template.firstIndex(of: "*") else { return template }
        return template[..<star] + host + template[template.index(after: star)...]
    }
}
