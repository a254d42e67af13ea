internal import Primitives

/// Things that have to be done again and again, each once in a period, evenly spread over it.
///
/// Every element has a cell of its own for as long as it is there; the wheel comes past all cells once in a period. After
/// a loss it turns once quickly (`turnQuickly`), so that everything is done again at a bounded rate.
struct RenewalWheel<Element: Hashable & Sendable>: Sendable {
    private struct Place: Sendable {
        var cell: Int
        var index: Int
    }

    static var cellCount: Int { 256 }

    let periodMilliseconds: UInt64
    private var cells: [[Element]] = Array(repeating: [], count: RenewalWheel.cellCount)
    private var places: [Element: Place] = [:]
    /// The next cell, and when it is due.
    private var cursor = 0
    private var cursorDue = Tick.zero
    /// Of the cell before, what was not taken yet.
    private var due: [Element] = []
    /// Cells left of the quick turn, and its length.
    private var quickCells = 0
    private var quickMilliseconds: UInt64 = 0

    init(periodMilliseconds: UInt64) {
        precondition(periodMilliseconds > 0)
        self.periodMilliseconds = periodMilliseconds
    }

    var count: Int { places.count }
    var isEmpty: Bool { places.isEmpty }
    var isTurningQuickly: Bool { quickCells > 0 }

    func contains(_ element: Element) -> Bool { places[element] != nil }

    /// Adds an element, whose first turn comes within a period, or within the quick turn; `hash` spreads the elements over
    /// the cells.
    mutating func insert(_ element: Element, hash: UInt64, now: Tick) {
        guard places[element] == nil else { return }
        if places.isEmpty { cursorDue = now.advanced(nanoseconds: cellNanoseconds) }
        let cells = UInt64(RenewalWheel.cellCount)
        let cell =
            quickCells > 0
            ? (cursor + Int(truncatingIfNeeded: hash % UInt64(quickCells))) % RenewalWheel.cellCount
            : Int(truncatingIfNeeded: hash % cells)
        places[element] = Place(cell: cell, index: self.cells[cell].count)
        self.cells[cell].append(element)
    }

    mutating func remove(_ element: Element) {
        guard let place = places.removeValue(forKey: element) else { return }
        let last = cells[place.cell].removeLast()
        guard last != element else { return }
        cells[place.cell][place.index] = last
        places[last] = place
    }

    /// Everything comes once more within so many milliseconds.
    mutating func turnQuickly(withinMilliseconds: UInt64, now: Tick) {
        quickCells = RenewalWheel.cellCount
        quickMilliseconds = withinMilliseconds
        cursorDue = now
    }

    /// The next elements that are due, at most so many.
    mutating func take(_ limit: Int, now: Tick) -> [Element] {
        var taken: [Element] = []
        while taken.count < limit {
            if let element = due.popLast() {
                if places[element] != nil { taken.append(element) }
                continue
            }
            guard !places.isEmpty, cursorDue <= now else { break }
            due = cells[cursor]
            cursor = (cursor + 1) % RenewalWheel.cellCount
            quickCells -= quickCells > 0 ? 1 : 0
            // A wheel that could not keep up for longer than a period does not owe more than one turn.
            let oldest = Tick(
                nanoseconds: now.nanoseconds &- min(now.nanoseconds, periodMilliseconds &* 1_000_000))
            cursorDue = max(cursorDue, oldest).advanced(nanoseconds: cellNanoseconds)
        }
        return taken
    }

    /// When the next element is due; `.never` without elements.
    var nextDeadline: Tick {
        if places.isEmpty { return .never }
        if !due.isEmpty { return .zero }
        for step in 0..<RenewalWheel.cellCount where !cells[(cursor + step) % RenewalWheel.cellCount].isEmpty {
            let quick = min(step, quickCells)
            let wait = UInt64(quick) &* quickNanoseconds &+ UInt64(step - quick) &* slowNanoseconds
            return cursorDue.advanced(nanoseconds: wait)
        }
        return .never
    }

    private var quickNanoseconds: UInt64 { quickMilliseconds &* 1_000_000 / UInt64(RenewalWheel.cellCount) }
    private var slowNanoseconds: UInt64 { periodMilliseconds &* 1_000_000 / UInt64(RenewalWheel.cellCount) }
    private var cellNanoseconds: UInt64 { quickCells > 0 ? quickNanoseconds : slowNanoseconds }
}

extension Tick {
    fileprivate func advanced(nanoseconds: UInt64) -> Tick { Tick(nanoseconds: self.nanoseconds &+ nanoseconds) }
}
