import Primitives

/// What happens when, the earliest first; of the same instant in the order in which it was put in.
struct EventHeap<Event> {
    private var entries: [(at: Tick, number: UInt64, event: Event)] = []
    private var next: UInt64 = 0

    var first: Tick { entries.first?.at ?? .never }

    mutating func put(_ event: Event, at: Tick) {
        entries.append((at, next, event))
        next += 1
        var child = entries.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> (at: Tick, event: Event)? {
        guard let top = entries.first else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < entries.count else { break }
            let child = left + 1 < entries.count && precedes(left + 1, left) ? left + 1 : left
            guard precedes(child, parent) else { break }
            entries.swapAt(child, parent)
            parent = child
        }
        return (top.at, top.event)
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (entries[left].at, entries[left].number) < (entries[right].at, entries[right].number)
    }
}
