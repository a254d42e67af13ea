import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// A connector's place in the tables ends before its connection does.
extension Worker {
    /// A client of ours leaves (`goAway`): nobody is sent to it any more. What is under way on it goes on; idle streams
    /// that visitors kept for later requests end.
    @inline(never) @_semantics("no_performance_analysis")
    mutating func clientGoesAway(_ linkSlot: UInt32) {
        let link = links[linkSlot]
        guard link.pointee.phase == .mux, !link.pointee.isWithdrawn else { return }
        if link.pointee.peerLink == .max { withdrawConnector(linkSlot, .shutdown) }
        link.pointee.isWithdrawn = true
        var cursor = link.pointee.firstStream
        while cursor != .max {
            let stream = cursor
            cursor = streams[stream].pointee.nextInLink
            guard streams[stream].pointee.flags.contains(.parked),
                case .visitor(let visitor) = streams[stream].pointee.partner
            else { continue }
            forgetParked(visitor, stream)
            finishStream(stream)
        }
    }
}
