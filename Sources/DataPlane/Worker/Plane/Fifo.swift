import Model
import Observe
import Operations
import PlaneLink
import Primitives
import Wire

/// First in, first out, taking from the front at no cost: what waits for the control plane or for the workers may be
/// thousands, and is moved only when half of its array is free.
struct Fifo<Element> {
    private var elements: [Element] = []
    private var taken = 0

    var count: Int { elements.count - taken }
    var isEmpty: Bool { count == 0 }
    var first: Element? { isEmpty ? nil : elements[taken] }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func removeAll() {
        elements = []
        taken = 0
    }

    /// The one that has waited longest.
    @discardableResult
    mutating func popFirst() -> Element? {
        guard taken < elements.count else { return nil }
        let element = elements[taken]
        taken += 1
        if taken * 2 >= elements.count {
            elements.removeFirst(taken)
            taken = 0
        }
        return element
    }
}
