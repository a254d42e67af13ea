import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A BIND on its way from the worker that holds the link to worker 0, which asks the control plane.
struct BindQuestion: BitwiseCopyable {
    var ask: BindAsk
    var worker: UInt8
    var link: UInt32
    var generation: UInt32
    /// The routes in force give the host that is asked for to this tunnel already.
    var holdsHost = false
}

/// What was decided, on its way back.
struct BindVerdict: BitwiseCopyable {
    var connector: ConnectorID
    var tunnel: TunnelID
    var link: UInt32
    var generation: UInt32
    var isGranted: Bool
    /// Relay status of a refusal.
    var status: UInt8
    var reason: Reason
    /// HOST of the BIND response (protocol relay §6).
    var host: InlineText
}
