/// The two halves of version 2's credit per stream (protocol mux §4.2). Counters run modulo 2³²; version 1 has none.
package enum SmuxWindow {
    /// What either side may send before the first update, in bytes.
    package static var initialBytes: UInt32 { @_noLocks get { 262_144 } }
}

/// What we may still send on a stream.
package struct SmuxSendWindow: Equatable, Sendable, BitwiseCopyable {
    /// Bytes sent.
    package private(set) var written: UInt32 = 0
    /// Bytes the peer said it has delivered.
    package private(set) var peerConsumed: UInt32 = 0
    /// How far the peer lets us go beyond what it has delivered.
    package private(set) var peerWindow: UInt32 = SmuxWindow.initialBytes

    @_noLocks package init() {}

    /// Bytes sent and not yet delivered.
    package var inFlight: UInt32 { @_noLocks get { written &- peerConsumed } }

    /// Bytes that may be sent now.
    package var allowed: UInt32 { @_noLocks get { peerWindow > inFlight ? peerWindow &- inFlight : 0 } }

    /// Counts bytes as sent; never more than `allowed`.
    @_noLocks package mutating func spend(_ count: UInt32) {
        precondition(count <= allowed, "sent past the peer's window")
        written = written &+ count
    }

    /// Takes a window update; false when the peer claims to have consumed what was never sent, which is its fault.
    @_noLocks package mutating func update(consumed: UInt32, window: UInt32) -> Bool {
        guard Int32(bitPattern: written &- consumed) >= 0 else { return false }
        peerConsumed = consumed
        peerWindow = window
        return true
    }
}

/// What the peer may still send on a stream, and when to tell it of more.
package struct SmuxReceiveWindow: Equatable, Sendable, BitwiseCopyable {
    /// Bytes received.
    package private(set) var received: UInt32 = 0
    /// Bytes delivered onwards.
    package private(set) var consumed: UInt32 = 0
    /// The furthest position the peer was ever allowed to reach: an update that shrinks the window does not take back
    /// what the peer may have sent before it read it.
    package private(set) var grantedEnd: UInt32 = SmuxWindow.initialBytes
    /// `consumed` at the last update.
    private var announced: UInt32 = 0
    private var hasAnnounced = false

    @_noLocks package init() {}

    /// Bytes received and not yet delivered.
    package var unread: UInt32 { @_noLocks get { received &- consumed } }

    /// Counts bytes as received; false when the peer went past what it was granted.
    @_noLocks package mutating func receive(_ count: UInt32) -> Bool {
        let room = grantedEnd &- received
        guard Int32(bitPattern: room) >= 0, count <= room else { return false }
        received = received &+ count
        return true
    }

    /// Counts bytes as delivered; never more than are unread.
    @_noLocks package mutating func consume(_ count: UInt32) {
        precondition(count <= unread, "delivered more than was received")
        consumed = consumed &+ count
    }

    /// Whether an update is due with a window of `window` bytes: at the first delivery, and whenever half a small
    /// window or an eighth of a large one has been delivered since the last one. With halves a window that came in
    /// one burst would be answered by one update and a rest just short of the next: half a window per round trip.
    @_noLocks package func isUpdateDue(window: UInt32) -> Bool {
        let since = consumed &- announced
        let step = max(window / 8, min(window / 2, SmuxWindow.initialBytes / 2))
        return since > 0 && (!hasAnnounced || since >= step)
    }

    /// Notes that an update with `consumed` and `window` (≤ 2³¹ − 1) is sent now.
    @_noLocks package mutating func announce(window: UInt32) {
        precondition(window <= UInt32(Int32.max))
        announced = consumed
        hasAnnounced = true
        let end = consumed &+ window
        if Int32(bitPattern: end &- grantedEnd) > 0 { grantedEnd = end }
    }
}
