package import Model
package import Primitives

/// What is known of a name that some tunnel elsewhere may have.
package struct MirroredName: Sendable {
    /// Whether the store has been heard of it.
    package var isKnown = false
    /// nil: there is no such name.
    package var route: Route?
    /// Until when "no such name" is believed.
    package var absentUntil = Tick.zero
    /// The store said that it is gone just after its own return: believed to be still there.
    package var isDoubtful = false
    /// The hosts by which it was asked for; at most `ControlLimit.hostsPerNameMax`.
    package var hosts: [String] = []
    /// A read is under way.
    var isAsked = false
    /// Questions that wait for it.
    var lookups: [UInt64] = []

    /// Whether a question can be answered by it.
    func answers(at now: Tick) -> Bool { isKnown && (route != nil || now < absentUntil) }
}
