import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// What became of the search for a stream to a visitor's tunnel.
enum StreamSearch: BitwiseCopyable {
    case stream(UInt32)
    /// The connector lives on another worker, to which the visitor goes.
    case moves
    /// Where it is, is being asked; the visitor waits.
    case waits
    /// There is none, for this reason.
    case none(Reason)
}
