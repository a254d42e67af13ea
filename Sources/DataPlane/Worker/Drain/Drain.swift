import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// How far a data plane that leaves is, as one of its workers sees it.
struct Drain: BitwiseCopyable {
    /// How often is looked at what is left.
    static var sweepMilliseconds: UInt64 { 50 }
    /// After the grace: for the last bytes to leave.
    static var farewellMilliseconds: UInt64 { 1_000 }
    /// Rounds in a row in which every worker has nothing left: one could miss a visitor on his way between two of them.
    static var quietRounds: UInt8 { 2 }

    var isOn = false
    /// When something is to be done.
    var due = Tick.never
    var nextSweep = Tick.never
    /// Connectors that have not gone by then get nothing new any more.
    var withdrawBy = Tick.never
    /// What is left then is ended.
    var endsAt = Tick.never
    /// Worker 0 asked in this round; 0: it did not.
    var asked: UInt32 = 0

    // Worker 0.
    var round: UInt32 = 0
    /// Answers that are still out, and whether all so far say that nothing is left.
    var awaited: UInt8 = 0
    var isRoundQuiet = false
    var quietCount: UInt8 = 0
    /// The process is to end.
    var isOver = false
}
