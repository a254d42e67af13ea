import Model
import Observe
import PlaneLink
import Primitives
import Simulator
import Testing
import Wire
import World

@testable import Worker

/// One row of the table of limits, and how it is reached. What the one who reaches it is told is expected in `reach`;
/// counter, log and neighbour are looked at for every row alike.
struct LimitCase: Sendable, CustomTestStringConvertible {
    let limit: Limit
    let limits: [Limit: UInt64]
    var muxVersion: UInt8 = 2
    var workers = 1
    /// The tunnel ports ask for `LimitBench.user` and its password.
    var asksForLogin = false
    /// Every port takes a PROXY header.
    var takesProxyHeader = false
    /// A client's limit: reached at a client that `reach` makes, and counted and told to the log there.
    var isOfClient = false
    let reach: @Sendable (LimitBench) throws -> Void

    /// `value` of the limit itself, and of others where that makes it reachable.
    init(
        _ limit: Limit, _ value: UInt64, with others: [Limit: UInt64] = [:], muxVersion: UInt8 = 2,
        workers: Int = 1, asksForLogin: Bool = false, isOfClient: Bool = false,
        takesProxyHeader: Bool = false, reach: @escaping @Sendable (LimitBench) throws -> Void
    ) {
        self.limit = limit
        limits = others.merging([limit: value]) { $1 }
        self.muxVersion = muxVersion
        self.workers = workers
        self.asksForLogin = asksForLogin
        self.isOfClient = isOfClient
        self.takesProxyHeader = takesProxyHeader
        self.reach = reach
    }

    var testDescription: String { "\(limit)" }

    /// Every row must have a case. Rows of one subject stand together, each list in a file of its own.
    static let all: [LimitCase] =
        visitorTimes + visitorBounds + linkTimes + logins + tables + memory + arrivals + clients + cluster
}
