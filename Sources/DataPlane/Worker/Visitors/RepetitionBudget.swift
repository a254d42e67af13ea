import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// How many more requests a worker may repeat because what served them was lost with them inside.
///
/// Every request that begins earns a share of a repetition (`repetitionsPercent`), and as many as `repetitionsSavedMax`
/// may be saved up: the end of one node is repeated elsewhere at once, but nodes that end again and again do not double
/// the load of those that are left. Trying another connector because the first one took nothing costs nothing: nobody had
/// work with it.
struct RepetitionBudget: BitwiseCopyable {
    /// In hundredths of a repetition: what one request earns for each percent.
    private var hundredths: UInt64

    init(saved: UInt64) { hundredths = saved * 100 }

    /// Whether one more request may be repeated.
    var isLeft: Bool { @_noLocks get { hundredths >= 100 } }

    /// A request began.
    @_noLocks
    mutating func earn(percent: UInt64, savedMax: UInt64) { hundredths = min(hundredths + percent, savedMax * 100) }

    /// Takes what one repetition costs. False, and nothing is taken, where there is none left.
    @_noLocks
    mutating func spend() -> Bool {
        guard isLeft else { return false }
        hundredths -= 100
        return true
    }
}

extension Worker {
    /// A visitor's request, hello or visit was given a stream for the first time.
    @_noLocks
    mutating func earnRepetition() {
        repetitions.earn(percent: limits[.repetitionsPercent], savedMax: limits[.repetitionsSavedMax])
    }
}
