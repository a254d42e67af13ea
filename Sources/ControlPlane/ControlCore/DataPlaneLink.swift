package import PlaneLink
package import Primitives

/// One connected data plane, from its connection to its end.
///
/// ```
/// greeting ──hello──▶ inventory ──inventoryEnd──▶ opening ──sockets are open──▶ serving
/// ```
///
/// Until `serving` it gets no deltas: the table that is sent then holds everything.
package struct DataPlaneLink: Sendable {
    /// Where a data plane stands between connecting and serving.
    package enum Phase: Equatable, Sendable {
        case greeting(until: Tick)
        case inventory(until: Tick)
        case opening
        case serving
    }

    package var phase: Phase
    package var hello: DataHello?
    package var nextPing: Tick
    package var lastHeard: Tick
    package var isFrozen = false
    /// A younger process of the same name has its sockets.
    package var isSuperseded = false
    /// It is about to end, and others have its sockets.
    package var isLeaving = false
    /// It was told what it needs to link with others.
    package var hasPeering = false
    /// Changes sent since the last full table: beyond `RouteOverlay.foldAt` a new table is sent.
    package var changesSinceTable = 0
    /// Generation of the last full table, and the last that every worker has.
    package var tableGeneration: UInt64 = 0
    package var applied: UInt64 = 0
    /// Generation of the last rules that were sent apart from claims, and whether younger ones wait for their
    /// acknowledgement.
    package var rulesSent: UInt64 = 0
    package var owesRules = false
    /// When addresses that could not be opened are tried again.
    package var listenAgain: Tick?

    /// A link that has just been accepted: its hello is awaited.
    package init(at now: Tick) {
        phase = .greeting(until: now.advanced(milliseconds: ControlLimit.helloMilliseconds))
        nextPing = now.advanced(milliseconds: ControlLimit.pingMilliseconds)
        lastHeard = now
    }

    /// Whether it accepts connections, now and later.
    package var isStaying: Bool { !isSuperseded && !isLeaving }
    package var name: String { hello?.dataPlaneName ?? "?" }
    /// Whether it asks for credentials where it is told to.
    package var speaksAccess: Bool { hello?.capabilities.contains(.access) ?? false }
    /// Whether it can be told whom to believe about addresses.
    package var speaksTrust: Bool { hello?.capabilities.contains(.trust) ?? false }
    /// Whether it forwards to other nodes.
    package var speaksCluster: Bool { hello?.capabilities.contains(.cluster) ?? false }
    /// Whether it carries words between control planes.
    package var speaksWords: Bool { hello?.capabilities.contains(.words) ?? false }
    /// Whether it keeps fixed rules in a table of their own.
    package var speaksRules: Bool { hello?.capabilities.contains(.rules) ?? false }
    package var workers: Int { Int(hello?.workers ?? 0) }

    /// The next instant at which something is due here.
    package var nextDeadline: Tick {
        var next = listenAgain ?? .never
        switch phase {
        case .greeting(let until), .inventory(let until): next = min(next, until)
        case .opening, .serving: break
        }
        return min(next, nextPing)
    }
}

/// The sockets kept for the data planes of one name.
package struct PlaneSockets: Sendable {
    /// A listener and what it is kept for.
    package struct Socket: Equatable, Sendable {
        package var listener: PlaneListener
        package var point: ListenPoint
    }

    package var sockets: [Socket] = []
    package var nextID: UInt32 = 1
    /// Since when no process of this name is there.
    package var orphanedSince: Tick?

    package init() {}
}
