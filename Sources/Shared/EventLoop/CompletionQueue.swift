internal import Operations
internal import Primitives

/// Completions that a shell made itself, first in, first out. Fixed capacity: whoever appends knows that there is room.
struct CompletionQueue: ~Copyable {
    private let cells: ZeroedSlab<Completion>
    private let mask: Int
    private var first = 0
    private(set) var count = 0

    /// Room for at least `capacity` completions; nil when there is no memory.
    init?(capacity: Int) {
        var room = 64
        while room < capacity { room *= 2 }
        guard let cells = ZeroedSlab<Completion>(count: room) else { return nil }
        self.cells = cells
        mask = room - 1
    }

    var isEmpty: Bool { @_noLocks get { count == 0 } }
    var room: Int { @_noLocks get { mask + 1 - count } }

    @_noLocks
    mutating func append(_ completion: Completion) {
        precondition(count <= mask, "completions were not taken before more was asked for")
        cells.cells[(first + count) & mask] = completion
        count += 1
    }

    @_noLocks
    mutating func append(_ token: Token, _ result: Int32) {
        append(Completion(token: token, result: result))
    }

    /// The oldest one. An empty queue starts again at its first cell, so that little memory is ever touched.
    @_noLocks
    mutating func next() -> Completion? {
        guard count > 0 else { return nil }
        let completion = cells.cells[first]
        count -= 1
        first = count == 0 ? 0 : (first + 1) & mask
        return completion
    }
}
