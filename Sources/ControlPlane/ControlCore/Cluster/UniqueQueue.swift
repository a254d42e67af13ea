/// A queue in which each element stands at most once, so that it is never longer than there are elements.
struct UniqueQueue<Element: Hashable & Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0
    private var members: Set<Element> = []

    init() {}

    var count: Int { members.count }
    var isEmpty: Bool { members.isEmpty }

    func contains(_ element: Element) -> Bool { members.contains(element) }

    /// Puts an element at the end, unless it waits already.
    mutating func append(_ element: Element) {
        if members.insert(element).inserted { elements.append(element) }
    }

    mutating func remove(_ element: Element) {
        members.remove(element)
        // What was removed and appended again and again must not make the list grow.
        if elements.count - start > 2 * members.count + 64 {
            elements = elements[start...].filter(members.contains)
            start = 0
        }
    }

    /// Takes up to so many from the front.
    mutating func take(_ limit: Int) -> [Element] {
        var taken: [Element] = []
        while taken.count < limit, start < elements.count {
            let element = elements[start]
            start += 1
            // Removed meanwhile, or it stood here twice after that.
            if members.remove(element) != nil { taken.append(element) }
        }
        if start > 1_024, start * 2 > elements.count || start == elements.count {
            elements.removeFirst(start)
            start = 0
        }
        return taken
    }
}
