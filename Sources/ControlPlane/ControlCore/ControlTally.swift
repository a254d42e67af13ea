package import Model

/// What the control plane counts about itself, for `/metrics`.
package struct ControlTally: Equatable, Sendable {
    package var bindsGranted: UInt64 = 0
    package var bindsRefused: [Reason: UInt64] = [:]
    /// Custom hosts that were not given, by why.
    package var claimsRefused: [ClaimRefusal: UInt64] = [:]
    /// Custom hosts that a data plane gave while the control plane was away and that another tunnel holds.
    package var claimsLost: UInt64 = 0
    /// Hosts that new rules took from tunnels.
    package var claimsDisplaced: UInt64 = 0
    package var connectorsLearned: UInt64 = 0
    package var dataPlanesLost: UInt64 = 0
    package var linkFaults: UInt64 = 0

    package init() {}
}
