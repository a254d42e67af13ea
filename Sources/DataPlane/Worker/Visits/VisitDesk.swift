package import Model
import Observe
import Operations
import PlaneLink
package import Primitives
package import Wire

/// What a client process knows of its visitor services: where they lead, and how their visits fail. State only, cold; the
/// worker performs it.
package final class VisitDesk {
    /// A local port that leads to a tunnel (protocol tunnel-client §6, §7).
    package struct Service: Sendable {
        package var name: String
        package var tunnel: TunnelID
        /// Tried in turn, one that failed last. At least one.
        package var servers: [ClientDesk.Server]
        /// What is asked of the server: `host:port`, or a host alone, or nothing.
        package var destination: RelayAddress
        package var user: InlineText?
        package var password = InlineText()
        package var isUDP = false
        /// Datagrams: go on after the first answer.
        package var keepsAlive = false
        /// Datagrams: silence after which a sender's visit ends.
        package var idleMilliseconds = VisitDesk.idleMillisecondsStandard
        /// Datagrams: longer ones are dropped.
        package var datagramBytesMax = DatagramHeader.payloadMax
        /// Datagrams: senders whose visit may be opening at a time; nil is the limit's standard.
        package var backlogMax: UInt32?

        /// Nil when `destination` is none: its port is no number, or its host is longer than 255 bytes.
        package init?(name: String, tunnel: TunnelID, servers: [ClientDesk.Server], destination: String) {
            guard let address = destination.isEmpty ? .empty : RelayAddress(destination) else { return nil }
            self.name = name
            self.tunnel = tunnel
            self.servers = servers
            self.destination = address
        }
    }

    /// What people are told: visits of `service` (a position) failed so since this was last said.
    package struct Event: Sendable {
        package var service: Int
        package var failure: ClientDesk.Failure
        package var count: Int
    }

    package let services: [Service]
    /// The server that the next visit of each service tries first.
    var firstServers: [Int]
    /// Taken and cleared by whoever runs the worker.
    package var events: [Event] = []
    private var untold: [Event] = []
    private var tellAt = Tick.zero

    /// As stock clients have it.
    package static let idleMillisecondsStandard: UInt64 = 5_000
    /// Failures are told at most so often: a server that is away fails every visit.
    package static let tellMilliseconds: UInt64 = 1_000

    init(_ services: [Service]) {
        self.services = services
        firstServers = services.map { _ in 0 }
    }

    /// When something is to be told.
    var nextDeadline: Tick { untold.isEmpty ? .never : tellAt }

    /// A visit failed; equal failures are added up until they are told.
    func failed(_ service: UInt16, _ failure: ClientDesk.Failure) {
        if let known = untold.firstIndex(where: { $0.service == Int(service) && $0.failure == failure }) {
            untold[known].count += 1
        } else {
            untold.append(Event(service: Int(service), failure: failure, count: 1))
        }
    }

    /// Tells what is due.
    func report(_ now: Tick) {
        guard !untold.isEmpty, tellAt <= now else { return }
        events += untold
        untold = []
        tellAt = now.advanced(milliseconds: Self.tellMilliseconds)
    }
}
