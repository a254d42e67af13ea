import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// One row of the table of attacks: who does what, what bounds it, why it ends, how much of a worker's memory it may hold,
/// and how long somebody else may wait meanwhile. docs/attacks.md is generated from the rows, and every row is played.
struct Attack: Sendable, CustomTestStringConvertible {
    enum Attacker: String, Sendable {
        /// Whoever reaches a port; nothing is known of him yet.
        case anybody
        case visitor
        case client = "tunnel client"
        /// The service behind an honest tunnel client.
        case origin
    }

    let name: String
    let attacker: Attacker
    /// What is counted, and told to the log; nil where the attack costs only the attacker and nothing has to end.
    let reason: Reason?
    /// The rows of the table of limits that bound it; where there are none, the protocol's own rules do.
    let limits: [Limit]
    /// Values of limits that make it short enough for a test.
    let settings: [Limit: UInt64]
    var takesProxyHeader = false
    var capabilities: RelayCapabilities = []
    /// Most buffers of a worker (16 KiB each) that hold anybody's bytes while it lasts.
    let buffersMax: Int
    /// Longest wait of somebody else, who has a tunnel of his own and asks all the time; undisturbed it is 2 ms.
    let waitMaxMilliseconds: UInt64
    let act: @Sendable (LimitBench) throws -> Void

    init(
        _ name: String, by attacker: Attacker, _ reason: Reason?, _ limits: [Limit] = [],
        with settings: [Limit: UInt64] = [:], takesProxyHeader: Bool = false, capabilities: RelayCapabilities = [],
        buffersMax: Int = 64, waitMaxMilliseconds: UInt64 = 20, act: @escaping @Sendable (LimitBench) throws -> Void
    ) {
        self.name = name
        self.attacker = attacker
        self.reason = reason
        self.limits = limits
        self.settings = Attack.patience.merging(settings) { $1 }
        self.takesProxyHeader = takesProxyHeader
        self.capabilities = capabilities
        self.buffersMax = buffersMax
        self.waitMaxMilliseconds = waitMaxMilliseconds
        self.act = act
    }

    var testDescription: String { name }

    /// Deadlines short enough for a test, and no more of anything than standard.
    private static let patience: [Limit: UInt64] = [
        .handshakeTimeoutMilliseconds: 2_000, .headTimeoutMilliseconds: 2_000, .firstByteTimeoutMilliseconds: 2_000,
        .helloTimeoutMilliseconds: 2_000, .proxyHeaderTimeoutMilliseconds: 2_000, .bodyIdleMilliseconds: 2_000,
        .answerHeadTimeoutMilliseconds: 2_000, .controlQueueBytesMax: 16_384, .carrierQueueBytesMax: 16_384,
    ]

    /// The table.
    static let all =
        HostilePeerTests.slow + HostilePeerTests.crowds + HostilePeerTests.readers + HostilePeerTests.halfOpen
        + HostilePeerTests.floods + HostilePeerTests.streams + HostilePeerTests.origins + HostilePeerTests.noise
}
